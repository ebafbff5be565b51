"""ETag and If-Match of everything that spec/openapi.yaml gives one: whoever says what he has seen overwrites nobody's change,
and whoever says nothing is served as ever. No operation is left out: the description says which there are."""

import itertools
import threading

import pytest
import yaml

from conftest import DESCRIPTION, Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

SPEC = yaml.safe_load(DESCRIPTION.read_text())
IF_MATCH = {"$ref": "#/components/parameters/IfMatch"}
GUARDED = {operation["operationId"] for methods in SPEC["paths"].values() for operation in methods.values()
           if isinstance(operation, dict) and IF_MATCH in operation.get("parameters", [])}
GOES = ("state", "reason", "reason_code", "remedy", "changed_ms", "capacity", "seen_ms")  # how it goes, which may move meanwhile
number = itertools.count(1)


class Stage:
    """Makes things of each kind; a thing is the path of its GET, and a change that somebody else may make to it."""

    def __init__(self, platform, folder):
        self.platform = platform
        self.vendor = Vendor(platform, folder)
        self.one, self.two = self.vendor.accepted("1.0.0"), self.vendor.accepted("2.0.0")

    def send(self, method, path, body=None, seen=None):
        headers = {"If-Match": seen} if seen else None
        return self.platform.request(method, path, self.vendor.administrator, body, headers=headers)

    def ok(self, method, path, body=None):
        status, answer, _ = self.send(method, path, body)
        assert status < 300, answer
        return answer

    def etag(self, path):
        status, body, headers = self.send("GET", path)
        assert status == 200, body
        assert headers["ETag"] == f'"{body["etag"]}"' if "etag" in body else headers["ETag"].startswith('"')
        return headers["ETag"]

    def deployment(self):
        made = self.ok("POST", "/deployments", {"name": f"v{next(number)}", "version_id": self.one, "replicas": 0})
        path = f"/deployments/{made['id']}"
        self.ok("POST", path + "/revisions", {"limits": {"memory": "1Gi"}})  # so that there is one to go back to
        return path, lambda: self.ok("PUT", path + "/replicas", {"replicas": 2})

    def route(self):
        to = self.deployment()[0].rsplit("/", 1)[1]
        wanted = {"name": "r", "prefix": f"/v{next(number)}", "forward": f"mifeng://{to}"}
        path = f"/routes/{self.ok('POST', '/routes', wanted)['id']}"
        return path, lambda: self.ok("PUT", path, {**wanted, "name": "renamed"})

    def caller(self):
        path = f"/callers/{self.ok('POST', '/callers', {'name': f'c{next(number)}'})['caller']['id']}"
        return path, lambda: self.ok("PUT", path + "/enabled", {"enabled": False})

    def made_vendor(self):
        path = f"/vendors/{self.ok('POST', '/vendors', {'id': f'v{next(number)}', 'name': 'V'})['id']}"
        return path, lambda: self.ok("PUT", path, {"name": "renamed"})

    def cluster(self):
        return "/clusters/local", lambda: self.ok("PUT", "/clusters/local", {"name": f"n{next(number)}", "node_addresses": ["127.0.0.1"]})

    def ranges(self):
        return "/ports/ranges", lambda: self.ok("PUT", "/ports/ranges", {"ranges": [{"first": 30000, "last": 31000 + next(number)}]})

    def reserved(self):
        return "/ports/reserved", lambda: self.ok("PUT", "/ports/reserved", {"reserved": [{"port": 40000 + next(number), "reason": "x"}]})


@pytest.fixture(scope="module")
def stage(tmp_path_factory, registry):  # noqa: F811
    folder = tmp_path_factory.mktemp("versions")
    running = Platform(folder, "--registry", registry)
    yield Stage(running, folder)
    assert running.stop() == 0


# operation: kind, method, what comes behind the thing's path, body, what it answers where the version fits
CASES = {
    "deleteDeployment": ("deployment", "DELETE", "", None, 204),
    "scaleDeployment": ("deployment", "PUT", "/replicas", {"replicas": 1}, 200),
    "restartDeployment": ("deployment", "POST", "/restart", None, 200),
    "updateDeployment": ("deployment", "POST", "/revisions", lambda stage: {"version_id": stage.two}, 200),
    "rollbackDeployment": ("deployment", "POST", "/rollback", {"to": 1}, 200),
    "updateRoute": ("route", "PUT", "", lambda stage: {"name": "mine", "prefix": f"/v{next(number)}", "forward": "mifeng://" + stage.deployment()[0].rsplit("/", 1)[1]}, 200),
    "moveRoute": ("route", "PUT", "/deployment", lambda stage: {"deployment_id": stage.deployment()[0].rsplit("/", 1)[1]}, 200),
    "deleteRoute": ("route", "DELETE", "", None, 204),
    "deleteCaller": ("caller", "DELETE", "", None, 204),
    "renewCallerKey": ("caller", "POST", "/key", None, 200),
    "addCallerKey": ("caller", "POST", "/keys", {"name": "mine"}, 201),
    # The version fits; there is no such key.
    "endCallerKey": ("caller", "DELETE", "/keys/ck-none", None, 404),
    "enableCaller": ("caller", "PUT", "/enabled", {"enabled": True}, 200),
    "updateVendor": ("made_vendor", "PUT", "", {"name": "mine"}, 200),
    "deleteVendor": ("made_vendor", "DELETE", "", None, 204),
    # The version fits; the number does not wait.
    "confirmVendorTelephone": ("made_vendor", "POST", "/telephone/confirmation", {"telephone": ""}, 409),
    "proposeVendorKey": ("made_vendor", "PUT", "/key", lambda stage: {"public_key_pem": (stage.vendor.folder / "vendor.pub").read_text()}, 200),
    "revokeVendorKey": ("made_vendor", "DELETE", "/key", None, 200),
    # The version fits; there is no key that waits.
    "confirmVendorKey": ("made_vendor", "POST", "/key/confirmation", {"fingerprint": "0000"}, 409),
    "setCluster": ("cluster", "PUT", "", {"name": "mine", "node_addresses": ["127.0.0.1"]}, 200),
    # The version fits; this machine stays.
    "removeCluster": ("cluster", "DELETE", "", None, 409),
    "setPortRanges": ("ranges", "PUT", "", {"ranges": [{"first": 30000, "last": 32000}]}, 200),
    "setReservedPorts": ("reserved", "PUT", "", {"reserved": []}, 200),
}


