"""schemathesis reads spec/openapi.yaml and calls every operation with values that fit it and with some that do not;
every answer has to be one that the description names. Bounded: a fixed number of examples an operation, a fixed seed.
What does not end by itself, or would end what the other examples need, or is on another socket, is called by hand below
and held against the same description. The last test sees to it that nothing was left out."""

import json
import struct
import time

import hypothesis
import jsonschema
import pytest
import requests
import schemathesis
import yaml
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, \
    status_code_conformance

from conftest import DESCRIPTION, Platform
from gateway_member import Member

BY_HAND = ["followSnapshots", "followEvents", "signOut", "changePassword", "requestGrant", "renewGrant"]
EXAMPLES = 6
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
SPEC = yaml.safe_load(DESCRIPTION.read_text())
OPERATIONS = {operation["operationId"]: (path, method, operation) for path, methods in SPEC["paths"].items()
              for method, operation in methods.items() if isinstance(operation, dict)}
JSON_BODIES = {name: operation["requestBody"]["content"]["application/json"]
               for name, (_, _, operation) in OPERATIONS.items()
               if "application/json" in operation.get("requestBody", {}).get("content", {})}
SEALED = {"Content-Type": "application/vnd.mifeng.sealed"}
ran = set()  # operations whose answers were held against the description


@schemathesis.serializer("application/vnd.mifeng.sealed", "application/vnd.mifeng.package")
def sealed(_context, value):
    # The generated binary as it is: what is inside is no business of the description.
    return value if isinstance(value, bytes) else bytes(value.data if hasattr(value, "data") else str(value).encode())


whole = schemathesis.openapi.from_path(str(DESCRIPTION))
schema = whole.exclude(operation_id=BY_HAND)


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                     suppress_health_check=list(hypothesis.HealthCheck))
def test_every_answer_is_described(case, platform, tokens):
    # 503 is described by `default` and is right for what needs an engine or a registry: here is neither.
    response = case.call(base_url=platform.url + "/api/v1", timeout=20,
                         headers={"Authorization": "Bearer " + tokens["administrator"]})
    case.validate_response(response, checks=CHECKS)
    assert response.status_code < 500 or response.status_code == 503, (response.status_code, response.text)
    ran.add(case.operation.definition.raw["operationId"])


def described(name, status, headers, body, values):
    """Holds an answer that was asked for by hand against the description of operation `name`; gives it back."""
    path, method, operation = OPERATIONS[name]
    request = requests.Request(method.upper(), "http://127.0.0.1/api/v1" + path.format(**values)).prepare()
    response = Response(status, {key: [value] for key, value in headers.items()}, body, request, 0, verify=False)
    whole[path][method].Case(path_parameters=values).validate_response(response, checks=CHECKS)
    documented = operation["responses"].get(str(status))
    if documented is None:
        # Only errors are left to `default`.
        assert status >= 400 and headers["Content-Type"] == "application/json", (status, body)
        answer = json.loads(body)
        assert set(answer) == {"code", "reason", "message"} and answer["message"].endswith("."), answer
    else:
        assert ("content" in documented) == bool(body), (status, body)
    ran.add(name)
    return status, (json.loads(body) if headers.get("Content-Type") == "application/json" else body)


def ask(platform, name, token=None, body=None, headers=None, socket=None, **values):
    """(status, reason or body) of an operation, its answer checked. Headers that are None are not sent."""
    path, method, _ = OPERATIONS[name]
    query = values.pop("query", "")
    fields = {key: value for key, value in (headers or {}).items() if value is not None}
    if token:
        fields["Authorization"] = "Bearer " + token
    if isinstance(body, dict):
        body, fields["Content-Type"] = json.dumps(body), "application/json"
    connection = platform.connect(socket)
    try:
        connection.request(method.upper(), ("" if socket else "/api/v1") + path.format(**values) + query, body, fields)
        answer = connection.getresponse()
        status, said = described(name, answer.status, dict(answer.getheaders()), answer.read(), values)
        return status, said["reason"] if status >= 400 else said
    finally:
        connection.close()


@pytest.fixture
def leaver(platform, tokens):
    """Somebody who is there for one test, with two sessions: (name, password, session, session)."""
    name = f"leaver-{time.monotonic_ns()}"
    status, made, _ = platform.request("POST", "/people", tokens["administrator"], {"name": name, "roles": ["auditor"]})
    assert status == 201, made
    sessions = [ask(platform, "signIn", body={"name": name, "password": made["password"]})[1]["token"]
                for _ in range(2)]
    return name, made["password"], *sessions


def test_changing_a_password(platform, leaver):
    name, first, session, other = leaver
    new = "one that nobody guesses"
    change = lambda old, wanted, token=session: ask(platform, "changePassword", token,
                                                    {"old_password": old, "new_password": wanted})
    assert change(first, new, None) == (401, "not-signed-in")
    assert change("not the old one", new)[0] in (401, 403)
    assert change(first, "short")[0] == 400
    assert ask(platform, "changePassword", session, {"new_password": new})[0] == 400
    assert ask(platform, "changePassword", session)[0] == 400
    # None of these changed anything.
    assert platform.request("GET", "/session", session)[1]["must_change_password"] is True
    assert change(first, new) == (204, b"")
    assert platform.request("GET", "/session", session)[1]["must_change_password"] is False
    assert platform.request("GET", "/session", other)[0] == 401, "the other sessions have ended"
    assert ask(platform, "signIn", body={"name": name, "password": first})[0] == 401
    assert ask(platform, "signIn", body={"name": name, "password": new})[0] == 200


