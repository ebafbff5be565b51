"""Limits of a route, which hold for each of its callers by itself: how often, how much at once, how long."""
import contextlib
import math
import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading
import time

import pytest
import wire

CALLERS = [{"id": "c-1", "key_sm3": wire.sm3(b"key one")}, {"id": "c-2", "key_sm3": wire.sm3(b"key two")}]
ONE, TWO = [("X-API-Key", "key one")], [("X-API-Key", "key two")]


class Scene:
    """A model that answers /slow once it is let go, and anything else at once."""

    def __init__(self, cast, workers=1, listen=None, routes=None, **limits):
        self.guard = cast.guard()
        self.guard.model.answer = self.answer
        self.gateway = cast.gateway(self.table(routes, **limits), workers=workers, listen=listen)
        wire.wait_for(lambda: len(self.gateway.nginx.workers()) == workers, "the workers")
        self.go = threading.Event()
        self.answers = queue.Queue()

    def table(self, routes=None, **limits):
        routes = routes or [wire.route("/m", open=False, **limits)]
        return wire.table_of(self.guard, routes=routes, callers=CALLERS)

    def answer(self, request, out):
        if request.target.startswith("/slow"):
            self.go.wait(60)
        out.send(wire.response(200, b"ok", "text/plain"))

    def call(self, fields=ONE, target="/m", **options):
        return self.gateway.call(target, fields=fields, **options)

    def begin_slow(self, fields=ONE):
        """A call that is under way: the model has been asked."""
        before = self.asked("/slow")
        threading.Thread(target=lambda: self.answers.put(self.call(fields, "/m/slow")), daemon=True).start()
        wire.wait_for(lambda: self.asked("/slow") > before, "the model to be asked")

    def begin_slow_in_each(self):
        """One call in each of two workers, of which the other is stopped meanwhile."""
        first, second = self.gateway.nginx.workers()
        for other in (second, first):
            with stopped(other):
                self.begin_slow()
        return first, second

    def asked(self, target):
        return sum(request.target.startswith(target) for request in self.guard.model.requests)

    def until_refused(self, fields=ONE, **options):
        """Calls until one is over the limit: how many passed, what the last one was told, and how long it took."""
        begin = time.monotonic()
        for passed in range(1000):
            answer = self.call(fields, **options)
            if answer.status != 200:
                return passed, answer, time.monotonic() - begin
        raise AssertionError("a thousand calls passed")


def test_a_burst_passes_and_then_a_call_has_to_wait(cast):
    scene = Scene(cast, calls_per_minute=20)  # two at once, then one in three seconds
    passed, answer, seconds = scene.until_refused()
    assert 2 <= passed <= 2 + math.ceil(seconds / 3)
    assert (answer.status, answer.reason) == (429, "too-many-calls")
    assert 1 <= int(answer.field("Retry-After")) <= 3
    assert scene.asked("/") == passed, "the model was asked for a call that was refused"
    assert scene.call(TWO).status == 200, "another caller is counted by himself"
    time.sleep(int(answer.field("Retry-After")))
    assert scene.call().status == 200
    scene.gateway.keyholder.wait_refusal("too-many-calls")
    calls = wire.wait_for(lambda: sum(e.get("calls", 0) for e in scene.gateway.keyholder.events()), "the counts")
    wire.wait_for(lambda: sum(e.get("calls", 0) for e in scene.gateway.keyholder.events()) == passed + 2,
                  f"calls that passed alone are counted as calls: {passed + 2}, so far {calls}")


def test_a_refusal_comes_before_the_body_and_in_the_callers_language(cast):
    scene = Scene(cast, calls_per_minute=1)
    assert scene.call().status == 200
    for language, words in (("zh", "Retry-After 所示的秒数"), ("en", "as often as it may for now")):
        with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as caller:
            caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nX-API-Key: key one\r\nContent-Length: 1000000\r\n"
                           b"Accept-Language: " + language.encode() + b"\r\n\r\n")
            answer = wire.read_answer(caller)
        assert (answer.status, answer.field("Content-Language")) == (429, language)
        assert words in answer.body.decode()
    assert scene.asked("/") == 1


