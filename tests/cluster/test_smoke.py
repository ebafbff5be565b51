"""The cluster boots, serves a caller on this machine, and ends without a trace."""
import os
import signal
import threading
import time

import cluster
import kubernetes
import looking
import pods


def deploy(k8s, probe, name="first", port=30080, replicas=2):
    """A deployment of an image that no daemon has made, answering at its node port; the names of its pods."""
    image = k8s.push({"/probe": (probe, 0o755)}, ["/probe"], name)
    k8s.namespace(name, enforce="restricted")
    wanted = pods.deployment(name, image, replicas)
    pods.apply(k8s, name, wanted, pods.service(name, port))
    pods.ready(k8s, name, wanted)
    listed = k8s.api.get(f"/api/v1/namespaces/{name}/pods?labelSelector=app={name}")["items"]
    return {pod["metadata"]["name"] for pod in listed}


def test_a_deployment_answers_at_its_node_port_and_an_api_server_that_goes_away_does_not_matter_to_it(probe):
    with cluster.start(what_for="tests/cluster/test_smoke.py") as k8s:
        names = deploy(k8s, probe)
        assert len(names) == 2
        heard = set()
        end = time.monotonic() + 120
        while heard != names:
            heard.add(pods.call(k8s, 30080))
            assert heard <= names, f"{heard - names} answered, which is no pod of the deployment"
            assert time.monotonic() < end, f"only {heard} of {names} were ever heard of"

        # Calls go on while the API server is away.
        failures, calls, over = [], [], threading.Event()

        def caller():
            while not over.is_set():
                try:
                    calls.append(kubernetes.plain_get(f"http://{k8s.node_address}:30080/").decode())
                except OSError as error:
                    failures.append(str(error))
        thread = threading.Thread(target=caller)
        thread.start()
        try:
            k8s.stop("apiserver")
            assert "apiserver" not in k8s.parts()
            try:
                k8s.api.get("/readyz")
                raise AssertionError("the API server answers although it was ended")
            except OSError:
                pass
            before = len(calls)
            kubernetes.wait("calls without an API server", lambda: len(calls) > before + 20)
            k8s.start("apiserver")
            k8s.wait_api()
        finally:
            over.set()
            thread.join(30)
        assert failures == [] and set(calls) <= names

        # It is the same cluster, and its controllers have found the API server again.
        wanted = {"spec": {"replicas": 1}}
        k8s.api.ask("PATCH", "/apis/apps/v1/namespaces/first/deployments/first", wanted, "application/merge-patch+json")
        kubernetes.wait("one replica", lambda: kubernetes.rolled_out(k8s.api.get("/apis/apps/v1/namespaces/first/deployments/first")))


def test_a_killed_supervisor_leaves_nothing_and_the_next_cluster_starts(probe):
    with cluster.start(what_for="tests/cluster/test_smoke.py") as k8s:
        deploy(k8s, probe)
        assert pods.call(k8s, 30080)
        spaces = looking.Namespaces(k8s.facts["first_process"])
        there = looking.traces(k8s, spaces)
        # Each way of looking finds a cluster that lives (its mounts are in a namespace that is not ours).
        assert [kind for kind, found in there.items() if not found] == ["mounts"], there
        assert any("/probe" in line for line in there["processes"]), there["processes"]

        os.kill(k8s.pid, signal.SIGKILL)
        k8s.process.wait(10)
        cluster.wait_for_end(k8s.pid, k8s.place)
        assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}
        assert k8s.left_behind() == {}

    with cluster.start(what_for="tests/cluster/test_smoke.py") as k8s:
        deploy(k8s, probe, replicas=1)
        assert pods.call(k8s, 30080)
        spaces = looking.Namespaces(k8s.facts["first_process"])
    assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}
