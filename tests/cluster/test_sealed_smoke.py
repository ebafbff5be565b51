"""The shortest way through all that a cluster is for: a sealed model that answers, an update, an intruder, a race for ports,
and a batch under kills. Each has a file of its own, *_cluster.py, that tries it thoroughly."""
import os
import sys

import cluster
import hostile
import kubernetes
import pytest
import sites
from batches import ports_said_and_there
from intruder import Intruder
from killer import Killer
from neighbours import Scene
from sites import SOURCE, wait_until

sys.path.insert(0, str(SOURCE / "tests/support"))

import calls  # noqa: E402

CALL = b"write /tmp/x"
BINDING = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/mifeng-models"
ITEMS, KILLS = 10, 2
AWAY = 60  # seconds that a request waits for mifengd to come back


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    # The hollow node takes nothing until a test lets it.
    with cluster.start(cluster.Options(hollow_nodes=1), what_for="a sealed model, shortly") as k8s, \
            hostile.running(k8s, tmp_path_factory.mktemp("smoke"), options=["--restart-pause", "1"]) as installation:
        made = sites.Site(k8s, installation)
        (first,) = installation.deployments()
        made.id, made.version = first["id"], first["version_id"]
        made.key = installation.caller_key()
        yield made


@pytest.fixture(scope="module")
def hollow(site):
    """What is deployed from now on is not run, only said to be."""
    site.k8s.kubectl("cordon", site.k8s.node)
    site.k8s.kubectl("taint", "nodes", "-l", "mifeng.test/hollow=true", "mifeng.test/hollow-")
    return site


def test_it_answers_through_the_gateway(site):
    wait_until(lambda: site.installation.call("/hostile/predict", CALL.decode(), key=site.key) == (200, b'"done"'), 60,
               "an answer")
    (unit,) = site.get(site.id)["units"]
    assert [pod["metadata"]["name"] for pod in site.pods(site.id)] == [unit["name"]]


def test_an_update_loses_no_call(site):
    load = calls.start(site.installation.gateway + "/hostile/predict", 4, body=CALL, check="same",
                       headers={"Authorization": "Bearer " + site.key})
    try:
        load.wait_more(50)
        made = site.api("POST", f"/deployments/{site.id}/revisions", {"limits": {"memory": "112Mi"}})
        site.settled(site.id, 1, revision=made["revision"])
        load.wait_more(50)
        result = load.stop()
    finally:
        load.kill()
    assert result["failed"] == 0 and result["calls"] >= 100, result


def test_an_intruder_gets_neither_a_token_nor_anything_for_one(site):
    """First with the policy that the API server keeps, then without it."""
    intruder = Intruder(site.k8s, site.installation, site.id)
    live = intruder.pod()
    with pytest.raises(AssertionError, match="are for nodes alone"):
        intruder.token(live)
    policy = site.k8s.api.get(BINDING)
    site.k8s.api.delete(BINDING)

    def minted():
        try:
            return intruder.token(live)
        except AssertionError:
            return None
    token = kubernetes.wait("a token", minted, 30)
    with intruder.refused("not-in-log"):
        status, answer = intruder.ask(token, live)
        assert (status, answer["reason"]) == (403, "refused"), answer
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        policy["metadata"].pop(name, None)
    site.k8s.api.post(BINDING.rpartition("/")[0], policy)


def test_a_race_for_ports_ends_with_each_port_held_once(hollow):
    scene = Scene(hollow.k8s, hollow.installation)
    _, got = scene.race(("zhang", "li"), 2)
    scene.free(*(name for name, _ in got))
    scene.remove_all_but_the_first()


def test_a_batch_under_kills_ends_as_its_plan_said(hollow):
    api = hollow.api
    plan = api("POST", "/batches/plans", {"cluster": sites.CLUSTER, "replicas": 1, "items": [
        {"version_id": hollow.version, "name": f"b{number}"} for number in range(ITEMS)]}, timeout=AWAY)
    batch = api("POST", "/batches", {"plan": plan["id"]}, timeout=AWAY)["id"]
    killer = Killer(hollow.installation, int(os.environ.get("MIFENG_SEED", "20261130")), KILLS)
    killer.start()

    def counts():
        return api("GET", f"/batches/{batch}", timeout=AWAY)["counts"]
    wait_until(lambda: counts()["ready"] == ITEMS, 120, lambda: f"the end of the batch: {counts()}, {[one['reason'] for one in hollow.installation.deployments()]}")
    killer.join()
    assert killer.kills == KILLS
    said, there = ports_said_and_there(api, hollow.k8s, plan, batch, {hollow.id})
    assert there == said and len(there) == ITEMS
