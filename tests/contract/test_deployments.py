"""Deployments, their revisions, withdrawn versions, routes that move and clusters, through the API and the command line:
a real platform with a real registry, and no engine, so that what is wanted is seen and nothing starts."""

import json
import re

import pytest

from conftest import Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

TOGETHER = {"memory": "1Gi", "cpu": "500m"}


class Stage:
    def __init__(self, platform, folder):
        self.platform = platform
        self.vendor = Vendor(platform, folder)
        self.administrator = self.vendor.administrator
        self.one, self.two = self.vendor.accepted("1.0.0"), self.vendor.accepted("2.0.0")
        self.letters = self.vendor.accepted("1.0.0", "letters")
        self.people = {}
        for role in ("operator", "auditor", "caller"):
            made = self.vendor.administer("POST", "/people", {"name": role, "roles": [role]}, 201)
            self.people[role] = platform.sign_in(role, made["password"])

    def ask(self, method, path, body=None, who=None):
        status, answer, _ = self.platform.request(method, path, self.people[who] if who else self.administrator, body)
        return status, answer

    def ok(self, method, path, body=None, status=200):
        got, answer = self.ask(method, path, body)
        assert got == status, answer
        return answer

    def refused(self, method, path, body=None, who=None):
        status, answer = self.ask(method, path, body, who)
        assert status >= 400, answer
        return status, answer["reason"]

    def deploy(self, name, **more):
        return self.ok("POST", "/deployments", {"name": name, "version_id": self.one, **more}, 201)


@pytest.fixture(scope="module")
def stage(tmp_path_factory, registry):
    folder = tmp_path_factory.mktemp("deployments")
    running = Platform(folder, "--registry", registry)
    yield Stage(running, folder)
    assert running.stop() == 0


def no_json_in_text(value):
    """No member is JSON as text: what has structure is structure."""
    if isinstance(value, dict):
        return all(no_json_in_text(one) for one in value.values())
    if isinstance(value, list):
        return all(no_json_in_text(one) for one in value)
    return not (isinstance(value, str) and re.match(r"\s*[\[{]", value))


def test_a_deployment_and_its_plan(stage):
    request = {"name": "first", "version_id": stage.one, "replicas": 2, "limits": {"memory": "1Gi"}}
    plan = stage.ok("POST", "/deployments/plan", request)
    assert (plan["cluster"], plan["model"], plan["version"], plan["replicas"]) == ("local", "digits", "1.0.0", 2)
    assert plan["rendered"]["model"]["resources"]["memoryLimitBytes"] == 1 << 30
    assert [port["slot"] for port in plan["ports"]] == [0, 1]
    made = stage.ok("POST", "/deployments", {**request, "cluster": "local"}, 201)
    assert (made["cluster"], made["revision"], made["replicas"], made["ready"], made["units"]) == ("local", 1, 2, 0, [])
    assert made["overlay"] == {"env": [], "requests": {}, "limits": {"memory": "1Gi"}, "allow_network": False,
                               "volumes": [], "tolerations": []}
    assert made["state"] == "pending" and made["update_failed"] is False
    assert [port["node_port"] for port in made["ports"]] == [port["node_port"] for port in plan["ports"]]
    assert no_json_in_text(plan) and no_json_in_text(made)
    shown = stage.ok("GET", "/ports")["items"]
    assert {one["port"]: one["holder"] for one in shown}[made["ports"][0]["node_port"]] == made["id"]
    assert all("replica" not in one and "unit" in one for one in shown)
    assert stage.refused("POST", "/deployments", {**request, "name": "b", "cluster": "none"}) == (404, "not-found")
    assert stage.refused("POST", "/deployments/plan", {**request, "cluster": "none"}) == (404, "not-found")
    assert stage.refused("POST", "/deployments", request) == (409, "name-taken")


