"""What somebody between gateway and guard, or a false guard, may try: each attempt ends in a 502 or a reset and an event, and
no byte of plaintext gets out behind the last segment that verified."""
import base64
import resource
import socket
import threading
import time

import pytest
import wire
from wire import split

SECRET = b"the model's secret words " * 8
BIG = bytes(range(256)) * 800  # 204,800 bytes: four segments of 64 KiB


def says(model, body=SECRET, **options):
    model.answer = lambda request, out: out.send(wire.response(200, body, "text/plain", **options))


def refused(gateway, answer, *classes):
    assert answer.status == 502, (answer.status, answer.body)
    assert answer.reason == "answer-refused"
    assert b"secret" not in answer.raw + answer.body
    wire.wait_for(lambda: any(gateway.keyholder.refusals(c) for c in classes),
                  f"one of {classes}: {gateway.keyholder.events()}")


def test_what_travels_between_them_holds_no_plaintext(cast):
    guard, gateway, between = cast.meddled()
    says(guard.model)
    assert gateway.call().body == SECRET
    [(_, answer)] = between.seen
    assert b"secret" not in answer
    assert b"Content-Type: application/vnd.mifeng.sealed\r\n" in answer
    assert b"Mifeng-Content-Type: text/plain\r\n" in answer


def test_an_unsealed_answer(cast):
    _, gateway, _ = cast.meddled(answer=lambda data: wire.response(200, SECRET, "text/plain"))
    refused(gateway, gateway.call(), "unsealed")
    assert "unverified status 200" in gateway.nginx.error_log()


def test_an_unsealed_busy_brings_nothing_of_its_own(cast):
    """A guard without room for a body cannot seal that; somebody in between can say it as well, and no more than that."""
    _, gateway, _ = cast.meddled(answer=lambda data: wire.response(
        503, SECRET, "text/plain", fields=[("Set-Cookie", "a=b"), ("Retry-After", "99999")]))
    answer = gateway.call()
    assert (answer.status, answer.reason, answer.field("Retry-After")) == (503, "model-busy", "1")
    assert b"secret" not in answer.raw + answer.body and answer.field("Set-Cookie") is None
    wire.wait_for(lambda: gateway.keyholder.refusals("model-busy"), "that it is counted")


def test_an_unsealed_refusal_is_not_believed(cast):
    _, gateway, _ = cast.meddled(answer=lambda data: wire.response(418, b"", fields=[("Set-Cookie", "a=b")]))
    answer = gateway.call()
    refused(gateway, answer, "unsealed")
    assert answer.field("Set-Cookie") is None
    assert "unverified status 418" in gateway.nginx.error_log()


def flip(data, offset):
    changed = bytearray(data)
    changed[offset] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("offset, classes", [
    (0, ["bad-magic"]), (3, ["bad-version"]), (4, ["bad-kind"]), (5, ["bad-exponent", "bad-header-mac"]),
    (9, ["bad-header-mac"]), (24, ["bad-recipient-count", "header-trailing"]), (25, ["missing-signature", "header-trailing"]),
    (26, ["reserved-not-zero"]), (29, ["no-recipient"]),
    (60, ["bad-recipient-der", "bad-point", "bad-root-key", "header-trailing"]), (-1, ["bad-tag"]), (-30, ["bad-tag"]),
])
def test_an_altered_answer(cast, offset, classes):
    def alter(data):
        head, body = split(data)
        return head + flip(body, offset)

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model)
    answer = gateway.call()
    refused(gateway, answer, *classes)


def header_size(stream):
    return int.from_bytes(stream[6:8], "big")


def segments(stream):
    """header, [segment, ...]"""
    at = header_size(stream)
    parts = []
    while at < len(stream):
        size = (int.from_bytes(stream[at:at + 4], "big") & 0x1ffffff) + 20
        parts.append(stream[at:at + size])
        at += size
    return stream[:header_size(stream)], parts


