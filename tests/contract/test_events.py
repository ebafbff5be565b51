"""The stream of events: what each role is told of, going on after a cut, and its end with the session or the platform."""

import contextlib
import hashlib
import json
import socket
import sqlite3
import time

import pytest

from conftest import ROLES, Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

KINDS = {"deployments", "units", "batches", "models", "uploads", "vendors", "clusters", "ports", "routes", "callers",
         "gateways", "keys", "instances", "people", "sessions", "tokens", "audit"}


class Stream:
    """A stream that is read until it has said what a test waits for."""

    def __init__(self, platform, token=None, last=None, cookie=None, local=False):
        self.connection = platform.connect(platform.local_socket if local else None)
        headers = {"Authorization": "Bearer " + token} if token else {}
        if cookie:
            headers["Cookie"] = cookie
        if last is not None:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        self.events, self.last, self.comments = [], None, 0
        if self.answer.status != 200:
            self.refusal = json.loads(self.answer.read())
        else:
            assert self.answer.getheader("Content-Type") == "text/event-stream"
            assert self.answer.getheader("Cache-Control") == "no-store"

    def frame(self):
        """The next frame, read to its empty line; None at the end."""
        name, data = None, None
        while True:
            line = self.answer.readline()
            if not line:
                return None
            word, _, value = line.decode().rstrip("\n").partition(": ")
            if line == b"\n":
                break
            if line.startswith(b":"):
                self.comments += 1
            elif word == "event":
                name = value
            elif word == "data":
                data = json.loads(value)
            elif word == "id":
                self.last = value
            else:
                assert word == "retry", line
        if name:
            self.events.append((name, data))
        return name or "nothing"

    def until(self, *wanted, seconds=30):
        """Reads until it has said all of these: "reset", "end", or a kind with its id."""
        deadline = time.monotonic() + seconds
        while not set(wanted) <= self.said():
            left = deadline - time.monotonic()
            assert left > 0, (set(wanted) - self.said(), self.events)
            self.connection.sock.settimeout(left)
            try:
                assert self.frame(), ("it ended", self.events)
            except TimeoutError:
                raise AssertionError((set(wanted) - self.said(), self.events)) from None
        return self

    def said(self):
        return {name if name != "change" else (data["kind"], data["id"]) for name, data in self.events}

    def kinds(self):
        return {data["kind"] for name, data in self.events if name == "change"}

    def is_silent(self, seconds=0.6):
        """Whether it says nothing of a change; longer than changes are gathered for."""
        self.connection.sock.settimeout(seconds)
        with pytest.raises(TimeoutError):
            while self.frame():
                pass
        return self.kinds() == set()

    def close(self):
        self.connection.close()


@pytest.fixture
def follow(platform):
    opened = []

    def begin(token=None, last=None, of=platform, **more):
        opened.append(Stream(of, token, last, **more))
        return opened[-1]
    yield begin
    for stream in opened:
        stream.close()


def ask(platform, tokens, method, path, body=None, role="administrator"):
    status, answer, _ = platform.request(method, path, tokens[role], body)
    assert status < 300, (method, path, status, answer)
    return answer


@pytest.fixture(scope="module", autouse=True)
def quiet(platform, tokens):
    """A stream on which nothing happens, from the first of these tests to the last."""
    stream = Stream(platform, tokens["caller"]).until("reset")
    yield stream
    stream.close()


def test_a_change_of_each_kind_is_told(platform, tokens, follow):
    stream = follow(tokens["administrator"]).until("reset")
    expected = set()

    def did(kind, thing, *request, role="administrator"):
        expected.add((kind, thing))
        return ask(platform, tokens, *request, role=role)

    did("vendors", "globex", "POST", "/vendors", {"id": "globex", "name": "Globex"})
    did("gateways", "gw-told", "POST", "/gateways", {"id": "gw-told"})
    did("ports", "local", "PUT", "/ports/reserved", {"reserved": [{"port": 30100, "reason": "a printer"}]})
    did("clusters", "local", "PUT", "/clusters/local", {"name": "told", "node_addresses": ["127.0.0.1"]})
    expected.add(("callers", ask(platform, tokens, "POST", "/callers", {"name": "ward-9"})["caller"]["id"]))
    expected.add(("tokens", ask(platform, tokens, "POST", "/tokens", {"name": "told", "roles": []})["info"]["id"]))
    person = ask(platform, tokens, "POST", "/people", {"name": "told", "roles": ["caller"]})["person"]["id"]
    expected |= {("people", person), ("audit", "")}
    ask(platform, tokens, "POST", "/keys/rotation", {"purpose": "delivery"})
    stream.until(*expected)
    while "keys" not in stream.kinds():
        assert stream.frame()
    assert stream.kinds() <= KINDS
    for name, data in stream.events:
        assert name in ("reset", "change")
        assert set(data) == ({"kind", "id", "time_ms"} if name == "change" else {"time_ms"}), "thin, and nothing secret"
        assert abs(data["time_ms"] - time.time() * 1000) < 60_000


