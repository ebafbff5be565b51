"""What an operator or a node does to a deployment on a cluster costs its callers nothing: 16 connections go on posting
meanwhile through the gateway and the node port, none of them repeats a call, and every one is answered. In each mode of
kube-proxy that runs on this machine: iptables and nftables (IPVS needs a kernel module that is not everywhere;
test_lifecycle_cluster.py says so where it is missing)."""
import contextlib
import json
import os
import shutil
import signal
import sys
import time

import cluster
import kubernetes
import pytest
import sites

from sites import SOURCE, SPACE, wait_until

sys.path.insert(0, str(SOURCE / "tests/support"))

import calls  # noqa: E402
from second_gateway import second_gateway  # noqa: E402

CONNECTIONS = 16
CALLS = 10_000
BODY = json.dumps({"do": "nothing", "padding": "x" * 2000}).encode()


class Busy(sites.Site):
    """A deployment with two units that answers."""

    def __init__(self, k8s, installation, folder):
        super().__init__(k8s, installation)
        (first,) = installation.deployments()
        self.id, self.first = first["id"], first["version_id"]
        self.second = self.other_version(folder, "2.0.0")
        self.scale(2)
        self.key = installation.caller_key()
        wait_until(lambda: installation.call("/unruly/v2/health/ready", key=self.key)[0] == 200, 60, "an answer")

    def other_version(self, folder, version):
        project = folder / "unruly-2"
        shutil.copytree(SOURCE / "tests/e2e/models/unruly", project)
        for name in ("mifeng.yaml", "deployment.yaml"):
            (project / name).write_text((project / name).read_text().replace('version: "1.0.0"', f'version: "{version}"'))
        return self.installation.pack_and_accept(project)

    def scale(self, replicas):
        self.api("PUT", f"/deployments/{self.id}/replicas", {"replicas": replicas})
        self.settled(self.id, replicas)

    def load(self, **more):
        return calls.start(self.installation.gateway + "/unruly/predict", CONNECTIONS, body=BODY, check="same",
                           headers={"Authorization": "Bearer " + self.key, "Content-Type": "application/json"}, **more)

    def lost(self, what, load=None):
        """What callers saw while `what` happened: at least CALLS calls, some before and some after."""
        load = load or self.load()
        began = time.monotonic()
        try:
            load.wait_more(300)
            what()
            took = time.monotonic() - began
            load.wait_more(300)
            load.wait_calls(CALLS, 300)
            result = load.stop()
        finally:
            load.kill()
        assert result["calls"] >= CALLS
        print(f"{result['calls']} calls in {result['seconds']} s ({took:.1f} s of it the change), {result['failed']} failed, "
              f"slowest {result['slowest_ms']} ms")
        return result


@contextlib.contextmanager
def busy(place, **options):
    with cluster.start(cluster.Options(**options), what_for="no lost call") as k8s:
        installation = sites.installation(k8s, place / "d", *sites.door(k8s), examples=SOURCE / "tests/e2e/models")
        with installation:
            yield Busy(k8s, installation, place)


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def site(request, tmp_path_factory):
    with busy(tmp_path_factory.mktemp(request.param), proxy_mode=request.param) as made:
        yield made


def update(site):
    plan = site.api("POST", f"/deployments/{site.id}/revisions/plan", {"version_id": site.second})
    assert plan["strategy"] == "surge", plan
    site.api("POST", f"/deployments/{site.id}/revisions", {"version_id": site.second})
    site.settled(site.id, 2, version="2.0.0")


def roll_back(site):
    site.api("POST", f"/deployments/{site.id}/rollback", {})
    site.settled(site.id, 2, version="1.0.0")


def scale_up_and_down(site):
    for replicas in (4, 1, 2):
        site.scale(replicas)


def restart(site):
    site.api("POST", f"/deployments/{site.id}/restart")
    site.settled(site.id, 2)


def kill_a_pod(site):
    """As whoever says `kubectl delete pod`."""
    (pod, _) = [one["metadata"]["name"] for one in site.pods(site.id)]
    site.k8s.kubectl("-n", SPACE, "delete", "pod", pod, "--wait=false")
    wait_until(lambda: pod not in site.installation.units(site.id), 60, "the end of " + pod)
    site.settled(site.id, 2)