def test_signing_out(platform, leaver):
    _, _, session, other = leaver
    assert ask(platform, "signOut") == (401, "not-signed-in")
    assert ask(platform, "signOut", "wrong")[0] == 401
    assert ask(platform, "signOut", session, query="?all=1") == (400, "bad-query")
    assert ask(platform, "signOut", session) == (204, b"")
    assert platform.request("GET", "/session", session)[0] == 401
    assert ask(platform, "signOut", session)[0] == 401, "it ends once"
    assert platform.request("GET", "/session", other)[0] == 200, "another session goes on"


class Follower:
    """A request to follow that is under way."""

    def __init__(self, platform, member, after):
        self.gateway, self.connection = member.id, platform.connect()
        self.connection.request("GET", f"/api/v1/gateways/{member.id}/snapshots?after={after}", headers=member.follow())
        self.answer = self.connection.getresponse()
        self.bytes = b""

    def read(self, count):
        piece = self.answer.read(count)
        assert len(piece) == count, (self.answer.status, piece)
        self.bytes += piece
        return piece

    def frame(self):
        serial, length = struct.unpack(">QI", self.read(12))
        return serial, self.read(length)

    def quiet(self, serial):
        """Reads up to a heartbeat, which comes once nothing is new, and gives back its serial. More news may come before
        it: the platform keeps house on its own clock, and when it makes an output key every gateway is told."""
        for _ in range(5):
            beat, stream = self.frame()
            if not stream:
                assert beat == serial, "a heartbeat has the serial of the last snapshot"
                return serial
            assert beat > serial and stream.startswith(b"MFS")
            serial = beat
        raise AssertionError("no heartbeat among five frames")

    def end(self):
        """Stops following, and holds what came against the description."""
        described("followSnapshots", self.answer.status, dict(self.answer.getheaders()), self.bytes,
                  {"gateway": self.gateway})
        assert self.answer.getheader("Content-Type") == "application/vnd.mifeng.snapshots"
        self.connection.close()


def test_following_snapshots(platform, tokens, tmp_path):
    status, join, _ = platform.request("POST", "/gateways", tokens["administrator"], {"id": "gw-follows"})
    assert status == 201, join
    member = Member(join, tmp_path)
    # Nobody follows who is not enrolled.
    assert ask(platform, "followSnapshots", headers=member.follow(), gateway=member.id)[0] == 403
    headers, body = member.enrolment()
    status, answer, fields = platform.request("POST", f"/gateways/{member.id}/enrolment", body=body,
                                              headers={**SEALED, **headers})
    assert status == 200, answer
    enrolled = int(fields["Mifeng-Serial"])

    follower = Follower(platform, member, 0)
    serial, stream = follower.frame()
    assert serial >= enrolled and stream.startswith(b"MFS")
    listed = platform.request("GET", "/gateways", tokens["administrator"])[1]["items"]
    assert [one["connected"] for one in listed if one["id"] == member.id] == [True]
    serial = follower.quiet(serial)
    # A change is told at once: a caller whom the gateway has to know.
    status, caller, _ = platform.request("POST", "/callers", tokens["administrator"], {"name": "known to gateways"})
    assert status == 201, caller
    newer, stream = follower.frame()
    while not stream:
        newer, stream = follower.frame()
    assert newer > serial
    newer = follower.quiet(newer)
    follower.end()
    again = Follower(platform, member, newer)
    assert again.frame() == (newer, b""), "it has the newest"
    again.end()
    headers, body = member.report(newer)
    assert ask(platform, "confirmSnapshot", body=body, headers={**SEALED, **headers}, gateway=member.id) == (204, b"")

    refused = lambda headers, query="", gateway=member.id: ask(platform, "followSnapshots", headers=headers,
                                                               query=query, gateway=gateway)
    good = member.follow()
    for field in good:
        assert refused({**good, field: None}) == (400, "missing-header")
    assert refused(good, "?after=-1")[0] == 400 and refused(good, "?before=1") == (400, "bad-query")
    for time_ms in (1, int(time.time() * 1000) - 180_000, int(time.time() * 1000) + 180_000):
        assert refused(member.follow(time_ms))[0] == 403
    assert refused({**good, "Mifeng-Nonce": "f" * 32})[0] == 403, "signed for another nonce"
    assert refused({**good, "Mifeng-Signature": "AAAA"})[0] == 403
    assert refused(good, gateway="gw-nobody")[0] == 403
    used = member.follow()
    connection = platform.connect()
    connection.request("GET", f"/api/v1/gateways/{member.id}/snapshots", headers=used)
    assert connection.getresponse().status == 200
    connection.close()
    assert refused(used)[0] == 403, "a nonce is taken once"

    assert ask(platform, "revokeGateway", tokens["administrator"], gateway=member.id) == (204, b"")
    assert refused(member.follow())[0] == 403


