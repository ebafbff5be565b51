"""Which request goes where, who may send it, and what happens when nobody is there."""
import http.client
import socket
import threading
import time

import pytest
import wire  # and with it tests/support

import listening


def target_of(request, out):
    out.send(wire.response(200, request.target.encode(), "text/plain"))


def test_the_longest_prefix_wins_and_bytes_go_on_as_they_came(cast):
    one, two = cast.guard("g1", "dep-1"), cast.guard("g2", "dep-2")
    one.model.answer = lambda request, out: out.send(wire.response(200, b"one " + request.target.encode("latin-1"), "text/plain"))
    two.model.answer = lambda request, out: out.send(wire.response(200, b"two " + request.target.encode("latin-1"), "text/plain"))
    routes = [wire.route("/a"), wire.route("/a/b", "dep-2"),
              {"id": "named", "prefix": "/named", "forward": "mifeng://dep-2:http/v2/models/x", "open": True},
              {"id": "wide", "prefix": "/%E6%A8%A1", "forward": "mifeng://dep-1/", "open": True}]
    gateway = cast.gateway(wire.table_of(one, two, routes=routes))
    for target, body in {
        "/a": b"one /", "/a/": b"one /", "/a/x": b"one /x", "/a/bc": b"one /bc", "/a/b": b"two /", "/a/b/c?d=%2f": b"two /c?d=%2f",
        "/a?q": b"one /?q", "/a/%E6%A8%A1%E5%9E%8B/infer": b"one /%E6%A8%A1%E5%9E%8B/infer",
        "/a/x%20y+z;p=1,2": b"one /x%20y+z;p=1,2", "/named": b"two /v2/models/x", "/named/infer?a=b": b"two /v2/models/x/infer?a=b",
        "/%E6%A8%A1/x": b"one /x", "/a/..x/x..": b"one /..x/x..", "/a/?//..": b"one /?//..",
    }.items():
        answer = gateway.call(target)
        assert (answer.status, answer.body) == (200, body), target
    # The absolute form names the same path.
    assert gateway.call("http://model.test/a/x").body == b"one /x"


@pytest.mark.parametrize("target", [
    "/m/./x", "/m/../x", "/m/..", "/m//x", "//m/x", "/m/a%2Fb", "/m/a%5cb", "/m/a\\b", "/m/%2e%2e/x", "/m/a%2eb", "/m/%00",
    "/m/x#y", "/m?x#y", "/%6d/x", "/m/%zz", "/m/%4",
])
def test_paths_that_two_readers_could_see_differently(cast, target):
    guard, gateway = cast.pair()
    answer = gateway.call(target)
    assert answer.status == 400, (target, answer.status, answer.body)
    assert guard.model.requests == []


def test_an_unknown_prefix(cast):
    guard, gateway = cast.pair()
    for target in ("/", "/other", "/mm", "/M"):
        answer = gateway.call(target)
        assert answer.status == 404 and answer.reason == "unknown-prefix"
        assert answer.field("Content-Type") == "application/json"
    gateway.keyholder.wait_refusal("unknown-prefix", 4)


def test_callers_show_a_key_that_the_model_never_sees(cast):
    guard = cast.guard()
    callers = [{"id": "c-1", "key_sm3": wire.sm3(b"key one")}, {"id": "c-2", "key_sm3": wire.sm3(b"key two")}]
    routes = [wire.route("/open"), wire.route("/any", open=False), wire.route("/one", open=False, callers=["c-1"])]
    gateway = cast.gateway(wire.table_of(guard, routes=routes, callers=callers))

    def status(target, *fields):
        answer = gateway.call(target, fields=fields)
        if answer.status == 401:
            assert answer.field("WWW-Authenticate") == "Bearer"
        return answer.status

    bearer = lambda key: ("Authorization", f"Bearer {key}")  # noqa: E731
    assert status("/any") == 401
    assert status("/any", bearer("key three")) == 401
    assert status("/any", bearer("")) == 401
    assert status("/any", ("Authorization", "Basic a2V5IG9uZTo=")) == 401
    assert status("/any", bearer("key one")) == 200
    assert status("/any", ("authorization", "bearer  key two ")) == 200
    assert status("/any", ("X-API-Key", "key two")) == 200
    assert status("/one", bearer("key one")) == 200
    assert status("/one", ("X-API-Key", "key two")) == 403
    assert status("/open") == 200
    assert status("/open", ("X-API-Key", "key two"), ("X-Other", "y")) == 200
    assert status("/open", bearer("the model's own")) == 200
    for request in guard.model.requests:
        shown = [v for k, v in request.fields if k.lower() in ("authorization", "x-api-key")]
        assert shown in ([], ["Bearer the model's own"]), shown
    assert len(guard.model.requests) == 7
    gateway.keyholder.wait_refusal("no-caller-key", 3)
    gateway.keyholder.wait_refusal("unknown-caller-key")
    gateway.keyholder.wait_refusal("caller-not-allowed")
    log = gateway.folder / "access.log"
    lines = wire.wait_for(lambda: (lambda all: all if len(all) == 12 else None)(log.read_text().splitlines()), "the log")
    whose = [(line.split('"')[1], line.split('"')[2].split()[0], line.split(" caller=")[1].split(" ")[0]) for line in lines]
    assert ("GET /one", "200", "c-1") in whose
    assert ("GET /one", "403", "c-2") in whose, "who tried it is known"
    assert ("GET /open", "200", "c-2") in whose, "also where nobody has to say who he is"
    assert ("GET /any", "401", "") in whose and "key one" not in log.read_text()


