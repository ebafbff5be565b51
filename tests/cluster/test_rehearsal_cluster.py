"""A rehearsal: guards without models on a cluster's nodes. What it says where all is well and where something is not, and
that nothing stays of it."""
import os
import signal
import subprocess

import hostile
import kubernetes
import pytest
from installation import BIN

SPACE = "rehearsed"
KINDS = ("/apis/apps/v1", "deployments"), ("/api/v1", "pods"), ("/api/v1", "services"), \
    ("/apis/networking.k8s.io/v1", "networkpolicies")


class Scene:
    def __init__(self, k8s, installation):
        self.k8s, self.installation = k8s, installation

    def begin(self, *words, language="C.UTF-8"):
        return subprocess.Popen([str(BIN / "mifeng"), *map(str, words)], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE,
                                env={"PATH": os.environ["PATH"], "LC_ALL": language,
                                     "MIFENG_PLATFORM": f"unix:{self.installation.data}/run/mifengd.sock"})

    def mifeng(self, *words, **more):
        """(exit status, standard output, standard error)"""
        process = self.begin(*words, **more)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def left(self):
        """Names of what is in the namespace and of a rehearsal."""
        return [item["metadata"]["name"] for group, plural in KINDS
                for item in self.k8s.api.get(f"{group}/namespaces/{SPACE}/{plural}")["items"]
                if item["metadata"]["name"].startswith("mf-rehearsal-")]

    def restore(self):
        done = self.mifeng("cluster", "set", "far", "--registry", self.k8s.registry, "--guard-url", self.guard_url())
        assert done[0] == 0, done

    def guard_url(self):
        door = self.installation.options.index("--guard-listen")
        return "http://" + self.installation.options[door + 1]


@pytest.fixture(scope="module")
def scene(k8s, tmp_path_factory):
    with hostile.running(k8s, tmp_path_factory.mktemp("rehearsal"), joined=False) as installation:
        yield Scene(k8s, installation)


def test_a_cluster_that_is_added_is_rehearsed(scene):
    status, out, err = scene.mifeng("cluster", "add", "far", "--kubeconfig", scene.k8s.kubeconfig, "--namespace", SPACE,
                                    "--registry", scene.k8s.registry, "-o", "json")
    assert status == 0 and '"id": "far"' in out, (out, err)
    assert "Models will run there: guards started, and were reached." in err, err
    kubernetes.wait("the pods' end", lambda: scene.left() == [], 30)


def test_it_names_the_node_and_the_way_in_both_languages(scene):
    status, out, err = scene.mifeng("cluster", "rehearse", "far")
    assert status == 0, (out, err)
    assert f"a pod on the node {scene.k8s.node}" in out and f"starts, and reaches the platform at {scene.guard_url()}" in out
    assert f"the node port 32767 at {scene.k8s.node_address}" in out and "answers the platform" in out, out
    status, out, _ = scene.mifeng("cluster", "rehearse", "far", language="zh_CN.UTF-8")
    assert status == 0 and f"节点 {scene.k8s.node} 上的 Pod" in out and "能够从平台访问" in out, out
    (noted, *_) = scene.installation.api("GET", "/audit?action=cluster.rehearse")["items"]
    assert noted["subject"] == "far"


def test_a_door_that_pods_do_not_reach_is_said(scene):
    nowhere = f"http://{scene.k8s.host_address}:1"
    assert scene.mifeng("cluster", "set", "far", "--guard-url", nowhere)[0] == 0
    status, out, err = scene.mifeng("cluster", "rehearse", "far")
    scene.restore()
    assert status == 1 and f"{scene.k8s.host_address}:1" in out and "mifeng cluster set --guard-url" in out, (out, err)
    assert "answers the platform" not in out and scene.left() == []


def test_a_registry_that_nodes_do_not_reach_is_said(scene):
    assert scene.mifeng("cluster", "set", "far", "--registry", "127.0.0.1:9")[0] == 0
    status, out, err = scene.mifeng("cluster", "rehearse", "far")
    scene.restore()
    assert status == 1 and "image" in out and "127.0.0.1:9" in out, (out, err)


def test_one_at_a_time_and_killed_in_the_middle_nothing_stays(scene):
    first = scene.begin("cluster", "rehearse", "far")
    kubernetes.wait("a pod of it", lambda: [name for name in scene.left() if name.count("-") > 3], 30)
    status, _, err = scene.mifeng("cluster", "rehearse", "far")
    assert status != 0 and "[cluster-busy]" in err, err
    os.kill(scene.installation.service_pid("mifengd"), signal.SIGKILL)
    first.communicate(timeout=120)
    kubernetes.wait("what it left to be removed", lambda: scene.left() == [], 120)
    status, out, err = scene.mifeng("cluster", "rehearse", "far")
    assert status == 0, (out, err)


def test_this_machine_is_not_rehearsed(scene):
    status, _, err = scene.mifeng("cluster", "rehearse", "local")
    assert status != 0 and "[local-cluster]" in err and "mifeng doctor" in err, err