def test_following_events(platform, tokens):
    refused = lambda token, query="": ask(platform, "followEvents", token, query=query)
    assert refused(None) == (401, "not-signed-in") and refused("wrong")[0] == 401
    assert refused(tokens["operator"], "?kind=models") == (400, "bad-query")
    connection = platform.connect()
    connection.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + tokens["operator"]})
    answer = connection.getresponse()
    text = b""
    while b"event: change" not in text or not text.endswith(b"\n\n"):
        line = answer.readline()
        assert line, text
        text += line
        if line.startswith(b"event: reset"):
            status, vendor, _ = platform.request("POST", "/vendors", tokens["administrator"],
                                                 {"id": f"told-{time.monotonic_ns()}", "name": "Told"})
            assert status == 201, vendor
    described("followEvents", answer.status, dict(answer.getheaders()), text, {})
    connection.close()
    change = text.split(b"event: change\ndata: ")[1].split(b"\n")[0]
    jsonschema.Draft4Validator(resolved(SPEC["components"]["schemas"]["ChangeEvent"])).validate(json.loads(change))


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """A platform with an engine (that nobody started), and the socket of a unit that it does not want."""
    folder = tmp_path_factory.mktemp("units")
    running = Platform(folder, "--engine-socket", folder / "engine.sock", "--sockets", folder / "sockets",
                       "--installation", "0" * 32)
    (folder / "sockets/stranger").mkdir()
    socket, deadline = folder / "sockets/stranger/platform.sock", time.monotonic() + 20
    while True:
        try:
            running.connect(socket).connect()
            break
        except OSError:
            assert time.monotonic() < deadline, "no socket for the unit"
            time.sleep(0.02)
    running.unit = socket
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("name", ["requestGrant", "renewGrant"])
def test_what_a_unit_is_refused(unit, name):
    # True grants are given to true units: tests/attacks and tests/e2e.
    good = {**SEALED, "Mifeng-Deployment": "dep-1", "Mifeng-Nonce": "0" * 32}
    refused = lambda headers, body=b"nonsense", query="": ask(unit, name, headers=headers, body=body, query=query,
                                                              socket=unit.unit)
    for field in ("Mifeng-Deployment", "Mifeng-Nonce"):
        assert refused({**good, field: None}) == (400, "missing-header")
    assert refused({**good, "Mifeng-Nonce": "0" * 33})[0] == 400
    assert refused({**good, "Mifeng-Deployment": "d" * 129})[0] == 400
    assert refused(good, query="?deployment=dep-1") == (400, "bad-query")
    assert refused(good, b"\0" * 65_537) == (413, "body-too-large")
    for body in (b"", b"nonsense", b"MFS\1\3" + b"\0" * 1000, b"\0" * 65_536):
        assert refused(good, body) == (403, "refused"), "and not a word why"
    # The log says why.
    status, page, _ = unit.request("GET", "/audit?page_size=200", local=True)
    assert status == 200, page
    refusals = [one for one in page["items"] if one["action"] == "grant.refuse"]
    assert any(one["subject"] == "stranger" and "dep-1" in one["detail"] for one in refusals), page["items"]


def test_the_units_operations_are_on_no_other_socket(unit):
    for local in (False, True):
        for path in ("/v1/grants", "/v1/renewals"):
            connection = unit.connect(unit.local_socket if local else None)
            connection.request("POST", path, b"nonsense",
                               {**SEALED, "Mifeng-Deployment": "d", "Mifeng-Nonce": "0" * 32})
            assert connection.getresponse().status == 404
            connection.close()


def resolved(value):
    """The description's part with what it refers to in its place."""
    if isinstance(value, list):
        return [resolved(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = SPEC
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(target)
    return {key: resolved(one) for key, one in value.items()}


@pytest.mark.parametrize("name", JSON_BODIES)
def test_every_json_body_has_an_example_that_fits(name):
    media = resolved(JSON_BODIES[name])
    example = media.get("example", media["schema"].get("example"))
    assert example, "spec/openapi.yaml shows nobody how to call it"
    checker = jsonschema.Draft4Validator(media["schema"])  # OpenAPI 3.0 has draft 4's words, as far as they stand there
    checker.validate(example)
    # It is not that everything fits.
    assert not checker.is_valid({**example, "no-such-member": 1}) and not checker.is_valid([])


def test_the_platform_still_works(platform, tokens):
    status, answer, _ = platform.request("GET", "/people", tokens["administrator"])
    assert status == 200 and answer["total"] >= 5
    status, verdict, _ = platform.request("POST", "/audit/verification", tokens["administrator"], {})
    assert status == 200 and verdict["intact"], verdict


def test_no_operation_was_left_out():
    """The last of this file, and it needs all of it: what was asked and held against the description is all of it."""
    assert len(OPERATIONS) > 80 and JSON_BODIES
    assert ran == set(OPERATIONS)