def test_updating_makes_revisions_and_rolling_back_one_more(stage):
    made = stage.deploy("turns", limits={"memory": "1Gi"})
    path = f"/deployments/{made['id']}"
    plan = stage.ok("POST", path + "/revisions/plan", {"version_id": stage.two, "limits": {"memory": "2Gi"}})
    assert (plan["deployment_id"], plan["from_revision"], plan["from_version"], plan["to_version"]) == (
        made["id"], 1, "1.0.0", "2.0.0")
    changes = {one["field"]: (one["before"], one["after"]) for one in plan["changes"]}
    assert changes["model.resources.memoryLimitBytes"] == (1 << 30, 2 << 30) and "model.image" in changes
    assert plan["strategy"] in ("surge", "in-place", "outage") and no_json_in_text(plan)
    assert stage.ok("GET", path)["revision"] == 1, "a plan changes nothing"

    updated = stage.ok("POST", path + "/revisions", {"version_id": stage.two, "limits": {"memory": "2Gi"}})
    assert (updated["revision"], updated["version"], updated["overlay"]["limits"]) == (2, "2.0.0", {"memory": "2Gi"})
    # What is not named stays.
    updated = stage.ok("POST", path + "/revisions", {"requests": TOGETHER})
    assert updated["overlay"] == {"env": [], "requests": TOGETHER, "limits": {"memory": "2Gi"}, "allow_network": False,
                                  "volumes": [], "tolerations": []}
    assert (updated["revision"], updated["version"]) == (3, "2.0.0")
    # What is named and empty goes.
    assert stage.ok("POST", path + "/revisions", {"requests": {}})["overlay"]["requests"] == {}
    assert stage.refused("POST", path + "/revisions", {}) == (409, "nothing-changed")
    assert stage.refused("POST", path + "/revisions", {"version_id": stage.two}) == (409, "nothing-changed")
    assert stage.ok("POST", path + "/revisions/plan", {})["changes"] == []

    history = stage.ok("GET", path + "/revisions")["items"]
    assert [(one["number"], one["version"], one["cause"], one["wanted"]) for one in history] == [
        (4, "2.0.0", "update", True), (3, "2.0.0", "update", False), (2, "2.0.0", "update", False),
        (1, "1.0.0", "deploy", False)]
    assert history[1]["overlay"]["requests"] == TOGETHER and no_json_in_text(history)
    back = stage.ok("POST", path + "/rollback", {"to": 1})
    assert (back["revision"], back["version"], back["overlay"]["limits"]) == (5, "1.0.0", {"memory": "1Gi"})
    assert stage.ok("POST", path + "/rollback")["version"] == "2.0.0", "the one before"
    assert stage.ok("GET", path + "/revisions")["items"][0]["cause"] == "rollback to 4"

    assert stage.refused("POST", path + "/rollback", {"to": 99}) == (404, "no-such-revision")
    assert stage.refused("POST", path + "/rollback", {"to": 0})[0] == 400
    assert stage.refused("POST", path + "/rollback", {"to": 6}) == (409, "nothing-changed")
    other = stage.deploy("single")
    assert stage.refused("POST", f"/deployments/{other['id']}/rollback") == (404, "no-such-revision")


def test_what_is_no_update(stage):
    path = f"/deployments/{stage.deploy('stays')['id']}"
    for where in (path + "/revisions", path + "/revisions/plan"):
        assert stage.refused("POST", where, {"version_id": stage.letters}) == (400, "other-model")
        assert stage.refused("POST", where, {"version_id": "none"}) == (404, "not-found")
        assert stage.refused("POST", where, {"env": [{"name": "OWN", "value": "x"}]})[0] == 400
        assert stage.refused("POST", where, {"limits": {"memory": "much"}})[0] == 400
        assert stage.refused("POST", where, {"replicas": 2}) == (400, "unknown-field")
        # Whoever may look may not change.
        assert stage.refused("POST", where, {"version_id": stage.two}, "auditor") == (403, "not-allowed")
        assert stage.refused("POST", where.replace("stays", "none"), {"version_id": stage.two})[0] == 404
    assert stage.refused("POST", path + "/rollback", {}, "auditor") == (403, "not-allowed")
    assert stage.ask("GET", path + "/revisions", who="auditor")[0] == 200
    assert stage.refused("GET", path + "/revisions", who="caller") == (403, "not-allowed")
    assert stage.refused("GET", "/deployments/none/revisions") == (404, "not-found")
    assert stage.ok("GET", path)["revision"] == 1