def broken_after(gateway, answer, good):
    """Refused as a whole, or the connection broke and what came is a beginning of what verified (a reset may take all of
    it along)."""
    if answer.status == 502:
        assert answer.reason == "answer-refused"
        return
    assert answer.status in (200, None)
    assert not answer.complete
    assert BIG.startswith(answer.body)
    assert len(answer.body) <= good


def test_a_late_altered_segment_breaks_the_connection(cast):
    long = BIG * 20  # 4 MB: the header is out long before the fault comes

    def alter(data):
        head, body = split(data)
        header, parts = segments(body)
        return head + header + b"".join(parts[:50]) + flip(parts[50], 100) + b"".join(parts[51:])

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model, long)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as caller:
        caller.sendall(wire.request_bytes("/m"))
        stream = caller.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 200 ")
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"Content-Length: %d\r\n" % len(long) in head
        got = stream.read1(65536)
        assert long.startswith(got) and got
        with pytest.raises(ConnectionResetError):
            while data := stream.read1(65536):
                got += data
        assert long.startswith(got)
        assert len(got) <= 50 * 65536
    gateway.keyholder.wait_refusal("bad-tag")


def test_an_altered_second_segment_ends_after_the_first(cast):
    def alter(data):
        head, body = split(data)
        header, parts = segments(body)
        assert len(parts) == 4
        return head + header + parts[0] + flip(parts[1], 100) + b"".join(parts[2:])

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model, BIG)
    broken_after(gateway, gateway.call(), 65536)
    gateway.keyholder.wait_refusal("bad-tag")


def test_segments_in_another_order(cast):
    def alter(data):
        head, body = split(data)
        header, parts = segments(body)
        return head + header + parts[1] + parts[0] + b"".join(parts[2:])

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model, BIG)
    broken_after(gateway, gateway.call(), 0)
    gateway.keyholder.wait_refusal("bad-tag")


@pytest.mark.parametrize("keep", ["headers", "three segments", "half a header"])
def test_a_truncated_answer(cast, keep):
    def alter(data):
        head, body = split(data)
        header, parts = segments(body)
        return head + {"headers": header, "three segments": header + b"".join(parts[:3]),
                       "half a header": header[:100]}[keep]

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model, BIG)
    answer = gateway.call()
    if keep == "half a header":
        refused(gateway, answer, "truncated")
    else:
        broken_after(gateway, answer, 3 * 65536)
        gateway.keyholder.wait_refusal("truncated")


def test_a_last_segment_that_is_missing_at_its_border(cast):
    """The Content-Length is made to fit, so that only the missing final segment tells."""
    def alter(data):
        head, body = split(data)
        header, parts = segments(body)
        short = header + b"".join(parts[:3])
        return head.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % len(short)) + short

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model, BIG)
    answer = gateway.call()
    refused(gateway, answer, "fixed-rule")


def test_bytes_behind_the_end(cast):
    def alter(data):
        head, body = split(data)
        return head.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) + 3)) + body + b"abc"

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model)
    answer = gateway.call()
    # The Content-Length that follows from it is longer than what comes: never complete.
    assert not answer.complete or answer.status == 502
    gateway.keyholder.wait_refusal("trailing-data")


def test_an_answer_to_another_request_is_a_replay(cast):
    first = []

    def replay(data):
        first.append(data)
        return first[0]

    guard, gateway, _ = cast.meddled(answer=replay)
    says(guard.model)
    assert gateway.call().status == 200
    refused(gateway, gateway.call(), "bad-header-mac")


def test_an_answer_of_another_deployment(cast):
    """Two models behind one gateway; the network sends requests for the one to the other."""
    one = cast.guard("g1", "dep-1")
    two = cast.guard("g2", "dep-2")
    says(two.model)
    routes = [wire.route("/one", "dep-1"), wire.route("/two", "dep-2")]
    gateway = cast.gateway(wire.table_of(one, two, routes=routes, addresses={"dep-1": [two.address]}))
    assert gateway.call("/two").body == SECRET
    refused(gateway, gateway.call("/one"), "unknown-signer")
    # Also where the other one's root key is in the cache by now.
    refused(gateway, gateway.call("/one"), "unknown-signer")