def test_each_route_counts_by_itself(cast):
    scene = Scene(cast, routes=[wire.route("/m", open=False, calls_per_minute=1),
                                wire.route("/n", open=False, calls_per_minute=1)])
    for target in ("/m", "/n"):
        assert scene.call(target=target).status == 200
        assert scene.call(target=target).reason == "too-many-calls"


def test_calls_at_once_have_their_room_back_when_they_end(cast):
    scene = Scene(cast, calls_at_once=2)
    for _ in range(2):
        scene.begin_slow()
    answer = scene.call()
    assert (answer.status, answer.reason, answer.field("Retry-After")) == (429, "too-many-calls-at-once", "1")
    assert "under way" in answer.body.decode()
    assert scene.call(TWO).status == 200, "another caller is counted by himself"
    scene.go.set()
    assert [scene.answers.get(timeout=30).status for _ in range(2)] == [200] * 2
    # An answer is with its caller a moment before nginx has done with the call.
    wire.wait_for(lambda: scene.call().status == 200, "room")
    scene.gateway.keyholder.wait_refusal("too-many-calls-at-once")


def test_a_caller_who_breaks_off_leaves_his_room(cast):
    scene = Scene(cast, calls_at_once=1)
    with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as caller:
        caller.sendall(wire.request_bytes("/m/slow", fields=ONE))
        wire.wait_for(lambda: scene.asked("/slow"), "the model to be asked")
        assert scene.call().status == 429
    wire.wait_for(lambda: scene.call().status == 200, "his room")
    # Not even the body has come.
    with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as caller:
        caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nX-API-Key: key one\r\nContent-Length: 10\r\n\r\nhalf")
        wire.wait_for(lambda: scene.call().status == 429, "it to be counted")
    wire.wait_for(lambda: scene.call().status == 200, "his room")
    scene.go.set()


@contextlib.contextmanager
def stopped(worker):
    os.kill(worker, signal.SIGSTOP)
    try:
        # Not before it has stopped: until then the kernel may wake it, and it alone, for a connection.
        wire.wait_for(lambda: pathlib.Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", "its stop")
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def test_several_workers_count_together(cast):
    scene = Scene(cast, workers=2, calls_at_once=2)
    for other in scene.begin_slow_in_each():
        with stopped(other):
            assert scene.call().reason == "too-many-calls-at-once"
    scene.go.set()
    assert [scene.answers.get(timeout=30).status for _ in range(2)] == [200] * 2


def test_several_workers_have_one_rate(cast):
    scene = Scene(cast, workers=2, calls_per_minute=1)
    first, second = scene.gateway.nginx.workers()
    with stopped(second):
        assert scene.call().status == 200
    with stopped(first):
        answer = scene.call()
        assert (answer.status, answer.reason) == (429, "too-many-calls")
        assert 1 <= int(answer.field("Retry-After")) <= 60


def test_a_worker_that_was_killed_takes_its_calls_along(cast):
    scene = Scene(cast, workers=2, calls_at_once=2)
    first, _ = scene.begin_slow_in_each()
    assert scene.call().status == 429
    os.kill(first, signal.SIGKILL)
    wire.wait_for(lambda: len(scene.gateway.nginx.workers()) == 2 and first not in scene.gateway.nginx.workers(),
                  "a new worker")
    wire.wait_for(lambda: scene.call().status == 200, "the room of its call")
    scene.begin_slow()
    assert scene.call().status == 429, "the call of the other worker still counts"
    scene.go.set()
    assert sorted(str(scene.answers.get(timeout=30).status) for _ in range(3)) == ["200", "200", "None"]
    scene.gateway.nginx.log_path.write_text("")  # the end of the worker was ours


def test_a_changed_limit_holds_with_the_next_table(cast):
    scene = Scene(cast, calls_per_minute=1)
    workers = scene.gateway.nginx.workers()
    assert scene.call().status == 200 and scene.call().status == 429
    scene.gateway.push(scene.table())
    for _ in range(20):
        assert scene.call().status == 200
    scene.gateway.push(scene.table(calls_at_once=1))
    scene.begin_slow()
    assert scene.call().reason == "too-many-calls-at-once"
    scene.gateway.push(scene.table(calls_at_once=2))
    assert scene.call().status == 200
    # What was remembered of the slow rate does not hold up under the fast one.
    scene.gateway.push(scene.table(calls_per_minute=600))
    wire.wait_for(lambda: scene.call().status == 200, "a call within the new limit")
    assert scene.gateway.nginx.workers() == workers
    scene.go.set()


def test_an_open_route_counts_by_address(cast):
    scene = Scene(cast, routes=[wire.route("/m", calls_per_minute=1)])

    def call_from(address, fields=()):
        with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30, source_address=(address, 0)) as sock:
            sock.sendall(wire.request_bytes("/m", fields=fields))
            return wire.read_answer(sock).status

    assert [call_from("127.0.0.2"), call_from("127.0.0.2"), call_from("127.0.0.3"), call_from("127.0.0.3")] == \
        [200, 429, 200, 429]
    # Whoever shows a key is counted as its owner, wherever he is.
    assert [call_from("127.0.0.2", ONE), call_from("127.0.0.4", ONE), call_from("127.0.0.4")] == [200, 429, 200]
    assert call_from("127.0.0.2", [("X-API-Key", "the model's own")]) == 429, "a key of nobody's makes no other caller"


