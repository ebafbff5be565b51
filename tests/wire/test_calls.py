"""The ordinary ways through gateway and guard."""
import contextlib
import gzip
import os
import pathlib
import queue
import re
import socket
import subprocess
import threading
import time

import pytest
import wire


def echo(request, out):
    out.send(wire.response(200, request.body, "application/octet-stream"))


def test_a_call_comes_back_as_the_model_said_it(cast):
    guard, gateway = cast.pair()
    answer = gateway.call("/m/predict?x=1", "POST", b'{"inputs":[1]}')
    assert (answer.status, answer.body, answer.complete) == (200, b'{"ok":true}', True)
    assert answer.field("Content-Type") == "application/json"
    assert answer.field("Content-Length") == "11"
    [seen] = guard.model.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/predict?x=1", b'{"inputs":[1]}')


# One segment holds 65,536 bytes: the borders, and what does not fit nginx's buffers.
@pytest.mark.parametrize("size", [1, 100, 65535, 65536, 65537, 131072, 1 << 20, (5 << 20) + 7])
def test_bodies_of_every_size_both_ways(cast, size):
    guard, gateway = cast.pair()
    guard.model.answer = echo
    body = bytes(i * 7 % 251 for i in range(251)) * (size // 251 + 1)
    body = body[:size]
    answer = gateway.call("/m", "POST", body)
    assert answer.status == 200 and answer.body == body and answer.complete
    assert answer.field("Content-Length") == str(size)


def test_a_chunked_request_and_a_chunked_answer(cast):
    guard, gateway = cast.pair()
    guard.model.answer = lambda request, out: out.send(
        wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False, content_type="text/plain")
        + b"".join(wire.chunk(request.body[i:i + 1000]) for i in range(0, len(request.body), 1000)) + wire.chunk(b""))
    body = b"0123456789" * 20000
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as caller:
        caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 7001):
            caller.sendall(wire.chunk(body[at:at + 7001]))
        caller.sendall(wire.chunk(b""))
        answer = wire.read_answer(caller)
    assert (answer.status, answer.body, answer.complete) == (200, body, True)
    assert answer.field("Transfer-Encoding") == "chunked"


@pytest.mark.parametrize("method, status, body, length", [
    ("HEAD", 200, b"", "11"), ("GET", 204, b"", None), ("GET", 304, b"", None), ("POST", 200, b"", "0"),
    ("HEAD", 404, b"", "0"), ("DELETE", 500, b"", "0"),
])
def test_answers_without_a_body_are_sealed_by_a_field(cast, method, status, body, length):
    guard, gateway, between = cast.meddled()
    fields = [("Content-Length", length)] if length else []
    guard.model.answer = lambda request, out: out.send(
        wire.response(status, content_type="text/plain", fields=fields, length=False))
    for _ in range(2):  # once with the key unknown, once with it known
        answer = gateway.call("/m/x", method)
        assert (answer.status, answer.body, answer.complete) == (status, b"", True)
        assert answer.field("Content-Type") == "text/plain"
    for _, sealed in between.seen:
        assert sealed.count(b"Mifeng-Seal: ") == 1
        assert b"vnd.mifeng.sealed" not in sealed


def test_the_status_and_type_of_an_error_of_the_model(cast):
    guard, gateway = cast.pair()
    guard.model.answer = lambda request, out: out.send(
        wire.response(422, b'{"detail":"no"}', "application/problem+json; charset=utf-8"))
    answer = gateway.call("/m", "POST", b"x")
    assert (answer.status, answer.body) == (422, b'{"detail":"no"}')
    assert answer.field("Content-Type") == "application/problem+json; charset=utf-8"


def test_a_compressed_answer_keeps_its_encoding(cast):
    guard, gateway = cast.pair()
    packed = gzip.compress(b"hello " * 1000)
    guard.model.answer = lambda request, out: out.send(
        wire.response(200, packed, "text/plain", [("Content-Encoding", "gzip")]))
    answer = gateway.call("/m", fields=[("Accept-Encoding", "gzip")])
    assert answer.body == packed
    assert answer.field("Content-Encoding") == "gzip"
    assert guard.model.requests[0].field("Accept-Encoding") == "gzip"


