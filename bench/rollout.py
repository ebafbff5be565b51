"""Seconds of an update of 20 units on a cluster: ours, from the request until all units are new and gateways know of them,
and `kubectl rollout` of a Deployment of as many plain pods, with the same strategy and readiness, and with Kubernetes'
defaults. Argument: [UNITS], default 20."""
import pathlib
import subprocess
import sys
import tempfile
import time

from on_cluster import ROOT, say
import cluster
import kubernetes
import pods
import sites
from bench_result import build, finish, machine


def probe(folder):
    program = pathlib.Path(folder) / "probe"
    subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-o", program, ROOT / "tests/cluster/probe.c"], check=True)
    return program.read_bytes()


def rolled_out(k8s, wanted):
    where = pods.path(wanted, "plain")
    began = time.monotonic()
    pods.apply(k8s, "plain", wanted)
    kubernetes.wait("the rollout", lambda: kubernetes.rolled_out(k8s.api.get(where)), 1200)
    return time.monotonic() - began


def by_kubernetes(k8s, image, units, strategy):
    """The second rollout of a Deployment, whose image is on the node."""
    wanted = pods.deployment("plain", image, units)
    wanted["spec"].update(strategy)
    wanted["spec"]["template"]["metadata"]["annotations"] = {"round": "1"}
    rolled_out(k8s, wanted)
    wanted["spec"]["template"]["metadata"]["annotations"] = {"round": "2"}
    seconds = rolled_out(k8s, wanted)
    k8s.api.delete(pods.path(wanted, "plain"))
    kubernetes.wait("no pods", lambda: k8s.api.get("/api/v1/namespaces/plain/pods")["items"] == [], 300)
    return seconds


def main():
    units = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    build("programs", guard_folder=True)
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder, \
            cluster.start(what_for="bench/rollout") as k8s:
        image = k8s.push({"/probe": (probe(folder), 0o755)}, ["/probe"], "probe")
        k8s.namespace("plain", enforce="restricted")
        same = by_kubernetes(k8s, image, units, {"minReadySeconds": 5, "strategy": {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}})
        say(f"kubectl, the same strategy: {same:.1f} s")
        defaults = by_kubernetes(k8s, image, units, {})
        say(f"kubectl, defaults: {defaults:.1f} s")
        installation = sites.installation(k8s, pathlib.Path(folder) / "d", *sites.door(k8s),
                                          examples=ROOT / "tests/e2e/models")
        with installation:
            site = sites.Site(k8s, installation)
            (deployment,) = [one["id"] for one in installation.deployments()]
            site.api("PUT", f"/deployments/{deployment}/replicas", {"replicas": units})
            site.settled(deployment, units, 600)
            began = time.monotonic()
            made = site.api("POST", f"/deployments/{deployment}/revisions", {"env": [{"name": "MODE", "value": "next"}]})
            site.settled(deployment, units, 1800, revision=made["revision"])
            ours = time.monotonic() - began
            say(f"ours: {ours:.1f} s")
    finish("rollout", "./bench/run rollout", {
        "units": units, "ours_s": round(ours, 1), "kubectl_same_strategy_s": round(same, 1),
        "kubectl_defaults_s": round(defaults, 1), "ours_over_kubectl_same_strategy": round(ours / same, 2),
    }, where)


main()