@pytest.fixture(scope="module")
def own(tmp_path_factory, registry):
    folder = tmp_path_factory.mktemp("events")
    running = Platform(folder, "--registry", registry)
    running.vendor = Vendor(running, folder)
    yield running
    assert running.stop() == 0


def test_what_is_submitted_and_deployed_is_told(own, follow):
    """Without an engine: what is wanted is stored, and nothing starts."""
    def local(method, path, body=None):
        status, answer, _ = own.request(method, path, body=body, local=True)
        assert status < 300, answer
        return answer

    local("POST", "/vendors", {"id": "zenith", "name": "Zenith"})
    persons = {}
    for vendor in ("acme", "zenith"):
        made = local("POST", "/people", {"name": vendor, "roles": ["vendor"], "vendor_id": vendor})
        persons[vendor] = own.sign_in(vendor, made["password"])
    stream = follow(of=own, local=True).until("reset")
    mine, others = (follow(persons[vendor], of=own).until("reset") for vendor in ("acme", "zenith"))
    version = own.vendor.accepted("1.0.0")
    for one in (stream, mine):
        one.until(("models", version))
    batch = local("POST", "/batches", {"items": [{"name": "told", "version_id": version}]})
    stream.until(("batches", batch["id"]), ("ports", "local"))
    deployment = local("GET", "/deployments")["items"][0]
    stream.until(("deployments", deployment["id"]))
    route = local("POST", "/routes", {"name": "told", "prefix": "/told", "forward": "mifeng://" + deployment["id"]})
    stream.until(("routes", route["id"]))
    stream.events.clear()
    local("PUT", f"/deployments/{deployment['id']}/replicas", {"replicas": 2})
    stream.until(("deployments", deployment["id"]))
    # Both vendors have heard all that they ever will.
    for vendor in ("acme", "zenith"):
        local("PUT", "/vendors/" + vendor, {"name": vendor + " in the end"})
    mine.until(("vendors", "acme"))
    others.until(("vendors", "zenith"))
    assert mine.kinds() <= {"models", "vendors", "uploads", "sessions", "people"} and "models" in mine.kinds()
    assert others.said() == {"reset", ("vendors", "zenith")}, "nothing of another vendor"


def test_many_changes_of_one_thing_within_a_moment_are_few_events(platform, tokens, follow):
    ask(platform, tokens, "POST", "/vendors", {"id": "busy", "name": "Busy"})
    stream = follow(tokens["administrator"]).until("reset")
    started = time.monotonic()
    for number in range(40):
        ask(platform, tokens, "PUT", "/vendors/busy", {"name": f"Busy {number}"})
    ask(platform, tokens, "POST", "/vendors", {"id": "after-busy", "name": "After"})
    stream.until(("vendors", "after-busy"))
    told = [data for _, data in stream.events if data.get("id") == "busy"]
    assert 1 <= len(told) <= 2 + (time.monotonic() - started) / 0.25, len(told)


def test_each_role_is_told_of_what_it_may_read(platform, tokens, follow):
    mine = {role: follow(tokens[role]).until("reset") for role in ROLES}
    ask(platform, tokens, "POST", "/vendors", {"id": "initech", "name": "Initech"})
    ask(platform, tokens, "POST", "/callers", {"name": "ward-10"})
    ask(platform, tokens, "PUT", "/ports/reserved", {"reserved": []})
    last = ask(platform, tokens, "PUT", "/vendors/acme", {"name": "Acme told"})
    assert last["id"] == "acme"
    for role in ("administrator", "operator", "auditor", "vendor"):
        mine[role].until(("vendors", "acme"))
    for role in ("administrator", "auditor"):  # the last of what is said with it
        mine[role].until(("audit", ""))
    assert {"vendors", "callers", "ports", "audit"} <= mine["administrator"].kinds()
    assert {"vendors", "callers", "ports"} <= mine["operator"].kinds() and "audit" not in mine["operator"].kinds()
    assert {"vendors", "callers", "ports", "audit"} <= mine["auditor"].kinds()
    assert mine["vendor"].said() == {"reset", ("vendors", "acme")}, "nothing of another vendor, nor of anybody else"
    assert mine["caller"].is_silent()