def test_events_arrive_token_by_token(cast):
    guard, gateway = cast.pair()
    go_on = threading.Semaphore(0)

    def stream(request, out):
        out.send(wire.response(200, content_type="text/event-stream", fields=[("Transfer-Encoding", "chunked")],
                               length=False))
        for i in range(5):
            assert go_on.acquire(timeout=20)
            out.send(wire.chunk(b"data: token %d\n\n" % i))
        assert go_on.acquire(timeout=20)
        out.send(wire.chunk(b""))

    guard.model.answer = stream
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        caller.sendall(wire.request_bytes("/m/stream", "POST", b"prompt"))
        lines = caller.makefile("rb")
        # The header is there before the first token is.
        assert lines.readline().startswith(b"HTTP/1.1 200")
        head = b"".join(iter(lines.readline, b"\r\n"))
        assert b"Content-Type: text/event-stream\r\n" in head
        for i in range(5):
            go_on.release()
            token = b"data: token %d\n\n" % i
            assert lines.readline() == b"%x\r\n" % len(token)
            assert lines.read(len(token) + 2) == token + b"\r\n"
        go_on.release()
        assert lines.readline() == b"0\r\n"


def test_keep_alive_is_used_on_every_leg(cast):
    guard, gateway = cast.pair()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        stream = caller.makefile("rb")
        for i in range(50):
            caller.sendall(wire.request_bytes("/m", "POST", b"%d" % i))
            assert wire.read_answer(caller, "POST", stream).status == 200
    assert len(guard.model.requests) == 50
    assert guard.model.connections == 1
    # Between gateway and guard: one connection, found by its two ends in the kernel's table.
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    established = [l for l in lines if l.split()[2].endswith(f":{guard.port:04X}") and l.split()[3] == "01"]
    assert len(established) == 1, established


def test_callers_fields_of_our_own_name_are_removed(cast):
    guard, gateway, between = cast.meddled()
    answer = gateway.call("/m", fields=[("Mifeng-Request-Id", "0" * 32), ("mifeng-request-body", "unbound"),
                                        ("MIFENG-SEAL", "x"), ("X-Own", "kept"), ("Range", "bytes=0-1"), ("If-Range", "x")])
    assert answer.status == 200
    [(request, _)] = between.seen
    names = [l.split(b":")[0].lower() for l in request.split(b"\r\n")[1:]]
    assert names.count(b"mifeng-request-id") == 1
    assert b"Mifeng-Request-Id: " + b"0" * 32 not in request
    assert not {b"mifeng-request-body", b"mifeng-seal", b"mifeng-removed", b"range", b"if-range"} & set(names)
    [seen] = guard.model.requests
    assert seen.field("X-Own") == "kept"
    # The model does not see ours either.
    assert not [k for k, _ in seen.fields if k.lower().startswith("mifeng")]


def test_only_listed_fields_of_an_answer_pass(cast):
    fields = [("Set-Cookie", "a=b"), ("Location", "http://elsewhere/"), ("Link", "</x>"), ("Refresh", "0; url=/x"),
              ("Access-Control-Allow-Origin", "*"), ("ETag", '"x"'), ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
              ("X-Other", "1"), ("WWW-Authenticate", "Basic"), ("Mifeng-Anything", "1"), ("Mifeng-Seal", "x"),
              ("Server", "model"), ("Expires", "0"), ("Accept-Ranges", "bytes"), ("Vary", "x"),
              ("Cache-Control", "no-store"), ("Retry-After", "3"), ("X-Request-Id", "7"), ("Grpc-Status", "0"),
              ("X-Accel-Redirect", "/etc"), ("X-Accel-Limit-Rate", "1"), ("X-Accel-Expires", "1"), ("X-Accel-Charset", "x")]
    guard = cast.guard()
    routes = [wire.route("/m"), wire.route("/listed", pass_headers=["Set-Cookie", "location", "x-other"])]
    gateway = cast.gateway(wire.table_of(guard, routes=routes))
    guard.model.answer = lambda request, out: out.send(wire.response(302, b"moved", "text/plain", fields))
    always = {"cache-control", "retry-after", "x-request-id", "grpc-status", "content-type", "content-length", "date",
              "server", "connection"}
    plain = gateway.call("/m")
    assert (plain.status, plain.body) == (302, b"moved")
    assert {k.lower() for k, _ in plain.fields} == always
    assert plain.field("Server") == "nginx"
    listed = gateway.call("/listed")
    assert {k.lower() for k, _ in listed.fields} == always | {"set-cookie", "location", "x-other"}
    assert listed.field("Location") == "http://elsewhere/"