def test_a_deployment_without_instances(cast):
    guard = cast.guard()
    routes = [wire.route("/m"), wire.route("/none", "dep-9"), {**wire.route("/port"), "forward": "mifeng://dep-1:grpc"}]
    gateway = cast.gateway(wire.table_of(guard, routes=routes))
    for target in ("/none", "/port"):
        answer = gateway.call(target)
        assert answer.status == 503 and answer.reason == "no-endpoint"
    assert gateway.call("/m").status == 200


def test_the_next_endpoint_is_tried_where_nothing_was_sent(cast):
    guard = cast.guard()
    dead = [f"127.0.0.1:{wire.free_port()}" for _ in range(2)]
    gateway = cast.gateway(wire.table_of(guard, addresses={"dep-1": [*dead, guard.address]}))
    for i in range(20):
        assert gateway.call("/m", "POST", b"%d" % i).status == 200
    assert [r.body for r in guard.model.requests] == [b"%d" % i for i in range(20)]
    # What failed is not tried each time: it is marked for a while.
    assert gateway.nginx.error_log().count("connect() failed") < 10
    guard.nginx.stop()
    answer = gateway.call("/m", "POST", b"x")
    assert answer.status == 502 and answer.reason == "model-unreachable"


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_sent_is_only_sent_again_where_the_route_says_so(cast, idempotent, method):
    """One endpoint takes the request and closes without an answer."""
    guard = cast.guard()
    taken = []
    listener = socket.create_server(("127.0.0.1", 0))

    def take():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection.recv(65536))
            connection.close()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    bad = "127.0.0.1:%d" % listener.getsockname()[1]
    table = wire.table_of(guard, routes=[wire.route("/m", idempotent=idempotent)], addresses={"dep-1": [bad, guard.address]})
    gateway = cast.gateway(table)
    answer = gateway.call("/m", method, b"x" if method == "POST" else None)
    listening.end(listener, thread)
    assert len(taken) == 1
    assert answer.status == (200 if idempotent else 502)
    assert len(guard.model.requests) == (1 if idempotent else 0)


def test_no_second_attempt_after_the_first_byte_of_an_answer(cast):
    guard = cast.guard()
    listener = socket.create_server(("127.0.0.1", 0))

    def begin():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 2")
        connection.close()

    threading.Thread(target=begin, daemon=True).start()
    bad = "127.0.0.1:%d" % listener.getsockname()[1]
    gateway = cast.gateway(wire.table_of(guard, routes=[wire.route("/m", idempotent=True)],
                                         addresses={"dep-1": [bad, guard.address]}))
    assert gateway.call("/m").status == 502
    listener.close()
    assert guard.model.requests == []


def test_requests_spread_over_the_instances_of_a_deployment(cast):
    guards = [cast.guard(f"g{i}") for i in range(3)]
    gateway = cast.gateway(wire.table_of(*guards))
    for _ in range(30):
        assert gateway.call("/m").status == 200
    assert [len(g.model.requests) for g in guards] == [10, 10, 10]

    def instances():
        return {e["instance"]: e["calls"] for e in gateway.keyholder.events() if e.get("calls")}

    wire.wait_for(lambda: set(instances()) == {"g0", "g1", "g2"}, "counts by instance")


def test_tables_change_under_load_without_an_error(cast):
    """As many full tables as come, while callers call: no error, the same workers, no more memory."""
    guards = [cast.guard("g1", "dep-1"), cast.guard("g2", "dep-2")]
    many = [wire.route(f"/other-{i}", "dep-2") for i in range(500)]
    table = wire.table_of(*guards, routes=[wire.route("/m"), *many])
    gateway = cast.gateway(table, workers=2)
    workers = gateway.nginx.workers()
    assert len(workers) == 2
    stop = threading.Event()
    results = []

    def caller():
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        while not stop.is_set():
            connection.request("POST", "/m/x", b"body")
            answer = connection.getresponse()
            results.append((answer.status, answer.read()))

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        gateway.push(table)
    before = sum(wire.rss_kib(w) for w in workers)
    begin = time.monotonic()
    for i in range(100):
        gateway.push(wire.table_of(*guards, routes=[wire.route("/m"), *many, wire.route(f"/new-{i}")]))
    seconds = time.monotonic() - begin
    stop.set()
    for thread in threads:
        thread.join()
    assert len(results) > 100
    assert set(results) == {(200, b'{"ok":true}')}
    assert gateway.nginx.workers() == workers
    assert sum(wire.rss_kib(w) for w in workers) < before + 8192, seconds
    assert gateway.call("/new-99").status == 200
    assert gateway.call("/new-98").status == 404


def test_a_table_that_has_expired_serves_nothing(cast):
    guard, gateway = cast.pair()
    assert gateway.call("/m").status == 200
    gateway.push({**wire.table_of(guard), "expires_ms": int(time.time() * 1000) + 3000})
    assert gateway.call("/m").status == 200
    wire.wait_for(lambda: gateway.call("/m").status == 503, "the table to expire")
    assert gateway.call("/m").reason == "no-table"
    gateway.push(wire.table_of(guard))
    assert gateway.call("/m").status == 200