def test_two_answers_exchanged(cast):
    """Both are sealed by the right instance, to the same gateway, at the same time: each to the other's request."""
    both = {}
    barrier = threading.Barrier(2, timeout=20)

    def exchange(data):
        mine = threading.get_ident()
        both[mine] = data
        barrier.wait()
        return next(v for k, v in both.items() if k != mine)

    guard, gateway, between = cast.meddled()
    says(guard.model)
    assert gateway.call().status == 200  # its root key is known
    between.answer = exchange
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(gateway.call())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        refused(gateway, answer, "bad-header-mac")


@pytest.mark.parametrize("name, old, new", [
    ("method", b"POST /", b"PUT /"),
    ("path", b"/predict", b"/predicT"),
    ("query", b"?x=1", b"?x=2"),
    ("body", b"[1,2,3]", b"[1,2,4]"),
    ("body left out", b"Content-Length: 7\r\n\r\n[1,2,3]", b"\r\n"),
    ("declared unbound", b"Mifeng-Request-Id", b"Mifeng-Request-Body: unbound\r\nMifeng-Request-Id"),
])
def test_a_request_that_was_changed_on_its_way(cast, name, old, new):
    def alter(data):
        assert old in data, data
        return data.replace(old, new, 1)

    guard, gateway, _ = cast.meddled(request=alter)
    says(guard.model)
    answer = gateway.call("/m/predict?x=1", "POST", b"[1,2,3]")
    assert len(guard.model.requests) == 1  # it did reach the model
    refused(gateway, answer, "bad-header-mac", "unwrap")


def test_two_bodies_exchanged(cast):
    both = {}
    barrier = threading.Barrier(2, timeout=20)

    def exchange(data):
        head, body = split(data)
        mine = threading.get_ident()
        both[mine] = body
        barrier.wait()
        return head + next(v for k, v in both.items() if k != mine)

    guard, gateway, between = cast.meddled()
    guard.model.answer = lambda request, out: out.send(wire.response(200, b"secret for " + request.body, "text/plain"))
    assert gateway.call("/m", "POST", b"alice").status == 200
    between.request = exchange
    answers = []
    threads = [threading.Thread(target=lambda b=b: answers.append(gateway.call("/m", "POST", b))) for b in (b"alice", b"bobby")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    for answer in answers:
        refused(gateway, answer, "bad-header-mac")


@pytest.mark.parametrize("change", [
    lambda head: head.replace(b"200", b"201", 1),
    lambda head: head.replace(b"Mifeng-Content-Type: text/plain", b"Mifeng-Content-Type: text/html"),
    lambda head: head.replace(b"Mifeng-Content-Type: text/plain\r\n", b""),
    lambda head: head.replace(b"\r\n\r\n", b"\r\nMifeng-Content-Encoding: gzip\r\n\r\n"),
])
def test_status_and_types_are_bound(cast, change):
    def alter(data):
        head, body = split(data)
        assert change(head) != head
        return change(head) + body

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model)
    refused(gateway, gateway.call(), "bad-header-mac")