def test_an_upload_is_told_to_whoever_sends_it(platform, tokens, follow):
    sends = tokens["vendor"]
    made = ask(platform, tokens, "POST", "/people", {"name": "sends-too", "roles": ["vendor"], "vendor_id": "acme"})
    other = platform.sign_in("sends-too", made["password"])
    mine, others = follow(sends).until("reset"), follow(other).until("reset")
    status, upload, _ = platform.request("POST", "/uploads", sends, {"size": 1000})
    assert status == 201, upload
    mine.until(("uploads", upload["id"]))
    assert platform.request("DELETE", "/uploads/" + upload["id"], sends)[0] == 204
    ask(platform, tokens, "PUT", "/vendors/acme", {"name": "Acme after an upload"})
    others.until(("vendors", "acme"))
    assert others.kinds() == {"vendors"}


def test_it_goes_on_where_it_was_cut_off(platform, tokens, follow):
    stream = follow(tokens["operator"]).until("reset")
    ask(platform, tokens, "POST", "/vendors", {"id": "before", "name": "Before"})
    last = stream.until(("vendors", "before")).last
    stream.close()
    ask(platform, tokens, "POST", "/vendors", {"id": "meanwhile", "name": "Meanwhile"})
    again = follow(tokens["operator"], last).until(("vendors", "meanwhile"))
    assert "reset" not in again.said() and ("vendors", "before") not in again.said()


@pytest.mark.parametrize("change", ["flipped", "cut", "longer", "plain", "empty", "huge", "of nobody", "twice"])
def test_an_id_that_nobody_gave_out_is_answered_with_reset(platform, tokens, follow, change):
    stream = follow(tokens["operator"]).until("reset")
    last = stream.last
    forged = {"flipped": last[:-1] + ("0" if last[-1] != "0" else "1"), "cut": last[:-2], "longer": last + "00",
              "plain": "17", "empty": "", "huge": "f" * 5000, "of nobody": "0" * len(last),
              "twice": last + ", " + last}[change]
    assert follow(tokens["operator"], forged).until("reset").events[0][0] == "reset"


def test_a_person_has_so_many_streams(tokens, follow):
    mine, other = tokens["auditor"], tokens["operator"]
    streams = [follow(mine).until("reset") for _ in range(16)]
    one_more = follow(mine)
    assert one_more.answer.status == 429
    assert (one_more.refusal["code"], one_more.refusal["reason"]) == ("resource-exhausted", "too-many-streams")
    follow(other).until("reset")
    streams[3].close()
    deadline = time.monotonic() + 30
    while follow(mine).answer.status != 200:
        assert time.monotonic() < deadline, "the seat of one that went is not given back"
        time.sleep(0.05)


def test_who_is_not_signed_in_is_told_nothing(platform, follow):
    for token in (None, "wrong", "mfs_" + "x" * 43):
        assert follow(token).answer.status == 401
    assert platform.request("GET", "/events?kind=all", None)[0] == 401


def test_who_has_to_change_the_password_first_is_told_nothing(platform, tokens, follow):
    made = ask(platform, tokens, "POST", "/people", {"name": "fresh-follower", "roles": ["operator"]})
    session = platform.request("POST", "/session", body={"name": "fresh-follower", "password": made["password"]})[1]
    refused = follow(session["token"])
    assert (refused.answer.status, refused.refusal["reason"]) == (403, "must-change-password")


def ends(stream):
    """Whether it says so, and ends as a whole answer."""
    stream.until("end")
    assert stream.events[-1] == ("end", stream.events[-1][1]) and stream.events[-1][1]["reason"] == "bad-token"
    assert stream.frame() is None
    return True


def sign_in(platform, name):
    status, session, _ = platform.request("POST", "/session", body={"name": name, "password": "long enough for " + name})
    assert status == 200, session
    return session["token"]


@pytest.fixture
def somebody(platform, tokens):
    """(name, id, bearer string) of an operator who is there for one test."""
    name = f"somebody-{time.monotonic_ns()}"
    made = ask(platform, tokens, "POST", "/people", {"name": name, "roles": ["operator"]})
    return name, made["person"]["id"], platform.sign_in(name, made["password"])


def test_it_ends_with_its_session_and_no_other(platform, tokens, somebody, follow):
    name, _, first = somebody
    second, third = sign_in(platform, name), sign_in(platform, name)
    streams = [follow(token).until("reset") for token in (first, second, third)]
    assert platform.request("DELETE", "/session", first)[0] == 204
    assert ends(streams[0])
    sessions = platform.request("GET", "/sessions", third)[1]["items"]
    mine = next(one["id"] for one in sessions if one["current"])
    assert platform.request("DELETE", "/sessions/" + mine, third)[0] == 204
    assert ends(streams[2])
    ask(platform, tokens, "POST", "/vendors", {"id": "still-" + name[-6:], "name": "Still"})
    streams[1].until(("vendors", "still-" + name[-6:]))