def test_every_operation_that_has_a_version_is_tried():
    assert GUARDED == set(CASES)


@pytest.mark.parametrize("operation", sorted(CASES))
def test_what_somebody_else_changed_is_not_overwritten(stage, operation):
    kind, method, behind, body, fits = CASES[operation]
    thing, other = getattr(stage, kind)()
    wanted = body(stage) if callable(body) else body
    seen = stage.etag(thing)
    assert stage.etag(thing) == seen, "looking changes nothing"
    other()
    there = stage.send("GET", thing)[1]

    status, answer, headers = stage.send(method, thing + behind, wanted, seen)
    assert status == 412, answer
    assert (answer["code"], answer["reason"]) == ("conflict", "changed-meanwhile") and answer["message"].endswith(".")
    assert headers["ETag"] == stage.etag(thing) != seen
    told = {name: value for name, value in answer["current"].items() if name not in GOES}
    assert told == {name: there[name] for name in told}, "what somebody else has made of it"
    assert answer.get("sent") == wanted, "and what was wanted"
    assert stage.send("GET", thing)[1].get("etag") == there.get("etag"), "nothing was done"

    # Whoever decides again, having seen what there is, is served.
    status, answer, _ = stage.send(method, thing + behind, wanted, stage.etag(thing))
    assert status == fits, answer


@pytest.mark.parametrize("kind", ["deployment", "route", "caller", "made_vendor", "cluster", "ranges", "reserved"])
def test_without_a_version_the_last_one_wins(stage, kind):
    thing, other = getattr(stage, kind)()
    before = stage.etag(thing)
    other()
    assert stage.etag(thing) != before
    other()


def test_lists_tell_the_same_versions(stage):
    for things in ("/deployments", "/routes", "/callers", "/vendors", "/clusters"):
        for one in stage.ok("GET", things)["items"]:
            assert stage.etag(f"{things}/{one['id']}") == f'"{one["etag"]}"'


@pytest.mark.parametrize("field", ["", "abc", '"a" "b"', '"a",', "W/abc", '"' + "a" * 1100 + '"', ",".join(['"a"'] * 17)])
def test_a_field_that_is_none_does_nothing(stage, field):
    thing, _ = stage.caller()
    status, answer, _ = stage.platform.request("DELETE", thing, stage.vendor.administrator, headers={"If-Match": field})
    assert (status, answer["reason"]) == (400, "bad-if-match")
    assert stage.send("GET", thing)[0] == 200


def test_several_versions_any_and_none(stage):
    thing, other = stage.caller()
    seen = stage.etag(thing)
    other()
    assert stage.send("PUT", thing + "/enabled", {"enabled": True}, f'"0", {stage.etag(thing)}')[0] == 200
    assert stage.etag(thing) == seen, "changed back, it is what it was"
    assert stage.send("PUT", thing + "/enabled", {"enabled": False}, "*")[0] == 200
    assert stage.send("PUT", thing + "/enabled", {"enabled": True}, "W/" + stage.etag(thing))[0] == 412
    assert stage.send("PUT", "/callers/none/enabled", {"enabled": True}, seen)[0] == 404


def test_what_has_no_version_refuses_the_field(stage):
    status, answer, _ = stage.send("POST", "/callers", {"name": "guarded"}, "*")
    assert (status, answer["reason"]) == (400, "no-if-match")
    assert "guarded" not in [one["name"] for one in stage.ok("GET", "/callers")["items"]]


def test_who_may_not_see_it_is_not_told_what_it_is(stage):
    made = stage.ok("POST", "/people", {"name": "looker", "roles": ["auditor"]})
    looker = stage.platform.sign_in("looker", made["password"])
    thing, other = stage.caller()
    seen = stage.etag(thing)
    other()
    status, answer, _ = stage.platform.request("DELETE", thing, looker, headers={"If-Match": seen})
    assert status == 403 and "current" not in answer


def test_of_many_at_once_one_gets_through(stage):
    """The version is compared in the transaction that changes it."""
    thing, _ = stage.caller()
    seen = stage.etag(thing)
    answers = []

    def renew():
        answers.append(stage.send("POST", thing + "/key", None, seen)[0])
    together = [threading.Thread(target=renew) for _ in range(8)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert sorted(answers) == [200] + [412] * 7


def test_how_a_deployment_goes_is_no_change_of_it(stage):
    thing, _ = stage.deployment()
    stage.ok("PUT", thing + "/replicas", {"replicas": 1})
    seen = stage.etag(thing)
    stage.ok("POST", thing + "/restart")
    assert stage.etag(thing) == seen, "two who restart do not get into each other's way"
    assert stage.send("POST", thing + "/restart", None, seen)[0] == 200
