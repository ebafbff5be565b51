"""A sealed model on a real cluster, from the vendor's project to an answer through the gateway."""
import json

import cluster
import hostile
import pytest
from installation import wait_until


class Sealed:
    """An installation whose example runs on the cluster, and a caller's key."""

    def __init__(self, k8s, installation):
        self.k8s, self.installation = k8s, installation
        self.key = installation.caller_key()
        (self.deployment,) = [one["id"] for one in installation.deployments()]

    def call(self, what):
        return self.installation.call("/hostile/predict", what, key=self.key)

    def tries(self, what):
        status, body = self.call(what)
        assert status == 200, (what, status, body)
        return json.loads(body)

    def answers(self):
        return self.call("write /tmp/x") == (200, b'"done"')

    def pods(self, *arguments):
        return self.k8s.kubectl("get", "pods", "-n", "models", "-l", "mifeng.io/deployment=" + self.deployment, *arguments)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    with cluster.start(what_for="a sealed model") as k8s, \
            hostile.running(k8s, tmp_path_factory.mktemp("sealed")) as installation:
        yield Sealed(k8s, installation)


def test_it_answers_through_the_gateway(sealed):
    wait_until(sealed.answers, 30, "an answer")
    state = sealed.installation.api("GET", "/deployments/" + sealed.deployment)
    assert (state["state"], state["cluster"]) == ("ready", "kubernetes")
    (unit,) = state["units"]
    pods = json.loads(sealed.pods("-o", "json"))["items"]
    assert [pod["metadata"]["name"] for pod in pods] == [unit["name"]]
    # What crosses the node port is sealed: nobody but the gateway reads it.
    (service,) = json.loads(sealed.k8s.kubectl("get", "services", "-n", "models", "-o", "json"))["items"]
    assert service["spec"]["type"] == "NodePort"


def test_its_pod_is_admitted_where_restricted_is_enforced(sealed):
    (space,) = [one for one in json.loads(sealed.k8s.kubectl("get", "namespaces", "-o", "json"))["items"]
                if one["metadata"]["name"] == "models"]
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_model_reaches_nobody_though_its_guard_has_a_network(sealed):
    wait_until(sealed.answers, 30, "an answer")
    (pod,) = json.loads(sealed.pods("-o", "json"))["items"]
    assert sealed.tries("stream /mifeng/model/model.sock") == "done", "it does make sockets"
    # Its guard's ports, on the network that the two share; the node, the platform, and anybody else.
    for address, port in (("127.0.0.1", 15020), (pod["status"]["podIP"], 15020), (sealed.k8s.node_address, 6443),
                          (sealed.k8s.host_address, 7083), ("192.0.2.1", 53)):
        for kind in ("tcp", "udp"):
            assert sealed.tries(f"{kind} {address} {port}") in ("EPERM", "EACCES", "EAFNOSUPPORT"), (kind, address)
    assert sealed.tries("serve-tcp 9123") in ("EPERM", "EACCES", "EAFNOSUPPORT")