def test_it_ends_when_the_password_changes_elsewhere(platform, somebody, follow):
    name, _, here = somebody
    elsewhere = sign_in(platform, name)
    mine, others = follow(here).until("reset"), follow(elsewhere).until("reset")
    status, answer, _ = platform.request("PUT", "/session/password", here, {
        "old_password": "long enough for " + name, "new_password": "another that is long enough"})
    assert status == 204, answer
    assert ends(others)
    assert platform.request("GET", "/session", here)[0] == 200
    assert "end" not in mine.said()


@pytest.mark.parametrize("how", ["disabled", "deleted", "new password"])
def test_it_ends_with_the_person(platform, tokens, somebody, follow, how):
    name, identity, session = somebody
    stream = follow(session).until("reset")
    if how == "disabled":
        ask(platform, tokens, "PUT", "/people/" + identity, {"name": name, "roles": ["operator"], "enabled": False})
    elif how == "deleted":
        ask(platform, tokens, "DELETE", "/people/" + identity)
    else:
        ask(platform, tokens, "POST", f"/people/{identity}/password")
    assert ends(stream)


def test_an_api_token_that_is_removed_ends_its_stream(platform, tokens, somebody, follow):
    _, _, session = somebody
    status, made, _ = platform.request("POST", "/tokens", session, {"name": "follows", "roles": ["operator"]})
    assert status == 201, made
    stream = follow(made["token"]).until("reset")
    assert platform.request("DELETE", "/tokens/" + made["info"]["id"], session)[0] == 204
    assert ends(stream)


def test_roles_that_change_change_what_is_told(platform, tokens, somebody, follow):
    name, identity, session = somebody
    stream = follow(session).until("reset")
    stream.events.clear()
    ask(platform, tokens, "PUT", "/people/" + identity, {"name": name, "roles": ["caller"]})
    stream.until("reset")
    stream.events.clear()
    ask(platform, tokens, "POST", "/callers", {"name": "unseen by " + name})
    ask(platform, tokens, "PUT", "/people/" + identity, {"name": name, "roles": ["auditor"]})
    stream.until("reset")
    assert "callers" not in stream.kinds()


def age(platform, token, by_ms):
    """As if a session had last been used so much earlier; gives when that would be."""
    digest = hashlib.new("sm3", token.encode()).hexdigest()
    with contextlib.closing(sqlite3.connect(platform.data / "mifeng.db", timeout=10)) as database:
        with database:
            database.execute("UPDATE sessions SET last_used_ms = last_used_ms - ? WHERE token_sm3 = ?", (by_ms, digest))
        return database.execute("SELECT last_used_ms FROM sessions WHERE token_sm3 = ?", (digest,)).fetchone()[0]


def test_an_open_stream_is_not_work(platform, somebody, follow):
    _, _, session = somebody
    before = age(platform, session, 300_000)
    stream = follow(session).until("reset")
    assert age(platform, session, 0) == before
    stream.close()
    assert platform.request("GET", "/session", session)[0] == 200
    assert age(platform, session, 0) > before, "asking for anything else is"


def test_it_ends_when_the_session_has_not_been_used_for_its_time(platform, somebody, follow):
    name, _, session = somebody
    for left_ms in (3000, 10_000, 30_000):  # a busy machine may be too late for the first
        used = age(platform, session, 0)
        age(platform, session, 3_600_000 - left_ms - (int(time.time() * 1000) - used))
        stream = follow(session)
        if stream.answer.status == 200:
            break
        session = sign_in(platform, name)
    assert ends(stream.until("reset"))


def test_the_local_administrator_follows_too(platform, tokens, follow):
    stream = follow(local=True).until("reset")
    ask(platform, tokens, "POST", "/vendors", {"id": "seen-locally", "name": "Seen"})
    stream.until(("vendors", "seen-locally"))


def test_a_stream_on_which_nothing_happens_says_so(quiet):
    """After 15 seconds: it was opened before all of these tests."""
    quiet.connection.sock.settimeout(60)
    while not quiet.comments:
        assert quiet.frame()
    assert quiet.kinds() <= {"routes"}


def test_the_platform_stops_in_its_time_and_its_ids_end_with_it(tmp_path):
    own = Platform(tmp_path)
    first = own.request("POST", "/system/first-administrator", local=True)[1]
    token = own.sign_in(first["name"], first["password"])
    streams = [Stream(own, token).until("reset") for _ in range(10)]
    # One that takes nothing: neither its words nor its end.
    hung = socket.create_connection(("127.0.0.1", own.port))
    hung.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    last = streams[0].last
    assert own.stop() == 0
    for stream in streams:
        with pytest.raises(Exception):  # cut off: no last chunk
            while stream.frame():
                pass
            assert stream.answer.isclosed() is False, "ended as if it were whole"
        stream.close()
    hung.close()
    own.start()
    again = Stream(own, token, last).until("reset")
    assert again.events[0][0] == "reset" and again.last != last
    again.close()
    assert own.stop() == 0