def evict(site, pod):
    """What `kubectl drain` asks for, pod by pod; whether it may go now."""
    try:
        site.k8s.api.post(f"/api/v1/namespaces/{SPACE}/pods/{pod}/eviction", {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": SPACE}})
        return True
    except kubernetes.ApiError as error:
        assert error.code == 429 and "disruption budget" in str(error), error
        return False


def drain(site):
    """All pods that a drained node had, as fast as the budget lets them go; on one node alone they come back there."""
    former = [one["metadata"]["name"] for one in site.pods(site.id)]
    assert len(former) == 2
    assert evict(site, former[0])
    # One is going: the budget keeps the other, at once and until another one is ready.
    assert not evict(site, former[1])
    refused = 0

    def gone():
        nonlocal refused
        went = evict(site, former[1])
        refused += not went
        # What is being deleted is not among its pods any more.
        assert not went or any(kubernetes.node_ready(one) for one in site.pods(site.id)), \
            "the budget let the only one go that was ready"
        return went
    wait_until(gone, 60, "the second eviction")
    assert refused > 0
    site.settled(site.id, 2)


def kill_mifengd(site):
    pid = site.installation.service_pid("mifengd")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: site.installation.service_pid("mifengd") not in (None, pid), 60, "another mifengd")
    site.settled(site.id, 2)


@pytest.mark.parametrize("what", [update, roll_back, scale_up_and_down, restart, kill_a_pod, drain, kill_mifengd])
def test_no_call_is_lost(site, what):
    result = site.lost(lambda: what(site))
    assert result["failed"] == 0, result


def test_a_gateway_that_is_started_again_loses_no_call_of_those_who_have_two(site, tmp_path):
    """Who is given no connection takes one of the other; who has one is told with an answer that it ends."""
    join = site.api("POST", "/gateways", {"id": f"second-{os.urandom(3).hex()}", "platform_url": site.installation.line("platform")})
    request = json.loads(BODY)
    with second_gateway(tmp_path / "second", join, request, site.key) as second:
        wait_until(lambda: second("/unruly/predict")[0] == 200, 60, "an answer of the second")

        def restart_gateway():
            for _ in range(3):
                pid = site.installation.service_pid("mifeng-gateway")
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda pid=pid: site.installation.service_pid("mifeng-gateway") not in (None, pid), 60,
                           "another gateway")
                wait_until(answers, 60, "its answer")

        def answers():
            with contextlib.suppress(OSError):
                return site.installation.call("/unruly/v2/health/ready", key=site.key)[0] == 200
            return False
        result = site.lost(restart_gateway, site.load(otherwise=second.address))
        assert result["failed"] == 0, result


def free_memory(k8s):
    """Of its node, in MiB."""
    node = k8s.api.get("/api/v1/nodes/" + k8s.node)
    return int(node["status"]["allocatable"]["memory"].removesuffix("Ki")) // 1024


def quantities(mebibytes):
    return {"requests": {"memory": f"{mebibytes}Mi"}, "limits": {"memory": f"{mebibytes}Mi"}}


@pytest.mark.parametrize("short", ["quota", "node"])
def test_an_update_without_room_for_one_more_unit_ends_as_planned_and_costs_nothing(site, short):
    """Two units fit and a third does not: an old one goes first, and the other serves."""
    large = free_memory(site.k8s) * 2 // 5
    if short == "node":
        site.api("POST", f"/deployments/{site.id}/revisions", quantities(large))
        site.settled(site.id, 2)
    else:
        site.k8s.kubectl("-n", SPACE, "create", "quota", "two", "--hard=pods=2")
    env = {"env": [{"name": "MODE", "value": short}]}

    def update_in_place():
        plan = site.api("POST", f"/deployments/{site.id}/revisions/plan", env)
        assert plan["strategy"] == "in-place", plan
        revision = site.api("POST", f"/deployments/{site.id}/revisions", env)["revision"]
        site.settled(site.id, 2, revision=revision)
        (made,) = [one for one in site.k8s.api.get(f"/apis/apps/v1/namespaces/{SPACE}/deployments")["items"]
                   if one["metadata"]["name"] == "mf-" + site.id]
        assert made["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    try:
        result = site.lost(update_in_place)
        assert result["failed"] == 0, result
    finally:
        if short == "quota":
            site.k8s.kubectl("-n", SPACE, "delete", "quota", "two")
        else:
            site.api("POST", f"/deployments/{site.id}/revisions", quantities(128))
            site.settled(site.id, 2)


def test_room_that_somebody_takes_after_the_decision_holds_no_update_up(site):
    """There was room when it was planned; then a quota says no, and an old unit goes first after all."""
    env = {"env": [{"name": "MODE", "value": "late"}]}
    assert site.api("POST", f"/deployments/{site.id}/revisions/plan", env)["strategy"] == "surge"

    def update_late():
        site.k8s.pause("controller-manager")
        try:
            revision = site.api("POST", f"/deployments/{site.id}/revisions", env)["revision"]
            made = kubernetes.wait("the new template", lambda: [
                one for one in site.k8s.api.get(f"/apis/apps/v1/namespaces/{SPACE}/deployments")["items"]
                if one["metadata"]["name"] == "mf-" + site.id and
                one["status"].get("observedGeneration", 0) < one["metadata"]["generation"]])
            assert made[0]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
            site.k8s.kubectl("-n", SPACE, "create", "quota", "late", "--hard=pods=2")
        finally:
            site.k8s.resume("controller-manager")
        site.settled(site.id, 2, revision=revision)
    try:
        result = site.lost(update_late)
        assert result["failed"] == 0, result
    finally:
        site.k8s.kubectl("-n", SPACE, "delete", "quota", "late")


def test_the_only_unit_without_room_for_another_goes_first_as_planned(site):
    site.scale(1)
    site.k8s.kubectl("-n", SPACE, "create", "quota", "one", "--hard=pods=1")
    try:
        env = {"env": [{"name": "MODE", "value": "alone"}]}
        plan = site.api("POST", f"/deployments/{site.id}/revisions/plan", env)
        assert plan["strategy"] == "outage" and any("calls fail meanwhile" in one for one in plan["warnings"]), plan
        revision = site.api("POST", f"/deployments/{site.id}/revisions", env)["revision"]
        site.settled(site.id, 1, revision=revision)
    finally:
        site.k8s.kubectl("-n", SPACE, "delete", "quota", "one")
    site.scale(2)