@pytest.mark.parametrize("status", [100, 101, 103])
def test_a_model_that_answers_below_200(cast, status):
    guard, gateway = cast.pair()
    guard.model.answer = lambda request, out: out.send(
        b"HTTP/1.1 %d X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nleaked bytes" % status)
    answer = gateway.call("/m")
    # The guard's own 502, sealed: so the gateway passes it on as one.
    assert answer.status == 502 and b"leaked" not in answer.raw + answer.body
    guard.keyholder.wait_refusal("informational-status")
    assert gateway.keyholder.refusals("unsealed") == 0


def test_upgrade_and_connect_pass_no_byte(cast):
    guard, gateway = cast.pair()
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
    answer = gateway.call("/m", fields=upgrade)
    assert answer.status == 501 and answer.reason == "upgrade-refused"
    gateway.keyholder.wait_refusal("upgrade-refused")
    for target in ("/m", "model:443"):
        answer = gateway.call(target, "CONNECT")
        assert answer.status == 501, target
    gateway.keyholder.wait_refusal("upgrade-refused", 3)
    answer = wire.call(guard.port, "/m", fields=[*upgrade, ("Mifeng-Request-Id", "0" * 32)])
    assert (answer.status, answer.body) == (501, b"")
    assert wire.call(guard.port, "/m", "CONNECT").status == 501
    guard.keyholder.wait_refusal("upgrade-refused", 2)
    assert guard.model.requests == [] and guard.model.connections == 0


def test_expect_continue_needs_nothing(cast):
    guard, gateway = cast.pair()
    guard.model.answer = echo
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        stream = caller.makefile("rb")
        caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert wire.read_answer(caller, "POST", stream).status == 100
        caller.sendall(b"hello")
        assert wire.read_answer(caller, "POST", stream).body == b"hello"
    assert guard.model.requests[0].field("Expect") is None


def test_http_1_0_needs_a_length(cast):
    guard, gateway = cast.pair()
    known = gateway.call("/m", version="1.0")
    assert (known.status, known.body) == (200, b'{"ok":true}')
    guard.model.answer = lambda request, out: out.send(
        wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"secret") + wire.chunk(b""))
    unknown = gateway.call("/m", version="1.0")
    assert unknown.status == 502 and unknown.reason == "needs-http-1.1"


def test_what_the_guard_answers_itself_is_sealed(cast):
    """A model that is away, and one that hangs: the guard's 502 and 504 arrive as verified, not as unsealed."""
    guard = cast.guard(changes=lambda text: text.replace("proxy_read_timeout 300s", "proxy_read_timeout 1s"))
    gateway = cast.gateway(wire.table_of(guard))
    stop = threading.Event()
    guard.model.answer = lambda request, out: stop.wait(20) and False
    assert gateway.call("/m", "POST", b"x").status == 504
    stop.set()
    guard.model.stop()
    assert gateway.call("/m", "POST", b"x").status == 502
    time.sleep(1.2)  # what would be counted has been reported
    assert gateway.keyholder.refusals("unsealed") == 0
    assert "unverified" not in gateway.nginx.error_log()


@pytest.mark.parametrize("when", ["before the header", "in the header", "in the body"])
def test_a_model_that_crashes(cast, when):
    guard, gateway = cast.pair()

    def crash(request, out):
        if when == "in the header":
            out.send(b"HTTP/1.1 200 OK\r\nContent-")
        if when == "in the body":
            out.send(wire.response(200, b"x" * 1000, "text/plain")[:-500])
        return False

    guard.model.answer = crash
    answer = gateway.call("/m")
    assert answer.status == 502
    assert answer.complete