def test_a_volume_lies_where_its_operator_says(stage):
    """Which volumes there are is the vendor's to say; of this model it is `cache`, at /cache."""
    claim = {"name": "cache", "claim": "shared", "size": "10Gi", "storage_class": "fast"}
    plan = stage.ok("POST", "/deployments/plan", {"name": "placed", "version_id": stage.one, "volumes": [claim]})
    assert plan["rendered"]["mounts"] == [
        {"path": "/cache", "claim": "acme.shared", "sizeBytes": 10 << 30, "storageClass": "fast"}]
    made = stage.deploy("placed", volumes=[claim])
    assert made["overlay"]["volumes"] == [claim]
    path = f"/deployments/{made['id']}"
    memory = {"name": "cache", "medium": "memory", "size": "1Gi"}
    plan = stage.ok("POST", path + "/revisions/plan", {"volumes": [memory]})
    assert {one["field"]: one["after"] for one in plan["changes"]} == {"model.mounts./cache": 1 << 30, "mounts./cache": None}
    assert stage.ok("POST", path + "/revisions", {"volumes": [memory]})["overlay"]["volumes"] == [memory]
    assert stage.ok("POST", path + "/revisions", {"limits": {"memory": "2Gi"}})["overlay"]["volumes"] == [memory]
    assert stage.ok("POST", path + "/revisions", {"volumes": []})["overlay"]["volumes"] == []
    assert stage.ok("POST", path + "/rollback", {"to": 1})["overlay"]["volumes"] == [claim]
    assert [one["overlay"]["volumes"] for one in stage.ok("GET", path + "/revisions")["items"]] == [
        [claim], [], [memory], [memory], [claim]]


@pytest.mark.parametrize("reason, volumes", [
    ("bad-overlay", [{"name": "other", "medium": "disk"}]),
    ("bad-overlay", [{"name": "cache", "medium": "disk"}, {"name": "cache", "claim": "a"}]),
    ("bad-overlay", [{"name": "cache"}]),
    ("bad-overlay", [{"name": "cache", "medium": "memory", "claim": "a"}]),
    ("bad-overlay", [{"name": "cache", "claim": "../../etc"}]),
    ("bad-overlay", [{"name": "cache", "claim": "beta.data"}]),
    ("bad-overlay", [{"name": "cache", "medium": "disk", "storage_class": "fast"}]),
    ("bad-overlay", [{"name": "cache", "medium": "memory", "size": "1"}]),
    ("bad-overlay", [{"name": "cache", "claim": "a", "size": "1Ki"}]),
    ("bad-overlay", [{"name": "\u202ecache\"<b>", "medium": "disk"}]),
    ("bad-quantity", [{"name": "cache", "medium": "disk", "size": "much"}]),
    ("bad-quantity", [{"name": "cache", "medium": "disk", "size": "-1Gi"}]),
    ("bad-quantity", [{"name": "cache", "medium": "disk", "size": "9999999Ei"}]),
    ("bad-field", [{"name": "cache", "medium": "host"}]),
    ("bad-field", [{"name": "cache", "medium": "disk", "size": "1" * 65}]),
    ("bad-field", [{"name": "n" * 64, "medium": "disk"}]),
    ("bad-field", [{"name": "cache", "medium": "disk"}] * 33),
    ("bad-field", "cache"),
    ("bad-field", ["cache"]),
    ("missing-field", [{"medium": "disk"}]),
    ("unknown-field", [{"name": "cache", "medium": "disk", "host_path": "/etc"}]),
], ids=str)
def test_what_is_no_place_of_a_volume(stage, reason, volumes):
    request = {"name": "never", "version_id": stage.one, "volumes": volumes}
    for path in ("/deployments", "/deployments/plan"):
        assert stage.refused("POST", path, request) == (400, reason)


