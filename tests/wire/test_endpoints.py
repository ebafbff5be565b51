"""Where a call goes while units come and go, and what becomes of it when they end in between."""
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import wire


class Caller:
    """One kept connection to a gateway, or to a guard."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.stream = self.socket.makefile("rb")

    def send(self, body=b"x", **options):
        self.socket.sendall(wire.request_bytes("/m", "POST", body, **options))

    def receive(self):
        return wire.read_answer(self.socket, "POST", self.stream)

    def call(self, **options):
        self.send(**options)
        return self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


def request_id(digit="0"):
    return [("Mifeng-Request-Id", digit * 32)]


def connections_to(port):
    """How many established connections there are to this port of loopback."""
    rows = [line.split() for line in open("/proc/net/tcp")][1:]
    return sum(row[3] == "01" and row[2] == f"0100007F:{port:04X}" for row in rows)


def in_background(function):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()

    def result():
        thread.join(30)
        assert answers, "no answer"
        return answers[0]

    return result


# --- Balanced addresses. ---

def test_a_balanced_address_is_asked_until_a_unit_is_reached(cast):
    guard = cast.guard()
    gateway = cast.gateway(wire.table_of(guard, kind="balanced"))
    assert gateway.call("/m", "POST", b"x").status == 200
    guard.nginx.stop()
    answer = in_background(lambda: gateway.call("/m", "POST", b"y"))
    wire.wait_for(lambda: "connect() failed" in gateway.nginx.error_log(), "the first try")
    guard.start()
    assert answer().status == 200
    assert [r.body for r in guard.model.requests] == [b"x", b"y"]
    # A unit is not: there is one behind its address, and it is not there.
    gateway.push(wire.table_of(guard, kind="unit"))
    guard.nginx.stop()
    assert gateway.call("/m", "POST", b"z").status == 502


def test_a_balanced_address_is_given_up_after_eight_tries(cast):
    guard = cast.guard()
    dead = f"127.0.0.1:{wire.free_port()}"
    gateway = cast.gateway(wire.table_of(guard, kind="balanced", addresses={"dep-1": [dead]}))
    begin = time.monotonic()
    assert gateway.call("/m", "POST", b"x").status == 502
    assert time.monotonic() - begin >= 4  # it took its time
    assert gateway.nginx.error_log().count("connect() failed") == 8
    # Now it is marked, and another one comes first.
    gateway.push(wire.table_of(guard, kind="balanced", addresses={"dep-1": [dead, guard.address]}))
    assert gateway.call("/m", "POST", b"x").status == 200
    assert gateway.nginx.error_log().count("connect() failed") == 8


def test_a_balanced_address_that_says_nothing_is_given_up_after_six_seconds(cast):
    guard = cast.guard()
    with contextlib.ExitStack() as open_sockets:
        silent = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = silent.getsockname()[1]
        # Nobody takes these, and as soon as they fill its queue the kernel drops whatever else comes.
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        gateway = cast.gateway(wire.table_of(guard, kind="balanced", addresses={"dep-1": [f"127.0.0.1:{port}"]}))
        begin = time.monotonic()
        assert gateway.call("/m", "POST", b"x").status in (502, 504)
        assert 4 <= time.monotonic() - begin < 20
        assert gateway.nginx.error_log().count("while connecting to upstream") >= 4  # not one long wait
    gateway.push(wire.table_of(guard, kind="balanced", addresses={"dep-1": [f"127.0.0.1:{port}", guard.address]}))
    assert gateway.call("/m", "POST", b"x").status == 200


# --- Kept connections. ---

def test_an_idle_connection_is_closed_by_the_gateway(cast):
    guard, gateway = cast.pair()
    assert gateway.call("/m", "POST", b"x").status == 200
    assert connections_to(guard.port) == 1
    wire.wait_for(lambda: connections_to(guard.port) == 0, "the gateway to close it", 20)  # the guard would after 90 s
    assert gateway.call("/m", "POST", b"x").status == 200


def test_a_kept_connection_that_has_just_been_closed_is_not_written_to(cast):
    """The worker comes to the call before it comes to the end of the connection, since that came later."""
    guard, gateway, between = cast.meddled()
    [worker] = gateway.nginx.workers()
    with Caller(gateway.port) as caller:
        assert caller.call().status == 200
        os.kill(worker, signal.SIGSTOP)
        try:
            caller.send(b"y")
            between.connections[0].shutdown(socket.SHUT_RDWR)
        finally:
            os.kill(worker, signal.SIGCONT)
        assert caller.receive().status == 200
    assert [r.body for r in guard.model.requests] == [b"x", b"y"]
    assert len(between.connections) == 2


# --- A guard that ends. ---

def test_a_lame_duck_serves_on_and_says_that_each_answer_is_the_last(cast):
    guard, gateway = cast.pair()
    with Caller(guard.port) as kept:
        first = kept.call(fields=request_id("1"))
        assert first.field("Connection") == "keep-alive" and first.field("Mifeng-Leaving") is None
        guard.keyholder.command("lame")
        wire.wait_for(lambda: wire.call(guard.port, "/m", fields=request_id("2")).field("Connection") == "close", "the word")
        last = kept.call(fields=request_id("3"))
        assert (last.status, last.field("Connection"), last.field("Mifeng-Leaving")) == (200, "close", "1")
        assert kept.stream.read() == b""
    answer = gateway.call("/m", "POST", b"x")
    assert answer.status == 200 and answer.field("Mifeng-Leaving") is None


def test_others_are_asked_while_one_is_a_lame_duck(cast):
    first, second = cast.guard("g1"), cast.guard("g2")
    gateway = cast.gateway(wire.table_of(first, second))
    first.keyholder.command("lame")
    for _ in range(20):
        assert gateway.call("/m", "POST", b"x").status == 200
    assert len(first.model.requests) <= 2 and len(second.model.requests) >= 18
    # Where there is nobody else, it is asked.
    gateway.push(wire.table_of(first))
    assert gateway.call("/m", "POST", b"x").status == 200


def test_a_guard_that_drains_takes_no_connection_and_finishes_those_it_has(cast):
    guard, gateway = cast.pair()
    go_on = threading.Event()

    def slowly(request, out):
        out.send(wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"first"))
        assert go_on.wait(20)
        out.send(wire.chunk(b"last") + wire.chunk(b""))

    guard.model.answer = slowly
    drained = lambda: any("drained" in e for e in guard.keyholder.events())  # noqa: E731
    with Caller(gateway.port) as caller:
        caller.send()
        while b"first" not in caller.stream.readline():
            pass
        guard.keyholder.command("lame")
        guard.keyholder.command("drain")

        def is_closed():
            try:
                socket.create_connection(("127.0.0.1", guard.port), timeout=5).close()
            except ConnectionRefusedError:
                return True
            return False

        wire.wait_for(is_closed, "the port to be closed")
        assert not drained()
        go_on.set()
        while caller.stream.readline() != b"0\r\n":
            pass
        assert caller.stream.readline() == b"\r\n"
        # The beginning of that answer could not say that its connection ends: the gateway has kept it, and may use it.
        guard.model.answer = lambda request, out: out.send(wire.response(200, b"more", "text/plain"))
        answer = caller.call()
        assert (answer.status, answer.body) == (200, b"more")
    wire.wait_for(drained, "the end of the last connection")


def test_a_connection_that_nobody_uses_does_not_hold_up_the_end(cast):
    guard = cast.guard()
    with socket.create_connection(("127.0.0.1", guard.port)), Caller(guard.port) as kept:
        assert kept.call(fields=request_id()).status == 200
        guard.keyholder.command("drain")
        guard.keyholder.wait(lambda e: "drained" in e, 30)


# --- A worker that has just begun. ---

def test_a_call_waits_for_a_seal_key(cast, monkeypatch):
    monkeypatch.setenv("MIFENG_SEAL_KEY_ANSWERS", "20")
    guard = cast.guard()
    ask = lambda: wire.call(guard.port, "/m", "POST", b"x", fields=request_id())  # noqa: E731
    assert ask().status == 200  # the worker has its first key
    keyholder = guard.keyholder.process.pid
    os.kill(keyholder, signal.SIGSTOP)
    try:
        assert {ask().status for _ in range(19)} == {200}
        answer = in_background(ask)
        time.sleep(0.3)
        assert len(guard.model.requests) == 20  # it has not been passed on, since its answer could not be sealed
    finally:
        os.kill(keyholder, signal.SIGCONT)
    assert answer().status == 200


def test_a_key_is_not_spent_by_others_while_the_model_works(cast, monkeypatch):
    monkeypatch.setenv("MIFENG_SEAL_KEY_ANSWERS", "2")
    guard = cast.guard()
    go_on = threading.Event()

    def slowly(request, out):
        assert go_on.wait(20)
        out.send(wire.response(200, b"done", "text/plain"))

    guard.model.answer = slowly
    answers = [in_background(lambda: wire.call(guard.port, "/m", "POST", b"x", fields=request_id())) for _ in range(2)]
    wire.wait_for(lambda: len(guard.model.requests) == 2, "both at the model")
    os.kill(guard.keyholder.process.pid, signal.SIGSTOP)
    try:
        answers.append(in_background(lambda: wire.call(guard.port, "/m", "POST", b"x", fields=request_id())))
        go_on.set()
        assert [answer().status for answer in answers[:2]] == [200, 200]
    finally:
        os.kill(guard.keyholder.process.pid, signal.SIGCONT)
    assert answers[2]().status == 200


def test_a_new_worker_of_a_gateway_answers_nobody_before_it_has_its_table(cast, folder):
    guard = cast.guard()
    port = wire.free_port()
    gateway = cast.gateway(wire.table_of(guard), listen=wire.tls_listen(folder, port))
    keyholder = gateway.keyholder.process.pid
    [worker] = gateway.nginx.workers()
    os.kill(keyholder, signal.SIGSTOP)
    try:
        os.kill(worker, signal.SIGKILL)
        wire.wait_for(lambda: gateway.nginx.workers() not in ([], [worker]), "a new worker")
        answer = in_background(lambda: gateway.call("/m", "POST", b"x"))
        over_http_2 = in_background(lambda: subprocess.run(
            ["curl", "-sSk", "--http2", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
             "--data-binary", "y", f"https://127.0.0.1:{port}/m"], capture_output=True, text=True).stdout)
        # It begins after 3 s in any case; then the call itself waits for 2 s.
        time.sleep(3.5)
    finally:
        os.kill(keyholder, signal.SIGCONT)
    assert answer().status == 200
    assert over_http_2() == "2 200"
    gateway.nginx.log_path.write_text("")  # the end of the old one was ours
