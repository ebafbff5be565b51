"""How clusters begin and end, beside each other and after each other."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import cluster
import kubernetes
import looking
import pods
import pytest

COMMAND = pathlib.Path(__file__).with_name("cluster")
SECOND = cluster.Options().number + 1


def command(*arguments, number=None, seconds=300):
    before = ["--number", str(number)] if number else []
    return subprocess.run([COMMAND, *before, *map(str, arguments)], capture_output=True, text=True, timeout=seconds)


def test_the_command_boots_one_and_ends_it(probe):
    assert command("status").returncode == 3
    made = command("up", "--wait", "600")
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    try:
        assert json.loads(command("status").stdout)["ready"] is True
        assert command("kubeconfig").stdout.strip() == facts["kubeconfig"]
        assert command("kubectl", "get", "nodes", "-o", "name").stdout == f"node/{facts['node']}\n"
        assert pathlib.Path(facts["kubeconfig"]).stat().st_mode & 0o077 == 0

        refused = command("up")
        assert refused.returncode == 1 and f'"pid": {facts["pid"]}' in refused.stderr, refused.stderr
        # It was not disturbed by the one that was refused.
        assert command("kubectl", "get", "--raw", "/readyz").stdout == "ok"

        k8s = cluster.running()
        spaces = looking.Namespaces(k8s.facts["first_process"])
        assert command("stop", "apiserver").returncode == 0
        assert "runs already" in command("start", "kubelet").stderr
        assert "no part" in command("start", "nothing").stderr
        assert command("start", "apiserver").returncode == 0
        k8s.wait_api()
    finally:
        ended = command("down")
    assert ended.returncode == 0, ended.stderr
    assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}
    assert command("down").returncode == 3


def test_a_second_one_of_the_same_number_waits_for_the_end_of_the_first():
    with cluster.start() as first:
        made = []
        thread = threading.Thread(target=lambda: made.append(cluster.start()))
        thread.start()
        time.sleep(2)
        assert made == [] and first.api.get("/readyz") == "ok"
    thread.join(120)
    assert not thread.is_alive() and made
    with made[0] as second:
        assert second.pid != first.pid and second.api.get("/readyz") == "ok"


def test_two_of_different_numbers_know_nothing_of_each_other(probe):
    with cluster.start() as one, cluster.start(cluster.Options(number=SECOND, proxy_mode="nftables")) as two:
        answers = {}
        for k8s, name in ((one, "here"), (two, "there")):
            image = k8s.push({"/probe": (probe, 0o755)}, ["/probe"], "probe")
            wanted = pods.deployment(name, image)
            k8s.namespace("same")
            pods.apply(k8s, "same", wanted, pods.service(name, 30090))
            pods.ready(k8s, "same", wanted)
            answers[name] = pods.call(k8s, 30090)
        assert answers["here"].startswith("here-") and answers["there"].startswith("there-")
        token = one.api.post("/api/v1/namespaces/same/serviceaccounts/default/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})["status"]["token"]
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        where = "/apis/authentication.k8s.io/v1/tokenreviews"
        assert one.api.post(where, review)["status"]["authenticated"] is True
        assert "authenticated" not in two.api.post(where, review)["status"]
        one.end()
        assert one.left_behind() == {}
        assert pods.call(two, 30090) == answers["there"]


def test_it_ends_with_the_test_that_started_it():
    script = ("import sys; sys.path.insert(0, sys.argv[1]); import cluster, json, time\n"
              "k8s = cluster.start(); print(json.dumps(k8s.facts), flush=True); time.sleep(600)")
    test = subprocess.Popen([sys.executable, "-B", "-c", script, str(pathlib.Path(cluster.__file__).parent)],
                            stdout=subprocess.PIPE, text=True)
    k8s = cluster.Cluster(json.loads(test.stdout.readline()), None)
    spaces = looking.Namespaces(k8s.facts["first_process"])
    assert k8s.api.get("/readyz") == "ok"
    test.kill()
    test.wait()
    test.stdout.close()
    cluster.wait_for_end(k8s.pid, k8s.place)
    assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}


def test_what_a_killed_watcher_could_not_remove_the_next_start_does():
    with cluster.start() as k8s:
        spaces = looking.Namespaces(k8s.facts["first_process"])
        watcher = [int(pid) for pid in pathlib.Path(f"/proc/{k8s.pid}/task/{k8s.pid}/children").read_text().split()
                   if int(pid) != looking.parent(k8s.facts["first_process"])]
        assert len(watcher) == 1
        os.kill(watcher[0], signal.SIGKILL)
        os.kill(k8s.pid, signal.SIGKILL)
        k8s.process.wait(10)
        kubernetes.wait("the processes' end", lambda: not spaces.processes())
        # The kernel takes a network namespace apart a moment after its last process.
        kubernetes.wait("nothing but groups and files to be left", lambda: {"groups", "files", "holder"} == {
            kind for kind, found in looking.traces(k8s, spaces).items() if found})
    with cluster.start() as k8s:
        assert k8s.api.get("/readyz") == "ok"
        spaces = looking.Namespaces(k8s.facts["first_process"])
    assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}


@pytest.mark.parametrize("part", ["etcd", "kubelet", "containerd", "scheduler"])
def test_a_part_that_dies_ends_the_whole(part):
    with cluster.start() as k8s:
        first = k8s.facts["first_process"]
        spaces = looking.Namespaces(first)
        line_of = "containerd --config" if part == "containerd" else f"/node {part} "
        dying = [line for line in spaces.processes() if line_of in line]
        assert len(dying) == 1, dying
        os.kill(int(dying[0].split()[0]), signal.SIGKILL)
        cluster.wait_for_end(k8s.pid, k8s.place)
        assert {kind: found for kind, found in looking.traces(k8s, spaces).items() if found} == {}
        assert f"{part} ended with status -9" in (k8s.logs / "supervisor.log").read_text()


def test_one_that_cannot_boot_says_which_part_and_why_and_leaves_nothing():
    with pytest.raises(cluster.NoCluster) as failed:
        cluster.start(cluster.Options(flags={"apiserver": ["--no-such-flag=1"]}))
    assert "apiserver ended with status 1" in str(failed.value) and "unknown flag: --no-such-flag" in str(failed.value)
    assert cluster.remains.found(cluster.Place(cluster.Options().number)) == {}


def test_a_hung_api_server_goes_on_where_it_was():
    with cluster.start() as k8s:
        k8s.pause("apiserver")
        hasty = kubernetes.Api(k8s.kubeconfig, seconds=1)
        with pytest.raises(OSError, match="timed out"):
            hasty.get("/readyz")
        k8s.resume("apiserver")
        assert k8s.api.get("/readyz") == "ok"
        k8s.stop("apiserver", kill=True)
        k8s.start("apiserver")
        k8s.wait_api()


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_proxy_modes(probe, mode):
    options = cluster.Options(proxy_mode=mode, node_ports="31000-31009", controller_rate=cluster.KUBERNETES_RATE)
    if mode == "ipvs" and not pathlib.Path("/proc/net/ip_vs").exists():
        with pytest.raises(cluster.NoCluster, match="kernel has no IPVS"):
            cluster.start(options)
        return
    with cluster.start(options) as k8s:
        said = subprocess.run([*k8s.within(), "curl", "-s", "http://127.0.0.1:10249/proxyMode"], capture_output=True, text=True)
        assert said.stdout == mode
        image = k8s.push({"/probe": (probe, 0o755)}, ["/probe"], "probe")
        node_port = pods.run(k8s, "default", "modal", image)
        assert 31000 <= node_port <= 31009
        assert pods.call(k8s, node_port) == "modal"
        with pytest.raises(kubernetes.ApiError, match="The range of valid ports is 31000-31009"):
            pods.apply(k8s, "default", pods.service("outside", 30000))


def test_hollow_nodes_have_room_for_hundreds_of_pods_that_do_not_exist():
    with cluster.start(cluster.Options(hollow_nodes=2)) as k8s:
        hollow = pods.deployment("hollow", "nothing.test/none:1", 100, tolerations=[{"key": cluster.places.HOLLOW_LABEL, "operator": "Exists"}],
                                 nodeSelector={cluster.places.HOLLOW_LABEL: "true"})
        k8s.namespace("hollow", enforce="restricted")
        pods.apply(k8s, "hollow", hollow)
        pods.ready(k8s, "hollow", hollow)
        nodes = {pod["spec"]["nodeName"] for pod in k8s.api.get("/api/v1/namespaces/hollow/pods")["items"]}
        assert nodes == {"hollow-1", "hollow-2"}


# A policy that refuses pods and names who asked: the only way to learn it.
WHO = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "who"},
       "spec": {"failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                                                        "resources": ["pods"]}]},
                "validations": [{"expression": "false", "messageExpression": "'refused to ' + request.userInfo.username"}]}}
BINDING = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "who"},
           "spec": {"policyName": "who", "validationActions": ["Deny"]}}


@pytest.mark.parametrize("accounts, user", [(True, "system:serviceaccount:kube-system:replicaset-controller"),
                                            (False, "system:kube-controller-manager")])
def test_the_controllers_are_a_user_each_or_one_user(accounts, user):
    with cluster.start(cluster.Options(controller_accounts=accounts)) as k8s:
        base = "/apis/admissionregistration.k8s.io/v1"
        k8s.api.apply(f"{base}/validatingadmissionpolicies/who", WHO)
        k8s.api.apply(f"{base}/validatingadmissionpolicybindings/who", BINDING)
        tried = pods.path(pods.pod("tried", "nothing.test/none:1"), "default") + "?fieldManager=tests&dryRun=All"

        def refused():
            try:
                k8s.api.ask("PATCH", tried, pods.pod("tried", "nothing.test/none:1"), "application/apply-patch+yaml")
            except kubernetes.ApiError as error:
                return "refused to admin" in str(error)
            return False
        kubernetes.wait("the policy", refused)
        pods.apply(k8s, "default", pods.deployment("watched", "nothing.test/none:1"))

        def message():
            sets = k8s.api.get("/apis/apps/v1/namespaces/default/replicasets")["items"]
            conditions = [c for one in sets for c in one["status"].get("conditions", []) if c["type"] == "ReplicaFailure"]
            return conditions[0]["message"] if conditions else None
        assert f"refused to {user}" in kubernetes.wait("the controller to be refused", message)
