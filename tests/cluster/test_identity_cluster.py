"""A sealed model on a real cluster, and somebody who may write in its namespace: he gets no key, and it is written down.

First with the admission policy in force, which the cluster's API server itself keeps; then without it, when what he makes
is there and gets nothing."""
import contextlib
import copy
import json
import os
import signal
import subprocess
import time

import cluster
import hostile
import kubernetes
import pods
import pytest
from intruder import Intruder, wait_until_answered
from ports import free_port

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
BINDING = f"{ADMISSION}/validatingadmissionpolicybindings/mifeng-models"
OTHER = "elsewhere"


class Scene:
    def __init__(self, k8s, installation, log):
        self.k8s, self.installation, self.log = k8s, installation, log
        self.key = installation.caller_key()
        (self.deployment,) = [one["id"] for one in installation.deployments()]
        self.intruder = Intruder(k8s, installation, self.deployment)

    def answers(self):
        return wait_until_answered(self.installation, self.key)

    def doctor(self, language="C.UTF-8"):
        done = subprocess.run([os.path.join(os.environ["MIFENG_BIN"], "mifeng"), "doctor", "--cluster", "kubernetes"],
                              capture_output=True, text=True, timeout=120,
                              env={"PATH": os.environ["PATH"], "LC_ALL": language,
                                   "MIFENG_PLATFORM": f"unix:{self.installation.data}/run/mifengd.sock"})
        return done.stdout

    def grade(self):
        return self.installation.api("GET", "/deployments/" + self.deployment)["grade_reason"]

    def instance(self):
        """The one that is live."""
        (one,) = [one for one in self.intruder.instances().values() if one["ended_ms"] == 0]
        return one


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    place = tmp_path_factory.mktemp("identity")
    # What the API server itself writes down of the models' namespace.
    (place / "audit.yaml").write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"
                                      "- {level: Metadata, namespaces: [models], omitStages: [RequestReceived]}\n- {level: None}\n")
    log = place / "audit.log"
    flags = {"apiserver": [f"--audit-policy-file={place}/audit.yaml", f"--audit-log-path={log}"]}
    with cluster.start(cluster.Options(flags=flags), what_for="who may have a key") as k8s, \
            hostile.running(k8s, place) as installation:
        yield Scene(k8s, installation, log)


@pytest.fixture(scope="module")
def image_of_probe(scene, probe):
    return scene.k8s.push({"/probe": (probe, 0o755)}, ["/probe"], "probe")


# ---- Where the policy is in force.


def test_the_policy_is_in_force_and_said_to_be(scene):
    scene.answers()
    assert "in force: nobody else writes or reaches into the models' pods" in scene.doctor()
    kubernetes.wait("the grade", lambda: "No admission policy" not in scene.grade(), 90)


def attempts(scene):
    """(command line, what the API server says to it)"""
    pod = scene.intruder.pod()["metadata"]["name"]
    ours = f"mf-{scene.deployment}"
    return {
        "a Deployment": (["create", "deployment", "own", "--image=own"], "nobody but the platform writes Deployments"),
        "our Deployment": (["set", "image", f"deployment/{ours}", "model=own"], "nobody but the platform writes Deployments"),
        "a ReplicaSet": (["patch", "replicaset", *scene.k8s.kubectl(
            "-n", "models", "get", "replicasets", "-o", "jsonpath={.items[0].metadata.name}").split(), "-p",
            '{"spec": {"replicas": 2}}'], "nobody but the deployment controller writes ReplicaSets"),
        "a Job": (["create", "job", "own", "--image=own"], "there are no jobs in models"),
        "a CronJob": (["create", "cronjob", "own", "--image=own", "--schedule=@daily"], "there are no cronjobs in models"),
        "the image of a pod": (["set", "image", f"pod/{pod}", "model=own"], "nobody changes the images of a pod"),
        "exec": (["exec", pod, "-c", "guard", "--", "/bin/true"], "(pods/exec)"),
        "attach": (["attach", pod, "-c", "guard"], "(pods/attach)"),
        "port-forward": (["port-forward", pod, f"{free_port()}:15020"], "(pods/portforward)"),
        "an ephemeral container": (["debug", pod, "--image=own", "--profile=restricted"], "(pods/ephemeralcontainers)"),
        "a token": (["create", "token", "mifeng-model"], "are for nodes alone"),
    }