def test_taints_are_tolerated_in_clusters_of_kubernetes_alone(stage):
    request = {"name": "never", "version_id": stage.one, "tolerations": [{"key": "dedicated", "value": "lab"}]}
    for path in ("/deployments", "/deployments/plan"):
        assert stage.refused("POST", path, request) == (400, "no-tolerations")
    path = f"/deployments/{stage.deploy('local')['id']}/revisions"
    for where in (path, path + "/plan"):
        status, answer = stage.ask("POST", where, {"tolerations": request["tolerations"]})
        assert status == 400 and "one machine with Podman" in answer["message"], answer
    assert stage.refused("POST", path, {"tolerations": []}) == (409, "nothing-changed")
    for tolerations in ([{}], [{"key": ""}], [{"key": "k" * 318}], [{"key": "a", "effect": "Always"}], "dedicated",
                        [{"key": "a", "seconds": -1}], [{"key": "a", "seconds": 604801}], [{"key": "a", "operator": "Exists"}],
                        [{"key": f"k{i}"} for i in range(17)], [{"key": "a", "value": "v" * 64}], [{"key": "a", "seconds": 1.5}]):
        for where in (path, path + "/plan"):
            assert stage.refused("POST", where, {"tolerations": tolerations})[1] in (
                "bad-field", "missing-field", "unknown-field"), tolerations


def test_events_and_logs_need_an_engine_and_a_unit(stage):
    path = f"/deployments/{stage.deploy('silent')['id']}"
    assert stage.refused("GET", path + "/events") == (503, "no-engine")
    assert stage.refused("GET", "/deployments/none/events") == (404, "not-found")
    assert stage.refused("GET", path + "/events", who="caller") == (403, "not-allowed")
    assert stage.refused("GET", path + "/logs") == (404, "not-found")
    for query in ("unit=u", "container=model", "previous=true", "timestamps=true", "since_ms=1790000000000"):
        assert stage.refused("GET", f"{path}/logs?{query}") == (404, "not-found")
    for query in ("replica=u", "previous=1", "timestamps=yes", "since_ms=-1", "since_ms=yesterday"):
        assert stage.refused("GET", f"{path}/logs?{query}") == (400, "bad-query")


def test_a_withdrawn_version_is_not_deployed_and_stays_where_it_is(stage):
    version = stage.vendor.accepted("3.0.0")
    submitted = stage.vendor.submit(stage.vendor.package("3.1.0", 1000))[1]["version"]["id"]
    made = stage.ok("POST", "/deployments", {"name": "bound", "version_id": version}, 201)
    path = f"/models/{version}/withdrawal"
    assert stage.refused("POST", path, {}) == (400, "missing-field")
    assert stage.refused("POST", path, {"reason": "wrong"}, "auditor") == (403, "not-allowed")
    assert stage.refused("POST", f"/models/{submitted}/withdrawal", {"reason": "wrong"}) == (409, "not-accepted")
    assert stage.refused("POST", "/models/none/withdrawal", {"reason": "wrong"}) == (404, "not-found")
    assert stage.refused("DELETE", f"/models/{version}") == (409, "version-accepted")
    done = stage.ok("POST", path, {"reason": "wrong on rotated images"})
    assert done["deployment_ids"] == [made["id"]]
    assert (done["version"]["state"], done["version"]["state_reason"]) == ("withdrawn", "wrong on rotated images")
    assert stage.ok("POST", path, {"reason": "again"})["version"]["state_reason"] == "wrong on rotated images"
    listed = stage.ok("GET", "/models?state=withdrawn")["items"]
    assert [one["id"] for one in listed] == [version]

    assert stage.ok("GET", f"/deployments/{made['id']}")["version"] == "3.0.0"
    for method, where, body in (("POST", "/deployments", {"name": "late", "version_id": version}),
                                ("POST", "/deployments/plan", {"name": "late", "version_id": version}),
                                ("POST", f"/deployments/{made['id']}/revisions", {"limits": {"memory": "1Gi"}})):
        assert stage.refused(method, where, body) == (409, "version-not-accepted")
    assert stage.refused("DELETE", f"/models/{version}") == (409, "version-in-use")
    assert stage.ok("POST", f"/models/{version}/acceptance")["state"] == "accepted"
    assert stage.ok("POST", "/deployments", {"name": "late", "version_id": version}, 201)["version"] == "3.0.0"