def test_a_call_that_takes_too_long_is_ended_with_504(cast):
    scene = Scene(cast, seconds_max=1, calls_at_once=1)
    ended = threading.Event()

    def slow(request, out):
        if not request.target.startswith("/slow"):
            return scene.answer(request, out)
        # The guard hangs up as soon as the gateway has.
        with contextlib.suppress(OSError):
            out.connection.settimeout(60)
            if out.connection.recv(1) == b"":
                ended.set()
        return False

    scene.guard.model.answer = slow
    answer = scene.call(target="/m/slow", method="POST", body=b"x")
    assert (answer.status, answer.reason) == (504, "call-too-long")
    assert "longer than this model's route allows" in answer.body.decode()
    assert ended.wait(30), "the model still works on it"
    wire.wait_for(lambda: scene.call().status == 200, "its room")
    scene.gateway.keyholder.wait_refusal("call-too-long")


def test_a_body_that_does_not_come_is_part_of_the_time(cast):
    scene = Scene(cast, seconds_max=1)
    with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as caller:
        caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nX-API-Key: key one\r\nContent-Length: 1000\r\n\r\nhalf")
        stream = caller.makefile("rb")
        answer = wire.read_answer(caller, "POST", stream)
        assert (answer.status, answer.reason) == (504, "call-too-long")
        # What is still to come of it is no request.
        caller.sendall(b"x" * 996)
        with contextlib.suppress(ConnectionError):
            assert stream.read() == b""
    assert scene.asked("/") == 0


def test_a_call_is_ended_while_its_answer_waits_for_a_key(cast):
    scene = Scene(cast, seconds_max=2)
    keyholder = scene.gateway.keyholder.process.pid
    with stopped(keyholder):
        answer = scene.call()
    assert (answer.status, answer.reason) == (504, "call-too-long")
    assert scene.asked("/") == 1
    wire.wait_for(lambda: scene.call().status == 200, "the key")


@pytest.mark.parametrize("length", [True, False])
def test_after_the_header_a_call_that_takes_too_long_is_a_reset(cast, length):
    scene = Scene(cast, seconds_max=4)
    first = b"x" * 200_000

    def stream(request, out):
        fields = [("Content-Length", 300_000)] if length else [("Transfer-Encoding", "chunked")]
        out.send(wire.response(200, fields=fields, length=False) + (first if length else wire.chunk(first)))
        scene.go.wait(60)
        return False

    scene.guard.model.answer = stream
    with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as caller:
        caller.sendall(wire.request_bytes("/m", fields=ONE))
        raw = b""
        with pytest.raises(ConnectionResetError):
            while data := caller.recv(65536):
                raw += data
    assert raw.startswith(b"HTTP/1.1 200 ") and not raw.endswith(b"0\r\n\r\n")
    scene.gateway.keyholder.wait_refusal("call-too-long")
    scene.go.set()