def test_nobody_else_writes_in_the_namespace_or_reaches_into_a_pod(scene, image_of_probe):
    before = scene.instance()
    tried = attempts(scene)
    for what, (words, said) in tried.items():
        done = subprocess.run([*scene.k8s.kubectl_argv(), "-n", "models", *words], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and "Mifeng: " in done.stderr and said in done.stderr, (what, done.stderr)
        assert "and not admin" in done.stderr or "there are no" in done.stderr or "not for admin" in done.stderr, what
    with pytest.raises(kubernetes.ApiError, match="pods in models come from ReplicaSets alone, and not from admin"):
        plain_pod(scene.k8s, image_of_probe, "own")
    for path, kind in (("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("v1", "ReplicationController")):
        template = {"metadata": {"labels": {"app": "own"}}, "spec": {"containers": [{"name": "own", "image": "own"}]}}
        selector = {"app": "own"} if kind == "ReplicationController" else {"matchLabels": {"app": "own"}}
        group = "/api/v1" if path == "v1" else "/apis/apps/v1"
        spec = {"selector": selector, "template": template, **({"serviceName": "own"} if kind == "StatefulSet" else {})}
        with pytest.raises(kubernetes.ApiError, match=f"there are no {kind.lower()}s in models"):
            scene.k8s.api.post(f"{group}/namespaces/models/{kind.lower()}s",
                               {"apiVersion": path, "kind": kind, "metadata": {"name": "own"}, "spec": spec})

    def written():
        lines = [json.loads(line) for line in scene.log.read_text().splitlines()]
        return [line for line in lines if "validation.policy.admission.k8s.io/validation_failure" in line.get("annotations", {})]
    kubernetes.wait("an entry of each in the API server's audit log", lambda: len(written()) >= len(tried) + 4, 20)
    assert scene.instance() == before and scene.answers() < 5


def test_the_platform_itself_and_kubernetes_go_on_under_it(scene):
    before = scene.intruder.pod()["metadata"]["uid"]
    scene.installation.api("POST", f"/deployments/{scene.deployment}/restart", {})

    def other():
        found = scene.intruder.pods()
        return len(found) == 1 and found[0]["metadata"]["uid"] != before and kubernetes.node_ready(found[0])
    kubernetes.wait("another pod", other, 120)
    scene.answers()
    with pytest.raises(AssertionError, match="forbidden"):
        scene.k8s.kubectl("-n", "models", "create", "deployment", "own", "--image=own")


# ---- And where it is not.


@pytest.fixture(scope="module")
def without_policy(scene):
    scene.k8s.api.delete(BINDING)

    def ended():
        with contextlib.suppress(AssertionError):
            return scene.k8s.kubectl("-n", "models", "create", "deployment", "own", "--image=own", "--dry-run=server")
    kubernetes.wait("the end of the policy", ended, 30)
    return scene.intruder


def test_without_it_the_grade_and_the_doctor_say_so(scene, without_policy):
    assert "not in force" in scene.doctor() and "未生效" in scene.doctor("zh_CN.UTF-8")
    kubernetes.wait("the grade", lambda: "No admission policy is in force in its cluster" in scene.grade(), 90)


def bound_elsewhere(intruder):
    """A pod and an account of the same names in another namespace."""
    intruder.k8s.namespace(OTHER)
    intruder.k8s.kubectl("-n", OTHER, "create", "serviceaccount", "mifeng-model")
    return intruder.copied(intruder.pod()["metadata"]["name"], namespace=OTHER)


def plain_pod(k8s, image, name, account="mifeng-model"):
    """One that is not of Mifeng, though its container is called like a guard's."""
    made = pods.pod(name, image, container={"name": "guard"}, serviceAccountName=account)
    return k8s.api.post("/api/v1/namespaces/models/pods", made)


def test_a_token_that_is_not_the_guards_own_is_worth_nothing(without_policy, image_of_probe):
    """Each in the name of the pod that runs, so that only the token is wrong."""
    intruder = without_policy
    live = intruder.pod()
    good = intruder.token(live)
    others = plain_pod(intruder.k8s, image_of_probe, "others")
    default = plain_pod(intruder.k8s, image_of_probe, "of-default", "default")
    gone = plain_pod(intruder.k8s, image_of_probe, "gone")
    of_gone = intruder.token(gone)
    intruder.k8s.api.delete("/api/v1/namespaces/models/pods/gone", {"gracePeriodSeconds": 0})
    there = intruder.k8s.api.post(f"/api/v1/namespaces/{OTHER}/pods", bound_elsewhere(intruder))
    now = int(time.time())
    cases = {
        "of a live pod, minted by somebody else": (good, "not-in-log", "did not print this request"),
        "of another namespace": (intruder.token(there, namespace=OTHER), "other-account",
                                 f"system:serviceaccount:{OTHER}:mifeng-model"),
        "of another pod": (intruder.token(others), "not-ours", "other labels than ours"),
        "of another account": (intruder.token(default, account="default"), "other-account", "models:default"),
        "of a pod that is gone": (of_gone, "token-refused", ""),
        "of no pod": (intruder.token(), "no-pod", "bound to no pod"),
        "for another audience": (intruder.token(live, audience="mifeng/other"), "token-refused", "audience"),
        "for the API server": (intruder.token(live, audience=""), "token-refused", "audience"),
        "for nobody": (intruder.forged(good, aud=[]), "token-refused", ""),
        "expired": (intruder.forged(good, iat=now - 1200, nbf=now - 1200, exp=now - 600), "token-refused", "expired"),
        "changed": (good[:-8] + "AAAAAAAA", "token-refused", ""),
        "none": ("none", "token-refused", ""),
    }
    try:
        for what, (token, outcome, word) in cases.items():
            with intruder.refused(outcome, word, seconds=20):
                status, answer = intruder.ask(token, live)
                assert (status, answer["reason"]) == (403, "refused"), (what, status, answer)
    finally:
        for name in ("others", "of-default"):
            intruder.k8s.api.delete(f"/api/v1/namespaces/models/pods/{name}", {"gracePeriodSeconds": 0})
        intruder.k8s.api.delete(f"/api/v1/namespaces/{OTHER}/pods/{there['metadata']['name']}", {"gracePeriodSeconds": 0})


def one_more_container(spec):
    extra = copy.deepcopy(spec["containers"][0])
    for field in ("ports", "livenessProbe", "readinessProbe", "startupProbe", "env", "volumeMounts"):
        extra.pop(field, None)
    spec["containers"].append({**extra, "name": "extra", "command": ["/mifeng/bin/mifeng-guard"]})


CHANGES = {
    "not of a ReplicaSet": (lambda spec: None, "not-ours", "no replica set made the pod"),
    "another command": (lambda spec: spec["containers"][1].update(command=["/app/model"]), "drifted", "containers[1].command"),
    "one more argument": (lambda spec: spec["containers"][1]["args"].append("--more"), "drifted", "containers[1].args"),
    "one more container": (one_more_container, "drifted", "containers"),
    "one more volume": (lambda spec: spec["volumes"].append({"name": "more", "emptyDir": {}}), "drifted", "volumes"),
    "one more variable": (lambda spec: spec["containers"][1]["env"].append({"name": "LD_PRELOAD", "value": "/x"}), "drifted",
                          "containers[1].env"),
    "a folder that it may write to": (lambda spec: spec["containers"][1]["volumeMounts"][0].pop("readOnly"), "drifted",
                                      "containers[1].volumeMounts"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_pod_that_is_not_as_rendered_gets_nothing(without_policy, what):
    """With all our labels, our account, and a token for the right audience."""
    intruder = without_policy
    change, outcome, word = CHANGES[what]
    name = "own-" + str(list(CHANGES).index(what))
    with intruder.running(intruder.copied(name, change)) as pod, intruder.refused(outcome, word):
        status, answer = intruder.ask(intruder.token(pod), pod)
        assert (status, answer["reason"]) == (403, "refused"), answer


def test_a_pod_of_our_labels_that_runs_another_image_does_not_stay(without_policy):
    intruder = without_policy
    made = intruder.copied("own", lambda spec: spec["containers"][1].update(image=spec["containers"][0]["image"]))
    intruder.k8s.api.post(f"{intruder.space}/pods", made)
    kubernetes.wait("its end", lambda: "pod/own\n" not in intruder.k8s.kubectl("-n", "models", "get", "pods", "-o", "name"), 60)
    assert [one for one in intruder.audit("unit.change")
            if one["detail"].startswith("own: ") and "the image of the container model was" in one["detail"]]


def test_somebody_elses_deployment_with_our_labels_gets_nothing(without_policy):
    """Its guards are ours, and ask by themselves."""
    intruder = without_policy
    ours = intruder.k8s.api.get(f"/apis/apps/v1/namespaces/models/deployments/mf-{intruder.deployment}")
    for namespace, name, outcome, word in (
            ("models", "copied", "not-ours", "replica set is not of the deployment"),
            (OTHER, ours["metadata"]["name"], "other-account", f"{OTHER}:mifeng-model")):
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        made = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": ours["spec"],
                "metadata": {"name": name, "labels": ours["metadata"]["labels"]}}
        with intruder.refused(outcome, word, seconds=90):
            intruder.k8s.api.post(path, made)
        intruder.k8s.api.delete(f"{path}/{name}", {"propagationPolicy": "Foreground"})

    def gone():
        left = intruder.k8s.api.get("/api/v1/namespaces/models/pods")["items"]
        return all(one["metadata"]["name"].startswith("mf-") for one in left)
    kubernetes.wait("the end of its pods", gone, 90)


def test_a_copied_image_in_another_cluster_gets_nothing(scene, without_policy):
    intruder = without_policy
    with cluster.start(cluster.Options(number=cluster.Options().number + 10), what_for="a copied image") as foreign:
        foreign.namespace("models")
        foreign.kubectl("-n", "models", "create", "serviceaccount", "mifeng-model")
        ours = intruder.k8s.api.get(f"/apis/apps/v1/namespaces/models/deployments/mf-{intruder.deployment}")
        text = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "spec": ours["spec"],
                           "metadata": {"name": ours["metadata"]["name"], "labels": ours["metadata"]["labels"]}})
        spec = ours["spec"]["template"]["spec"]
        for image in {one["image"] for one in spec["initContainers"] + spec["containers"]}:
            copied = image.replace(scene.k8s.registry, foreign.registry)
            done = subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests",
                                   "--src-tls-verify=false", "--dest-tls-verify=false", "docker://" + image, "docker://" + copied.partition("@")[0]],
                                  capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        with intruder.refused("token-refused", seconds=90):
            foreign.api.post("/apis/apps/v1/namespaces/models/deployments",
                             json.loads(text.replace(scene.k8s.registry, foreign.registry)))

            def runs():
                found = foreign.api.get("/api/v1/namespaces/models/pods")["items"]
                return found and found[0]["status"]["phase"] == "Running" and found[0]
            pod = kubernetes.wait("its pod", runs, 90)
            # The token of a pod of our very name there, which somebody brings here.
            token = intruder.token(pod, k8s=foreign)
            assert intruder.ask(token)[0] == 403
            # And what its own guard says to us.
            kubernetes.wait("its guard to ask", lambda: "mifeng-request" in foreign.kubectl(
                "-n", "models", "logs", pod["metadata"]["name"], "-c", "guard"), 60)
            kubernetes.wait("its guard to be refused", lambda: "refused" in foreign.kubectl(
                "-n", "models", "logs", pod["metadata"]["name"], "-c", "guard"), 60)


def patch_image(intruder, pod, container):
    other = [one["image"] for one in pod["spec"]["containers"] if one["name"] != container][0]
    intruder.k8s.kubectl("-n", "models", "set", "image", f"pod/{pod['metadata']['name']}", f"{container}={other}")


def put_in(intruder, pod):
    guard = pod["spec"]["containers"][0]
    container = {"name": "debugger", "image": guard["image"], "command": ["/mifeng/bin/mifeng-guard"],
                 "securityContext": guard["securityContext"], "targetContainerName": "guard"}
    intruder.k8s.api.ask("PATCH", f"{intruder.space}/pods/{pod['metadata']['name']}/ephemeralcontainers",
                         {"spec": {"ephemeralContainers": [container]}}, "application/strategic-merge-patch+json")


@pytest.mark.parametrize("what, change", [
    ("the image of the container model was", lambda intruder, pod: patch_image(intruder, pod, "model")),
    ("the image of the container guard was", lambda intruder, pod: patch_image(intruder, pod, "guard")),
    ("the ephemeral container debugger was added", put_in)])
def test_a_pod_that_is_changed_after_its_grant_is_revoked_and_goes(scene, without_policy, what, change):
    intruder = without_policy
    scene.answers()
    pod, instance = intruder.pod(), scene.instance()
    change(intruder, pod)
    expect_its_end(scene, pod, instance, what)


def expect_its_end(scene, pod, instance, what):
    intruder, name = scene.intruder, pod["metadata"]["name"]

    def revoked():
        return [one for one in intruder.audit("instance.revoke") if one["subject"].startswith(instance["id"] + " ")
                and what in one["detail"]]
    kubernetes.wait("the revocation", revoked, 30)
    assert [one for one in intruder.audit("unit.change") if what in one["detail"] and name in one["detail"]]
    kubernetes.wait("the end of the pod", lambda: name not in intruder.k8s.kubectl("-n", "models", "get", "pods", "-o", "name"), 60)
    scene.answers()
    assert scene.instance()["id"] != instance["id"] and intruder.pod()["metadata"]["uid"] != pod["metadata"]["uid"]


def test_nor_does_it_help_to_change_one_while_the_platform_is_away(scene, without_policy):
    intruder = without_policy
    scene.answers()
    pod, instance = intruder.pod(), scene.instance()
    daemon = scene.installation.service_pid("mifengd")
    os.kill(daemon, signal.SIGSTOP)
    patch_image(intruder, pod, "model")
    os.kill(daemon, signal.SIGKILL)  # and it is started again, and has seen nothing
    expect_its_end(scene, pod, instance, "the image of the container model was")


def test_set_makes_the_policy_again(scene, without_policy):
    cluster_now = scene.installation.api("GET", "/clusters/kubernetes")
    scene.installation.mifeng("cluster", "set", "kubernetes", "--name", cluster_now["name"])
    assert "in force: nobody else" in kubernetes.wait("the policy", scene.doctor)
    assert scene.k8s.api.get(BINDING)["spec"]["validationActions"] == ["Deny", "Audit"]
    scene.answers()