def test_a_route_moves(stage):
    here, there = stage.deploy("here"), stage.deploy("there")
    route = stage.ok("POST", "/routes", {"name": "moves", "prefix": "/moves",
                                         "forward": f"mifeng://{here['id']}:http/deeper"}, 201)
    path = f"/routes/{route['id']}/deployment"
    moved = stage.ok("PUT", path, {"deployment_id": there["id"]})
    assert (moved["id"], moved["prefix"], moved["deployment_id"]) == (route["id"], "/moves", there["id"])
    assert moved["forward"] == f"mifeng://{there['id']}:http/deeper"
    assert stage.ok("GET", f"/deployments/{there['id']}")["route_ids"] == [route["id"]]
    assert stage.ok("GET", f"/deployments/{here['id']}")["route_ids"] == []
    assert stage.refused("PUT", path, {"deployment_id": "none"})[0] in (400, 404)
    assert stage.refused("PUT", path, {}) == (400, "missing-field")
    assert stage.refused("PUT", "/routes/none/deployment", {"deployment_id": here["id"]}) == (404, "not-found")
    for who in ("auditor", "caller"):
        assert stage.refused("PUT", path, {"deployment_id": here["id"]}, who) == (403, "not-allowed")
    assert stage.ok("GET", f"/routes/{route['id']}")["deployment_id"] == there["id"]


def test_clusters(stage):
    listed = stage.ok("GET", "/clusters")["items"]
    assert [(one["id"], one["kind"], one["node_addresses"]) for one in listed] == [("local", "podman", ["127.0.0.1"])]
    assert listed[0]["deployments"] >= 1 and listed[0]["sweep_held"] is False and listed[0]["capacity"] is None
    wanted = {"name": "the machine", "default_namespace": "", "node_addresses": ["192.0.2.1", "node.example"]}
    done = stage.ok("PUT", "/clusters/local", wanted)
    assert {name: done[name] for name in wanted} == wanted
    for wrong in ([], ["http://x"], ["a b"], ["x"] * 17):
        assert stage.refused("PUT", "/clusters/local", {**wanted, "node_addresses": wrong})[0] == 400
    assert stage.refused("PUT", "/clusters/none", wanted) == (404, "not-found")
    for method, path, body in (("PUT", "/clusters/local", wanted), ("POST", "/clusters/local/sweep", None)):
        for who in ("operator", "auditor", "caller"):
            assert stage.refused(method, path, body, who) == (403, "not-allowed")
    for who in ("operator", "auditor"):
        assert stage.ask("GET", "/clusters", who=who)[0] == 200
    assert stage.refused("GET", "/clusters", who="caller") == (403, "not-allowed")
    assert stage.ok("POST", "/clusters/local/sweep")["sweep_held"] is False
    assert stage.ok("PUT", "/clusters/local", {**wanted, "node_addresses": ["127.0.0.1"]})["name"] == "the machine"
    actions = [one["action"] for one in stage.ok("GET", "/audit?page_size=50")["items"]]
    assert "cluster.set" in actions and "cluster.sweep" in actions


@pytest.mark.parametrize("path", ["/ports", "/ports/ranges", "/ports/reserved", "/ports/recommendation?count=1"])
def test_ports_are_a_clusters(stage, path):
    mark = "&" if "?" in path else "?"
    assert stage.ok("GET", path) == stage.ok("GET", f"{path}{mark}cluster=local")
    assert stage.refused("GET", f"{path}{mark}cluster=none") == (404, "not-found")
    if path in ("/ports/ranges", "/ports/reserved"):
        same = stage.ok("GET", path)
        assert stage.ok("PUT", f"{path}?cluster=local", same) == same
        assert stage.refused("PUT", f"{path}?cluster=none", same) == (404, "not-found")