def test_a_caller_who_does_not_read_is_ended_as_well(cast):
    """The whole answer is there, and with nginx: it is the caller who takes too long, and sees that it is not whole."""
    scene = Scene(cast, seconds_max=4, calls_at_once=1)
    scene.guard.model.answer = lambda request, out: out.send(wire.response(200, b"x" * (32 << 20)))
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        caller.settimeout(30)
        caller.connect(("127.0.0.1", scene.gateway.port))
        caller.sendall(wire.request_bytes("/m", fields=ONE))
        scene.gateway.keyholder.wait_refusal("call-too-long")
        answer = wire.read_answer(caller)
    assert answer.status in (200, None) and not answer.complete
    scene.guard.model.answer = scene.answer
    wire.wait_for(lambda: scene.call().status == 200, "its room")


def test_http_2_streams_are_ended_alike(cast, folder):
    port = wire.free_port()
    scene = Scene(cast, listen=wire.tls_listen(folder, port), seconds_max=4, calls_per_minute=600)

    def stream(request, out):
        if request.target == "/stream":
            out.send(wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"first"))
        scene.go.wait(60)
        return False

    def curl(target):
        return subprocess.run(["curl", "-sSk", "--http2", "--max-time", "30", "-H", "X-API-Key: key one", "-w",
                               "%{stderr}%{http_version} %{http_code}", f"https://127.0.0.1:{port}{target}"],
                              capture_output=True, text=True)

    scene.guard.model.answer = stream
    late = curl("/m/never")
    assert late.stderr == "2 504" and "call-too-long" in late.stdout
    broken = curl("/m/stream")
    assert broken.returncode == 92, broken  # CURLE_HTTP2_STREAM
    scene.go.set()
    scene.gateway.push(scene.table(calls_per_minute=1))
    scene.guard.model.answer = scene.answer
    wire.wait_for(lambda: curl("/m").stderr == "2 429", "a call over the limit")


def test_a_caller_who_floods_touches_nobody_else(cast):
    """He sends as much as he can on many connections; another caller's calls all pass, and the model sees what the limit
    lets through alone."""
    scene = Scene(cast, workers=2, calls_per_minute=60, calls_at_once=4)
    stop = threading.Event()
    flooded = []

    def flood():
        with socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=30) as sock:
            stream = sock.makefile("rb")
            while not stop.is_set():
                sock.sendall(wire.request_bytes("/m/flood", "POST", b"x" * 1000, fields=ONE))
                answer = wire.read_answer(sock, "POST", stream)
                flooded.append((answer.status, None if answer.status == 200 else answer.reason))

    begin = time.monotonic()
    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    # As many as the other may send at once, and each of them while the flood goes on.
    wire.wait_for(lambda: len(flooded) > 100, "the flood")
    for _ in range(6):
        before = len(flooded)
        assert scene.call(TWO, "/m/other").status == 200
        wire.wait_for(lambda: len(flooded) > before + 50, "the flood to go on")
    stop.set()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    assert {why for _, why in flooded} <= {None, "too-many-calls", "too-many-calls-at-once"}
    assert flooded.count((200, None)) == scene.asked("/flood") <= 6 + math.ceil(seconds)
    assert scene.asked("/other") == 6
    assert "too-many-calls" not in scene.gateway.nginx.error_log(), "he fills a log"
    refused = sum(status == 429 for status, _ in flooded)
    wire.wait_for(lambda: sum(scene.gateway.keyholder.refusals(name) for name in
                              ("too-many-calls", "too-many-calls-at-once")) == refused, f"{refused} refusals in sums")
    # Each worker tells once a second what it has counted.
    sums = [e for e in scene.gateway.keyholder.events() if any(n.startswith("too-many") for n in e.get("refusals", {}))]
    assert len(sums) <= 2 * math.ceil(time.monotonic() - begin + 1), "a flood is told in sums"