@pytest.mark.parametrize("extra", [b"Mifeng-Content-Type: text/plain", b"Mifeng-Content-Encoding: \r\nMifeng-Content-Encoding: "])
def test_fields_of_the_seal_that_stand_there_twice(cast, extra):
    guard, gateway, _ = cast.meddled(answer=lambda data: data.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n\r\n", 1))
    says(guard.model)
    refused(gateway, gateway.call(), "duplicate-field")


def empty_seal(data):
    for line in data.split(b"\r\n"):
        if line.startswith(b"Mifeng-Seal: "):
            return base64.b64decode(line[13:], validate=True)
    raise AssertionError(data)


def test_the_seal_of_an_empty_answer_is_bound_too(cast):
    guard, gateway, between = cast.meddled()
    guard.model.answer = lambda request, out: out.send(wire.response(204, length=False))
    assert gateway.call("/m", "DELETE").status == 204
    [(_, answer)] = between.seen
    stream = empty_seal(answer)
    assert len(stream) == header_size(stream) + 20
    old = base64.b64encode(stream)
    cases = {
        "bad-tag": lambda d: d.replace(empty(d), base64.b64encode(flip(empty_seal(d), -1))),
        "bad-header-mac": lambda d: d.replace(empty(d), old),
        "truncated": lambda d: d.replace(empty(d), base64.b64encode(empty_seal(d)[:-20])),
        "bad-base64": lambda d: d.replace(empty(d), empty(d)[:-1]),
        "trailing-data": lambda d: d.replace(empty(d), base64.b64encode(empty_seal(d) + b"xyz")),
        "unsealed": lambda d: d.replace(b"Mifeng-Seal", b"X-Seal"),
        "duplicate-field": lambda d: d.replace(b"\r\n\r\n", b"\r\nMifeng-Seal: " + empty(d) + b"\r\n\r\n"),
    }
    for name, change in cases.items():
        between.answer = change
        refused(gateway, gateway.call("/m", "DELETE"), name)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_seal_field_without_a_value(cast, method):
    guard, gateway, between = cast.meddled()
    guard.model.answer = lambda request, out: out.send(wire.response(200, b""))
    assert gateway.call("/m", method).status == 200
    between.answer = lambda d: d.replace(empty(d), b"")
    if method == "GET":
        refused(gateway, gateway.call("/m"), "truncated")
    else:  # nothing to read the reason from
        assert gateway.call("/m", "HEAD").status == 502
        gateway.keyholder.wait_refusal("truncated")


def empty(data):
    return base64.b64encode(empty_seal(data))


def test_both_forms_at_once(cast):
    guard, gateway, between = cast.meddled()
    says(guard.model)
    guard.model.answer = lambda request, out: out.send(wire.response(200, b"", "text/plain"))
    assert gateway.call().body == b""
    between.answer = lambda d: d.replace(b"Content-Length: 0", b"Content-Length: 3") + b"abc"
    refused(gateway, gateway.call(), "both-forms")
    between.answer = lambda d: d.replace(b"\r\n\r\n", b"\r\nContent-Type: application/vnd.mifeng.sealed\r\n\r\n")
    refused(gateway, gateway.call(), "both-forms")


def test_a_seal_that_opens_to_a_body(cast):
    """A guard that does not keep to the format: the stream of a real body as a Mifeng-Seal."""
    def alter(data):
        head, body = split(data)
        return (b"HTTP/1.1 200 OK\r\nMifeng-Content-Type: text/plain\r\nContent-Length: 0\r\nMifeng-Seal: " +
                base64.b64encode(body) + b"\r\n\r\n")

    guard, gateway, _ = cast.meddled(answer=alter)
    says(guard.model)
    refused(gateway, gateway.call(), "seal-not-empty")


def test_an_instance_that_is_not_listed(cast):
    guard = cast.guard()
    gateway = cast.gateway({**wire.table_of(guard), "instances": []})
    says(guard.model)
    begin = time.monotonic()
    answer = gateway.call()
    seconds = time.monotonic() - begin
    refused(gateway, answer, "unknown-signer")
    assert 1.8 <= seconds <= 6  # it was held, in case a newer table was on its way


def test_an_instance_that_is_listed_while_its_answer_is_held(cast):
    guard = cast.guard()
    gateway = cast.gateway({**wire.table_of(guard), "instances": []})
    says(guard.model)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.call()))
    thread.start()
    gateway.keyholder.wait(lambda e: e.get("unwrap") == "unknown-signer")
    gateway.push(wire.table_of(guard))
    thread.join()
    assert (answers[0].status, answers[0].body) == (200, SECRET)


