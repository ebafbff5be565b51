"""Who has proved nothing, in crowds: what he gets at mifengd's listener, and that nobody else goes without."""
import concurrent.futures
import contextlib
import http.client
import json
import resource
import select
import socket
import threading

import pytest

from gateway_member import Member
from installation import wait_until

FLOOD, ELSEWHERE = "127.0.0.9", "127.0.0.2"
PASSWORD = "long enough for admin"


def invite(platform, gateway, folder):
    status, join, _ = platform.request("POST", "/gateways", platform.administrator, {"id": gateway})
    assert status == 201, join
    folder.mkdir()
    return Member(join, folder)


def enrol(platform, member, source):
    fields, body = member.enrolment()
    return platform.request("POST", f"/gateways/{member.id}/enrolment", body=body, headers=fields, source=source)


def junk(platform, gateways, source):
    """Enrolments that are none, over one connection; their answers."""
    connection = platform.connect(source=source)
    answers = []
    for gateway in gateways:
        connection.request("POST", f"/api/v1/gateways/{gateway}/enrolment", b"x" * 600, {"Mifeng-Nonce": "0" * 32})
        answer = connection.getresponse()
        answers.append((answer.status, json.loads(answer.read())["reason"]))
    connection.close()
    return answers


def refusals(platform, action):
    return platform.request("GET", f"/audit?action={action}&page_size=200", platform.administrator)[1]["items"]


def sign_in(platform, name, password, source):
    status, answer, _ = platform.request("POST", "/session", body={"name": name, "password": password}, source=source)
    return status, answer.get("reason", "signed in"), answer.get("message", "")


