"""A cluster whose API server hangs holds up nobody's keys but its own units'."""
import subprocess
import time

import cluster
import kubernetes
import pytest
import sites

from sites import SOURCE, wait_until

OTHER = cluster.Options().number + 1
UNITS = 20


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """An installation with two clusters; what it deploys by itself runs on the first."""
    place = tmp_path_factory.mktemp("two")
    with cluster.start(what_for="grants") as first, \
            cluster.start(cluster.Options(number=OTHER), what_for="grants") as second:
        # Guards of both reach the door at every address of this machine.
        port = sites.free_port()
        installation = sites.installation(
            first, place / "d", "--guard-listen", f"0.0.0.0:{port}", "--guard-url", f"http://{first.host_address}:{port}",
            examples=SOURCE / "tests/e2e/models")
        with installation:
            site = sites.Site(first, installation)
            site.mifeng("cluster", "add", "second", "--no-rehearsal", "--kubeconfig", second.kubeconfig, "--registry", second.registry,
                        "--guard-url", f"http://{second.host_address}:{port}")
            mirror(site, first.registry, second.registry)
            yield site


def mirror(site, source, to):
    """The images of what runs, in the registry that the other cluster's node reaches."""
    (deployment,) = [one["id"] for one in site.installation.deployments()]
    (pod,) = site.pods(deployment)
    for image in {one["image"] for one in pod["spec"]["containers"]}:
        name = image.removeprefix(source + "/")
        subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--src-tls-verify=false",
                        "--dest-tls-verify=false", f"docker://{image}", f"docker://{to}/{name}"], check=True, timeout=120)


def grants(site):
    return {one["deployment_id"] for one in site.api("GET", "/instances?page_size=200")["items"] if not one["ended_ms"]}


def test_units_that_ask_a_cluster_that_hangs_keep_no_other_cluster_waiting(two):
    (version,) = {one["version_id"] for one in two.installation.deployments()}
    # The pods run and ask for their keys; the API server takes what is asked of it and answers nothing.
    waiting = two.deploy("crowd", version, replicas=UNITS, requests={"cpu": "10m"})
    kubernetes.wait("half of the pods", lambda: len([
        pod for pod in two.pods(waiting) if pod["status"].get("podIP")]) >= UNITS // 2, 120)
    two.k8s.pause("apiserver")
    try:
        time.sleep(5)
        for number in range(2):
            began = time.monotonic()
            deployment = two.deploy(f"quick{number}", version, cluster="second")
            wait_until(lambda deployment=deployment: deployment in grants(two), 20, "a key in the other cluster")
            print(f"a key in the other cluster after {time.monotonic() - began:.1f} s")
    finally:
        two.k8s.resume("apiserver")
    two.settled(waiting, UNITS, 240)
