"""The two role files by hand, as they say it: a sealed model with nothing but the namespaced role, and what the other adds."""
import json
import os
import pathlib
import subprocess

import hostile
import kubernetes
import pods
import pytest
from installation import SOURCE, ApiError
from intruder import Intruder, wait_until_answered

ROLES = SOURCE / "deploy/kubernetes"
FIRST, LAST = 31500, 31509


class Scene:
    """An installation that was given a login in the namespace `given`, and a model that runs there, behind /far."""

    def __init__(self, k8s, installation, folder):
        self.k8s, self.installation, self.folder = k8s, installation, folder

    def doctor(self, language="C.UTF-8"):
        """(exit status, {right or thing: line})"""
        done = subprocess.run([os.path.join(os.environ["MIFENG_BIN"], "mifeng"), "doctor", "--cluster", "given"],
                              capture_output=True, text=True, timeout=120,
                              env={"PATH": os.environ["PATH"], "LC_ALL": language,
                                   "MIFENG_PLATFORM": f"unix:{self.installation.data}/run/mifengd.sock"})
        return done.returncode, done.stdout

    def state(self):
        return self.installation.api("GET", "/deployments/" + self.deployment)


@pytest.fixture(scope="module")
def scene(k8s, tmp_path_factory):
    place = tmp_path_factory.mktemp("rights")
    with hostile.running(k8s, place, joined=False) as installation:
        yield Scene(k8s, installation, place)


def by_hand(k8s, *words):
    return k8s.kubectl("-n", "given", *words)


def test_a_sealed_model_runs_and_answers_with_the_namespaced_role_alone(scene):
    k8s, installation = scene.k8s, scene.installation
    # By the commands that stand in the file.
    k8s.kubectl("create", "namespace", "given")
    by_hand(k8s, "create", "serviceaccount", "mifeng")
    by_hand(k8s, "apply", "-f", ROLES / "role-namespace.yaml")
    by_hand(k8s, "create", "rolebinding", "mifeng", "--role", "mifeng", "--serviceaccount", "given:mifeng")
    config = json.loads(pathlib.Path(k8s.kubeconfig).read_text())
    config["users"][0]["user"] = {"token": by_hand(k8s, "create", "token", "mifeng", "--duration", "2h").strip()}
    (scene.folder / "kubeconfig").write_text(json.dumps(config))
    installation.mifeng("cluster", "add", "given", "--kubeconfig", scene.folder / "kubeconfig", "--as-given", "--namespace",
                        "given", "--registry", k8s.registry, "--node-address", k8s.node_address, "--no-rehearsal")
    installation.api("PUT", "/ports/ranges?cluster=given", {"ranges": [{"first": FIRST, "last": LAST}]})
    # With that role nodes are not seen; one guard without a model comes up all the same.
    assert f"a pod on the node {k8s.node}" in installation.mifeng("cluster", "rehearse", "given").stdout
    # Somebody has the first port, in a namespace that this login does not see.
    k8s.namespace("unseen")
    pods.apply(k8s, "unseen", pods.service("first", FIRST))
    (here,) = installation.deployments()  # it runs on the platform's own machine, too
    made = installation.api("POST", "/deployments", {"name": "far", "version_id": here["version_id"], "cluster": "given",
                                                     "route": {"name": "far", "prefix": "/far"}})
    scene.deployment = made["id"]
    state = installation.wait_state(scene.deployment, ["ready"], 120)
    (port,) = state["ports"]
    assert FIRST < port["node_port"] <= LAST
    used = installation.api("GET", "/ports?cluster=given")["items"][0]
    assert (used["port"], used["state"], used["holder"]) == (FIRST, "used-by-others", "kube-apiserver"), used
    assert FIRST not in installation.api("GET", "/ports/recommendation?cluster=given&count=3")["ports"]
    scene.key = installation.caller_key()
    wait_until_answered(installation, scene.key, "/far")
    assert "No admission policy is in force in its cluster" in state["grade_reason"]