@contextlib.contextmanager
def sockets(platform, count, source):
    """Many connections of this process, which it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind((source, 0))
            one.settimeout(60)
            one.connect(("127.0.0.1", platform.port))
            opened.append(one)
        yield opened
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ended(opened):
    """Those of the sockets that the server has closed."""
    poll = select.poll()
    for one in opened:
        poll.register(one, select.POLLIN | select.POLLRDHUP)
    return [number for number, events in poll.poll(0) if events & (select.POLLRDHUP | select.POLLHUP | select.POLLERR)]


def test_enrolments_of_gateways_that_nobody_invited_use_up_nothing(platform, tmp_path):
    member = invite(platform, "ward", tmp_path / "ward")
    names = [f"made-up-{number}" for number in range(5100)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda part: junk(platform, names[part::4], FLOOD), range(4))
        assert {answer for part in parts for answer in part} == {(403, "refused")}
    # The name that is there is still told from none of them, and counts for itself.
    assert junk(platform, ["ward"], FLOOD) == [(403, "refused")]
    assert enrol(platform, member, FLOOD)[0] == 200, "from the same address, too"
    # Of the crowd there is a sum, and of the one that was invited an entry.
    wait_until(lambda: any(one["outcome"] == "strangers" for one in refusals(platform, "gateway.refuse-enrolment")), 60,
               "the housekeeping has summed up")
    written = refusals(platform, "gateway.refuse-enrolment")
    assert {one["actor"] for one in written} == {"strangers", "gateway ward"}
    assert len(written) < 5
    assert FLOOD in next(one for one in written if one["actor"] == "strangers")["detail"]


def test_refused_enrolments_count_against_their_gateway_and_address_alone(platform, tmp_path):
    members = [invite(platform, name, tmp_path / name) for name in ("ward", "lab")]
    answers = junk(platform, ["ward"] * 25, FLOOD)
    assert answers == [(403, "refused")] * 20 + [(429, "too-many-requests")] * 5
    assert enrol(platform, members[0], FLOOD)[0] == 429
    assert enrol(platform, members[1], FLOOD)[0] == 200, "another gateway behind the same address"
    assert enrol(platform, members[0], ELSEWHERE)[0] == 200, "the gateway itself, from where it is"
    assert len(refusals(platform, "gateway.refuse-enrolment")) < 15


def test_a_right_sign_in_is_answered_during_a_flood_of_wrong_ones(platform):
    body = lambda number: json.dumps({"name": f"made-up-{number}", "password": "wrong"})  # noqa: E731
    with sockets(platform, 100, FLOOD) as opened:
        for number, one in enumerate(opened):
            text = body(number)
            one.sendall(f"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(text)}\r\n\r\n{text}".encode())
        # Every one of them is read and waits, or was refused, before this one comes.
        answered = []
        assert sign_in(platform, "admin", PASSWORD, ELSEWHERE)[:2] == (200, "signed in")
        assert platform.request("GET", "/people", platform.administrator, source=FLOOD)[0] == 200, "a session goes on"
        for one in opened:
            answer = http.client.HTTPResponse(one)
            answer.begin()
            answered.append((answer.status, json.loads(answer.read())["reason"]))
    assert {status for status, _ in answered} <= {401, 429}, answered
    assert sum(reason == "bad-sign-in" for _, reason in answered) <= 30, "what the flood may cost is bounded"


def test_wrong_passwords_lock_nobody_out_and_tell_nothing(platform):
    def guess(name):
        answers = [sign_in(platform, name, "wrong", FLOOD) for _ in range(7)]
        return [(status, reason) for status, reason, _ in answers]
    of_admin = guess("admin")
    assert of_admin == [(401, "bad-sign-in")] * 5 + [(429, "too-many-sign-ins")] * 2
    assert guess("made-up") == of_admin, "the answers do not tell who is there"
    assert sign_in(platform, "admin", PASSWORD, ELSEWHERE)[:2] == (200, "signed in")
    # Who is signed in stays so, and may change his password, also behind the guesser's address.
    token = platform.administrator
    assert platform.request("GET", "/people", token, source=FLOOD)[0] == 200
    change = {"old_password": PASSWORD, "new_password": "quite another password"}
    assert platform.request("PUT", "/session/password", token, change, source=FLOOD)[0] == 204


def test_sockets_that_say_little_leave_room_for_everybody(platform):
    with sockets(platform, 1400, FLOOD) as opened:
        for one in opened:
            with contextlib.suppress(OSError):  # the server has closed it
                one.send(b"GET /api/v1/system/health HTTP/1.1\r\nX-Slow: ")
        for source in (ELSEWHERE, FLOOD):
            assert platform.request("GET", "/system/health", source=source)[0] == 200
            assert platform.request("GET", "/people", platform.administrator, source=source)[0] == 200
        wait_until(lambda: len(ended(opened)) >= 1400 - 128, 60, "one address has its share of connections")


def raw(platform, text, source=FLOOD):
    one = socket.create_connection(("127.0.0.1", platform.port), 60, source_address=(source, 0))
    one.sendall(text.encode())
    return one


def answer_of(one):
    with contextlib.closing(one):
        answer = http.client.HTTPResponse(one)
        answer.begin()
        return answer.status, json.loads(answer.read())["reason"]


@pytest.mark.parametrize("path", ["/session", "/gateways/ward/enrolment", "/gateways/ward/reports"])
def test_whoever_has_not_signed_in_may_send_64_kib(platform, path):
    head = (f"POST /api/v1{path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            f"Mifeng-Nonce: {'0' * 32}\r\nMifeng-Serial: 1\r\n")
    # It is refused before it has come, or the server would wait for it.
    assert answer_of(raw(platform, head + "Content-Length: 65537\r\n\r\n")) == (413, "body-too-large")
    chunked = raw(platform, head + "Transfer-Encoding: chunked\r\n\r\n")
    chunked.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    for _ in range(4):
        chunked.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    assert answer_of(chunked) == (413, "body-too-large")
    # Signed in, a MiB is taken.
    status, answer, _ = platform.request("POST", "/routes", platform.administrator, {"name": "x" * (1 << 19)})
    assert (status, answer["reason"]) == (400, "bad-field"), answer


def test_a_body_that_trickles_ends(platform):
    one = raw(platform, "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        "Content-Length: 60000\r\n\r\n{")
    stop = threading.Event()

    def trickle():
        with contextlib.suppress(OSError):
            while not stop.wait(0.5):
                one.send(b" ")
    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        assert answer_of(one)[1] == "body-too-slow", "some progress is not enough"
    finally:
        stop.set()
        sender.join()