def test_an_instance_that_is_delisted_is_not_believed_any_more(cast):
    guard, gateway = cast.pair()
    says(guard.model)
    assert gateway.call().status == 200
    gateway.push({**wire.table_of(guard), "instances": []})
    refused(gateway, gateway.call(), "unknown-signer")
    gateway.push(wire.table_of(guard))
    assert gateway.call().status == 200


def test_an_answer_sealed_to_another_output_key(cast, folder):
    guard, gateway = cast.pair()
    other = wire.Key(folder, "other")
    stranger = cast.keep(wire.Guard(folder, other, "g2"))
    gateway.push(wire.table_of(stranger))
    refused(gateway, gateway.call(), "no-recipient")


def test_http_0_9_and_garbage_instead_of_an_answer(cast):
    _, gateway, between = cast.meddled(answer=lambda data: b"just some text, no header\r\n")
    answer = gateway.call()
    refused(gateway, answer, "informational-status")


@pytest.mark.parametrize("status", [100, 101, 103])
def test_a_guard_that_answers_below_200(cast, status):
    _, gateway, _ = cast.meddled(answer=lambda data: b"HTTP/1.1 %d X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" % status
                                 + wire.response(200, SECRET, "text/plain"))
    refused(gateway, gateway.call(), "informational-status")


def test_whoever_asks_the_guard_itself_gets_nothing_to_read(cast):
    guard, gateway = cast.pair()
    says(guard.model)
    for fields in ([], [("Mifeng-Request-Id", "x")], [("Mifeng-Request-Id", "0" * 32)] * 2,
                   [("Mifeng-Request-Id", "A" * 32)], [("Mifeng-Request-Id", "0" * 32), ("Mifeng-Request-Body", "bound")]):
        answer = wire.call(guard.port, "/predict", fields=fields)
        assert (answer.status, answer.body) == (400, b"")
        assert answer.field("Mifeng-Seal") is None
    assert guard.model.requests == []
    guard.keyholder.wait_refusal("bad-request-id", 5)
    sealed = wire.call(guard.port, "/predict", fields=[("Mifeng-Request-Id", "0" * 32)])
    assert sealed.status == 200 and b"secret" not in sealed.body


def crowd(port, count, beginnings):
    """So many connections to a port, that stay; each says one of the beginnings, in turn."""
    held = []
    for i in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=wire.WAIT)
        held.append(connection)
        connection.sendall(beginnings[i % len(beginnings)])
    return held


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


HEADER_BEGUN = b"POST /digits/x HTTP/1.1\r\nHost: x\r\nX-Half: "
BODY_BEGUN = (b"POST /x HTTP/1.1\r\nHost: x\r\nMifeng-Request-Id: " + b"0123456789abcdef" * 2 +
              b"\r\nContent-Length: 9\r\n\r\nx")


@pytest.mark.parametrize("whose, count, begun", [("guard", 1400, HEADER_BEGUN), ("guard", 1400, BODY_BEGUN),
                                                 ("gateway", 5000, HEADER_BEGUN)])
def test_many_who_say_nothing_whole_leave_room_for_who_does(cast, whose, count, begun):
    """More than there are connections of a worker: 1,024 of a guard's, 4,096 of a gateway's. nginx itself makes room of silent
    ones, so nine of ten have begun to speak."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit[0], min(limit[1], 8192)), limit[1]))
    guard, gateway = cast.pair()
    says(guard.model)
    assert gateway.call().body == SECRET
    held = crowd((guard if whose == "guard" else gateway).port, count,
                 [b""] + 9 * [begun])
    try:
        for _ in range(20):
            assert gateway.call().body == SECRET
        # The oldest went, not the newest.
        assert is_closed(held[1]) and not is_closed(held[-1])
    finally:
        for connection in held:
            connection.close()
