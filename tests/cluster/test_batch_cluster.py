"""mifengd killed with -9 while it works on a batch of a hundred on a real API server: what is there in the end is exactly
the plan, nothing twice, nothing lost, and no port is left taken when it has been rolled back. The nodes are hollow."""
import json
import os

import pytest

import cluster
import hostile
from batches import ports_said_and_there
from installation import wait_until
from killer import Killer

ITEMS = 100
KILLS = 12  # of the batch and of its roll back, each
AWAY = 60  # seconds that a request waits for mifengd to come back


@pytest.fixture(scope="module")
def hollow(tmp_path_factory):
    """An installation on a cluster whose hollow nodes take everything that is deployed from now on."""
    with cluster.start(cluster.Options(hollow_nodes=2), what_for="batches and kills") as k8s:
        with hostile.running(k8s, tmp_path_factory.mktemp("batch"), options=["--restart-pause", "1"]) as installation:
            k8s.kubectl("cordon", k8s.node)
            k8s.kubectl("taint", "nodes", "-l", "mifeng.test/hollow=true", "mifeng.test/hollow-")
            yield k8s, installation


def objects(k8s, kind):
    return json.loads(k8s.kubectl("get", kind, "-n", "models", "-o", "json"))["items"]


def warned(installation, plan):
    """The items of the same plan made now that ask for more than a quota leaves."""
    again = installation.api("POST", "/batches/plans", {
        "cluster": plan["items"][0]["request"]["cluster"], "replicas": 1,
        "items": [{"version_id": item["request"]["version_id"], "name": item["request"]["name"]} for item in plan["items"]]})
    return [item["number"] for item in again["items"] if any("quota of the namespace" in one for one in item["warnings"])]


def test_a_batch_ends_as_its_plan_said(hollow):
    k8s, installation = hollow
    (first,) = installation.deployments()
    seed = int(os.environ.get("MIFENG_SEED", "20261129"))
    plan = installation.api("POST", "/batches/plans", {
        "cluster": first["cluster"], "replicas": 1,
        "items": [{"version_id": first["version_id"], "name": f"b{number}"} for number in range(ITEMS)]}, timeout=AWAY)
    assert plan["totals"]["create"] == ITEMS and plan["clusters"][0]["known"], plan["totals"]
    # A quota that lets the first ninety come is said at the ten that it would keep out.
    k8s.kubectl("-n", "models", "create", "quota", "ninety", "--hard=pods=91")
    short = wait_until(lambda: warned(installation, plan), 30, "a plan that has seen the quota")
    assert short == [item["number"] for item in plan["items"][90:]]
    k8s.kubectl("-n", "models", "delete", "quota", "ninety")
    batch = installation.api("POST", "/batches", {"plan": plan["id"]})
    assert batch["counts"]["waiting"] == ITEMS
    killer = Killer(installation, seed, KILLS, 1.2)
    killer.start()

    def counts():
        return installation.api("GET", f"/batches/{batch['id']}", timeout=AWAY)["counts"]
    wait_until(lambda: counts()["ready"] == ITEMS, 240, lambda: f"the end of the batch: {counts()}")
    killer.join()
    assert killer.kills == KILLS
    items = installation.api("GET", f"/batches/{batch['id']}", timeout=AWAY)["items"]
    wanted = {item["deployment_id"] for item in items}
    assert len(wanted) == ITEMS
    there = {one["metadata"]["labels"]["mifeng.io/deployment"] for one in objects(k8s, "deployments")}
    assert there == {*wanted, first["id"]}
    said, got = ports_said_and_there(installation.api, k8s, plan, batch["id"], {first["id"]})
    assert got == said

    installation.api("POST", f"/batches/{batch['id']}/rollback", {"confirm": batch["id"]}, timeout=AWAY)
    killer = Killer(installation, seed + 1, KILLS, 1.2)
    killer.start()
    wait_until(lambda: counts()["rolled_back"] == ITEMS, 240, lambda: f"the end of the roll back: {counts()}")
    killer.join()
    wait_until(lambda: [one["id"] for one in installation.api("GET", "/deployments", timeout=AWAY)["items"]] == [first["id"]],
               30, "nothing but the first deployment")
    assert [one["metadata"]["labels"]["mifeng.io/deployment"] for one in objects(k8s, "deployments")] == [first["id"]]
    assert len(objects(k8s, "services")) == 1
    used = installation.api("GET", f"/ports?cluster={first['cluster']}", timeout=AWAY)["items"]
    assert {one["holder"] for one in used if one["state"] == "used"} == {first["id"]}
    assert installation.api("POST", "/audit/verification", {}, timeout=AWAY)["intact"]