def test_the_published_keys_stand_for_the_token_review(scene):
    intruder = Intruder(scene.k8s, scene.installation, scene.deployment, "given")
    live = intruder.pod()
    good = intruder.token(live)
    cases = {"minted by somebody else": (good, "not-in-log", ""),
             "of no pod": (intruder.token(), "no-pod", ""),
             "of another account": (intruder.token(account="default"), "other-account", "given:default"),
             "for another audience": (intruder.token(live, audience="mifeng/other"), "token-refused", "not for this platform"),
             "expired": (intruder.forged(good, exp=1_700_000_000), "token-refused", "it has expired"),
             "of another issuer": (intruder.forged(good, iss="https://elsewhere"), "token-refused", "its issuer is"),
             "changed": (good[:-8] + "AAAAAAAA", "token-refused", "none of them has signed it")}
    for what, (token, outcome, word) in cases.items():
        with intruder.refused(outcome, word, seconds=20):
            assert intruder.ask(token, live)[0] == 403, what


def test_the_doctor_says_what_is_lost_with_it(scene):
    status, said = scene.doctor()
    assert status == 0, said
    lost = [line for line in said.splitlines() if "not allowed" in line]
    for right, what in (("create tokenreviews.authentication.k8s.io", "checked by the keys that the cluster publishes"),
                        ("list nodes", "node addresses have to be given by hand"),
                        ("list services", "one that is taken is found by trial"),
                        ("list pods", "what others use of the nodes is not seen"),
                        ("create validatingadmissionpolicies.admissionregistration.k8s.io mifeng-given", "nothing then keeps others"),
                        ("get namespaces given", "is not seen")):
        assert right in said and what in said, (right, said)
    assert lost and not any(" in given" in line for line in lost)
    assert "we may not look" in said and "admission-policy.yaml" in said
    status, said = scene.doctor("zh_CN.UTF-8")
    assert status == 0 and "无权查看" in said and "守护程序的令牌改由集群公布的密钥核验" in said and "节点地址须手工给出" in said


def test_the_cluster_role_gives_it_all_back(scene):
    k8s = scene.k8s
    text = (ROLES / "role-cluster.yaml").read_text().replace("NAMESPACE", "given")
    k8s.kubectl("apply", "-f", "-", input=text)
    k8s.kubectl("create", "clusterrolebinding", "mifeng-given", "--clusterrole", "mifeng-given", "--serviceaccount",
                "given:mifeng")
    kubernetes.wait("the rights", lambda: "not allowed" not in scene.doctor()[1], 30)
    status, said = scene.doctor()
    assert status == 0 and "1 of 1 are ready" in said and "not in force" in said and "keeps pods to nothing" in said, said
    # And with them the policy, for the user that this platform is here.
    scene.installation.mifeng("cluster", "set", "given", "--name", "given")
    kubernetes.wait("the policy", lambda: "in force: nobody else" in scene.doctor()[1], 30)

    def refused():
        done = subprocess.run([*k8s.kubectl_argv(), "-n", "given", "create", "deployment", "own", "--image=own",
                               "--dry-run=server"], capture_output=True, text=True)
        return "Mifeng: nobody but the platform writes Deployments in given" in done.stderr
    kubernetes.wait("the refusal", refused, 30)
    before = {one["name"] for one in scene.state()["units"]}
    scene.installation.api("POST", f"/deployments/{scene.deployment}/restart", {})
    kubernetes.wait("another pod", lambda: (lambda now: now["state"] == "ready" and not before & {
        one["name"] for one in now["units"]})(scene.state()), 120)
    wait_until_answered(scene.installation, scene.key, "/far")
    kubernetes.wait("the grade", lambda: "No admission policy" not in scene.state()["grade_reason"], 90)


def test_a_cluster_with_deployments_is_not_removed_but_let_go_of(scene):
    k8s, installation = scene.k8s, scene.installation
    done = installation.mifeng("cluster", "remove", "given", check=False)
    assert done.returncode != 0 and "[cluster-in-use]" in done.stderr and "1 deployments are in the cluster given" in done.stderr
    wait_until_answered(installation, scene.key, "/far")
    unit = [one["name"] for one in scene.state()["units"]]

    def running():
        return by_hand(k8s, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()

    # A pod that was replaced goes on serving for a while.
    kubernetes.wait("the end of the former pod", lambda: running() == unit, 60)
    done = installation.mifeng("cluster", "remove", "given", "--abandon")
    assert "nothing was removed in the cluster itself" in done.stderr
    with pytest.raises(ApiError) as gone:
        scene.state()
    assert gone.value.status == 404
    assert running() == unit
    assert [one["id"] for one in installation.api("GET", "/clusters")["items"]] == ["local"]
    revoked = installation.api("GET", "/audit?action=instance.revoke&page_size=10")["items"]
    assert any(one["subject"].endswith(" of " + unit[0]) for one in revoked)