def test_a_body_over_the_limit(cast):
    guard = cast.guard()
    gateway = cast.gateway(wire.table_of(guard, routes=[wire.route("/m"), wire.route("/s", stream_requests=True)]),
                           body_max="64k")
    assert gateway.call("/m", "POST", b"x" * 65536).status == 200
    answer = gateway.call("/m", "POST", b"x" * 65537)
    assert answer.status == 413 and answer.reason == "body-too-large"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(9):
            caller.sendall(wire.chunk(b"y" * 8192))
        answer = wire.read_answer(caller)
    assert answer.status == 413 and answer.reason == "body-too-large"
    assert len(guard.model.requests) == 1
    # What is streamed is not bound, and has no limit here.
    assert gateway.call("/s", "POST", b"x" * 200_000).status == 200


class Large:
    """Calls with bodies that nginx puts into files, of which two have room; the model answers them once it is let go."""

    BODY = b"x" * 400_000

    def __init__(self, cast, where):
        def small(name):
            return lambda text: re.sub(r"mifeng_bound_bodies_max \w+", "mifeng_bound_bodies_max 1m", text) \
                if name == where else text
        self.guard = cast.guard(changes=small("guard"))
        self.gateway = cast.gateway(wire.table_of(self.guard), changes=small("gateway"))
        self.go = threading.Event()
        self.guard.model.answer = self.answer
        self.answers = queue.Queue()

    def answer(self, request, out):
        if len(request.body) == len(self.BODY):
            self.go.wait(60)
        out.send(wire.response(200, b"ok", "text/plain"))

    def call(self):
        threading.Thread(target=lambda: self.answers.put(self.gateway.call("/m", "POST", self.BODY)), daemon=True).start()

    def asked(self):
        return sum(len(request.body) == len(self.BODY) for request in self.guard.model.requests)


def test_large_bodies_wait_for_each_others_room(cast):
    large = Large(cast, "guard")
    for _ in range(6):
        large.call()
    wire.wait_for(lambda: large.asked() == 2, "two calls that have room")
    assert large.gateway.call("/m", "POST", b"small").status == 200, "others need no room"
    assert large.asked() == 2 and large.answers.empty(), "the model was asked for what had no room"
    large.go.set()
    assert [large.answers.get(timeout=30).status for _ in range(6)] == [200] * 6


@pytest.mark.parametrize("where, reason", [("guard", "model-busy"), ("gateway", "no-room")])
def test_a_body_that_finds_no_room_is_told_to_come_again(cast, where, reason):
    large = Large(cast, where)
    for _ in range(2):
        large.call()
    wire.wait_for(lambda: large.asked() == 2, "two calls that have room")
    large.call()
    answer = large.answers.get(timeout=30)
    assert (answer.status, answer.reason, answer.field("Retry-After")) == (503, reason, "1")
    assert large.gateway.call("/m", "POST", b"small").status == 200, "others need no room"
    assert large.asked() == 2, "the model was not asked"
    large.go.set()
    assert [large.answers.get(timeout=30).status for _ in range(2)] == [200] * 2
    assert large.gateway.call("/m", "POST", large.BODY).status == 200, "their room is free again"


@pytest.mark.parametrize("announced", [b"Content-Length: 900000", b"Transfer-Encoding: chunked"])
def test_what_is_announced_and_never_sent_takes_no_room(cast, announced):
    """Callers who say that much will come, and send a little of it: whoever sends all of his finds room."""
    large = Large(cast, "gateway")
    large.go.set()
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", large.gateway.port), timeout=20))
            caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\n" + announced + b"\r\n\r\n" + b"5\r\nhello\r\n")
        for _ in range(3):
            assert large.gateway.call("/m", "POST", large.BODY).status == 200
        assert large.asked() == 3


@pytest.mark.parametrize("where", ["guard", "gateway"])
def test_a_body_that_is_cut_off_leaves_its_room(cast, where):
    large = Large(cast, where)
    large.go.set()
    port = large.guard.port if where == "guard" else large.gateway.port
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
            caller.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nMifeng-Request-Id: " + b"0" * 32 +
                           b"\r\nContent-Length: 900000\r\n\r\n" + b"x" * 800_000)
    # The kernel may tell of the next call before it tells of the ends of these.
    wire.wait_for(lambda: large.gateway.call("/m", "POST", large.BODY).status == 200, "the room of what was cut off")


def test_a_route_that_streams_its_requests(cast):
    """The model sees the beginning while the caller still sends; method and target are bound, the body is not."""
    guard = cast.guard()
    gateway = cast.gateway(wire.table_of(guard, routes=[wire.route("/s", stream_requests=True)]))
    first = threading.Event()

    def raw(connection):
        head = b""
        while b"first" not in head:
            head += connection.recv(65536)
        first.set()
        while not head.endswith(b"0\r\n\r\n"):
            head += connection.recv(65536)
        connection.sendall(wire.response(200, b"got it", "text/plain"))

    listener = socket.socket(socket.AF_UNIX)
    guard.model.stop()
    listener.bind(str(guard.model.path))
    listener.listen()
    thread = threading.Thread(target=lambda: raw(listener.accept()[0]), daemon=True)
    thread.start()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        caller.sendall(b"POST /s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + wire.chunk(b"first"))
        assert first.wait(20)
        caller.sendall(wire.chunk(b"last") + wire.chunk(b""))
        answer = wire.read_answer(caller)
    listener.close()
    assert (answer.status, answer.body) == (200, b"got it")


def test_a_workers_counters_are_told_without_content(cast):
    port = wire.free_port()
    server = f"server {{ listen 127.0.0.1:{port}; location / {{ mifeng_metrics; }} }}"
    guard, gateway = cast.pair(changes=lambda text: text.rstrip().removesuffix("}") + server + "\n}\n")
    guard.model.answer = echo
    assert gateway.call("/m").status == 200
    guard.model.answer = lambda request, out: out.send(wire.response(500, b"secret"))
    assert gateway.call("/m").status == 500
    metrics = wire.call(port, "/").body.decode()
    assert "mifeng_calls_total 2\n" in metrics and "mifeng_errors_total 1\n" in metrics


def test_a_socket_of_another_user_is_sent_nothing(cast):
    guard, gateway = cast.pair(changes=lambda text: text.replace(f"mifeng_peer_user {os.getuid()};", "mifeng_peer_user 65531;"))
    asked = []
    guard.model.answer = lambda request, out: asked.append(request)
    assert gateway.call("/m").status == 502
    assert asked == []


def test_http_2_in_front_over_tls(cast, folder):
    guard = cast.guard()
    port = wire.free_port()
    gateway = cast.gateway(wire.table_of(guard), listen=wire.tls_listen(folder, port))
    guard.model.answer = echo
    body = b"0123456789abcdef" * 20000
    (folder / "body").write_bytes(body)

    def curl(*arguments):
        return subprocess.run(["curl", "-sS", "-k", "--max-time", "20", "-w", "%{stderr}%{http_version} %{http_code}",
                               *arguments, f"https://127.0.0.1:{port}/m"], capture_output=True)

    answer = curl("--http2", "--data-binary", f"@{folder}/body")
    assert (answer.stdout, answer.stderr) == (body, b"2 200")
    assert curl("--http1.1", "--data-binary", "x").stderr == b"1.1 200"
    # Without a length, so nginx learns it at the end of the stream: the digest is the same.
    with open(folder / "body", "rb") as upload:
        piped = subprocess.run(["curl", "-sS", "-k", "--http2", "-T", "-", "-X", "POST", f"https://127.0.0.1:{port}/m"],
                               stdin=upload, capture_output=True, timeout=30)
    assert piped.stdout == body

    # An answer that breaks off is an error of its stream, not an end.
    def crash(request, out):
        out.send(wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"first"))
        return False

    guard.model.answer = crash
    broken = curl("--http2")
    assert broken.returncode == 92, broken  # CURLE_HTTP2_STREAM
    assert broken.stdout in (b"first", b"")
    # And one that is refused as a whole is a 502 with its reason.
    gateway.push({**wire.table_of(guard), "instances": []})
    guard.model.answer = echo
    refused = curl("--http2", "--data-binary", "x")
    assert refused.stderr.endswith(b"2 502") and b"answer-refused" in refused.stdout


def test_a_broken_answer_without_a_length_is_a_reset(cast):
    guard, gateway = cast.pair()
    begun = threading.Event()

    def crash(request, out):
        out.send(wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"first"))
        assert begun.wait(20)
        return False

    guard.model.answer = crash
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as caller:
        caller.sendall(wire.request_bytes("/m"))
        assert caller.recv(1, socket.MSG_PEEK), "the caller has the beginning of it"
        begun.set()
        answer = wire.read_answer(caller)
    assert answer.status == 200 and not answer.complete
    assert answer.body in (b"first", b"")
