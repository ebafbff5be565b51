"""Why a deployment does not run: each reason provoked on a real cluster, and told to whoever has to act, in both languages:
a code, a sentence, what to do, and an event on the Deployment for those who look at the cluster alone."""
import contextlib
import json
import os
import shutil
import signal
import time

import cluster
import kubernetes
import pytest
import sites

from sites import CHINESE, ENGLISH, SPACE, SOURCE, wait_until

DEADLINE_SECONDS = 15
# Half of what Kubernetes takes itself; a kubelet says every ten seconds that it lives.
NODE_GRACE_SECONDS = 20
QUICK_NODES = {"controller-manager": [f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s", "--node-monitor-period=2s"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("reasons")
    with cluster.start(cluster.Options(secure_registry=True, flags=QUICK_NODES), what_for="reasons") as k8s:
        installation = sites.installation(
            k8s, place / "d", *sites.door(k8s), examples=SOURCE / "tests/e2e/models",
            environment={"MIFENG_PROGRESS_DEADLINE": str(DEADLINE_SECONDS), "MIFENG_CLUSTER_LAME_DUCK": "0"})
        with installation:
            made = sites.Site(k8s, installation)
            (first,) = installation.deployments()
            made.first, made.version, made.folder = first["id"], first["version_id"], place
            yield made


@pytest.fixture
def deploy(site):
    """Deploys the unruly model, and takes it away again."""
    made = []

    def run(name, mode="good", **more):
        made.append(site.deploy(name, more.pop("version", site.version), mode, **more))
        return made[-1]
    yield run
    site.delete(*made)


class Told:
    """What people are told of a deployment as soon as its reason is the one that was provoked."""

    def __init__(self, site, deployment, code, seconds=60, sentence=""):
        def found():
            now = site.get(deployment)
            return now if now["reason_code"] == code and sentence in now["reason"] else None
        try:
            self.seen = wait_until(found, seconds, f"the reason {code} of {deployment}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(site.get(deployment), indent=1)}") from None
        self.english, self.english_remedy = self.rows(site, deployment, ENGLISH, "REASON", "REMEDY")
        self.chinese, self.chinese_remedy = self.rows(site, deployment, CHINESE, "原因", "处理办法")
        # Nothing but names and the cluster's own words is English to whoever reads Chinese.
        assert self.chinese != self.english and self.chinese_remedy not in (self.english_remedy, "-"), vars(self)

    @staticmethod
    def rows(site, deployment, language, *titles):
        shown = site.mifeng("describe", "deployment", deployment, language=language).split("\n\n")[0]
        rows = dict(line.split(None, 1) for line in shown.splitlines())
        return [rows[title].strip() for title in titles]

    def says(self, english, english_remedy, chinese, chinese_remedy):
        for part, text in ((english, self.english), (english_remedy, self.english_remedy), (chinese, self.chinese),
                           (chinese_remedy, self.chinese_remedy)):
            assert part in text, vars(self)
        return self


def event_of(site, deployment, reason, namespace=SPACE):
    """The event of our own on the Deployment, as `kubectl describe` shows it."""
    def found():
        listed = site.k8s.api.get(f"/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.kind=Deployment,"
                                  f"involvedObject.name=mf-{deployment},reason={reason}")["items"]
        return [one for one in listed if one["source"].get("component") == "mifeng"]
    (event, *_) = kubernetes.wait(f"the event {reason}", found, 30)
    assert event["type"] == "Warning" and event["message"]
    return event["message"]


@contextlib.contextmanager
def registry(site, address):
    """The nodes take images from there; only what is deployed meanwhile is told so."""
    site.api("PUT", f"/deployments/{site.first}/replicas", {"replicas": 0})
    site.mifeng("cluster", "set", sites.CLUSTER, "--registry", address)
    try:
        yield
    finally:
        site.mifeng("cluster", "set", sites.CLUSTER, "--registry", site.k8s.registry)
        site.api("PUT", f"/deployments/{site.first}/replicas", {"replicas": 1})


def test_an_image_that_the_registry_does_not_have(site, deploy):
    with registry(site, site.k8s.registry + "/elsewhere"):
        deployment = deploy("no-image")
        Told(site, deployment, "image-not-found").says(
            "the registry does not have the image of the container start", "push the package again",
            "镜像仓库中没有容器 start 的镜像", "请重新提交模型包")
        assert "push the package again" in event_of(site, deployment, "ImageNotFound")


def test_a_registry_that_wants_a_login(site, deploy):
    with registry(site, site.k8s.secure_registry):
        Told(site, deploy("no-login"), "registry-refused").says(
            "the registry refuses the image", "mifeng cluster set CLUSTER --pull-user", "镜像仓库拒绝", "mifeng cluster set CLUSTER --pull-user")


def test_a_registry_whose_certificate_no_node_trusts(site, deploy):
    site.k8s.trust_registry("untrusted.test", f"https://{site.k8s.secure_registry}")
    with registry(site, "untrusted.test"):
        Told(site, deploy("no-trust"), "registry-not-trusted").says(
            "does not trust the registry", "give each node the registry's CA", "节点不信任", "CA 证书")


def test_a_registry_that_no_node_reaches(site, deploy):
    site.k8s.trust_registry("closed.test", f"http://{site.k8s.node_address}:9")
    with registry(site, "closed.test"):
        Told(site, deploy("no-way"), "image-not-pulled").says(
            "could not be pulled", "see whether the nodes reach the registry", "无法拉取", "能否连接镜像仓库")


def test_a_login_of_the_registry_that_somebody_deleted(site):
    k8s = site.k8s
    password = site.folder / "password"
    password.write_text(k8s.registry_password + "\n")
    site.mifeng("cluster", "add", "private", "--no-rehearsal", "--kubeconfig", k8s.kubeconfig, "--namespace", "private", "--registry",
                k8s.secure_registry, "--pull-user", k8s.registry_user, "--pull-password-file", password)
    k8s.kubectl("-n", "private", "delete", "secret", "mifeng-registry")
    deployment = site.deploy("no-secret", site.version, cluster="private")
    try:
        Told(site, deployment, "no-pull-secret").says(
            "its login is not in the namespace", "--pull-user", "没有镜像仓库的登录凭据", "--pull-user")
        event_of(site, deployment, "NoPullSecret", "private")
    finally:
        site.delete(deployment)
        site.mifeng("cluster", "remove", "private")


def test_too_little_of_a_resource_is_said_with_its_amount(site, deploy):
    deployment = deploy("too-large", requests={"memory": "1000Gi"}, limits={"memory": "1000Gi"})
    told = Told(site, deployment, "unschedulable").says(
        "of memory it asks for 10", "mifeng deploy --request memory=AMOUNT", "资源 memory 需要 10", "请减少其申请量")
    asked, free, short = (int(word.rstrip(",").removesuffix("Mi")) for word in told.english.split() if
                          word.rstrip(",").endswith("Mi"))
    assert asked - free == short and asked >= 1000 * 1024 and 0 < free < 1 << 20, told.english
    assert "memory" in event_of(site, deployment, "Unschedulable")
    deployment = deploy("no-device", requests={"example.com/npu": "2"}, limits={"example.com/npu": "2"})
    Told(site, deployment, "unschedulable").says(
        "of example.com/npu it asks for 2, and the most that is free on one node is 0, 2 too little",
        "--request example.com/npu=", "资源 example.com/npu 需要 2，单个节点最多空闲 0，还差 2", "example.com/npu")


def test_a_taint_and_a_cordoned_node(site, deploy):
    node = site.k8s.node
    site.k8s.kubectl("taint", "nodes", node, "dedicated=lab:NoSchedule")
    try:
        tainted = deploy("tainted")
        told = Told(site, tainted, "unschedulable").says(
            "they have the taint dedicated: lab", "kubectl taint nodes NODE dedicated-", "节点有污点 dedicated: lab", "去掉该污点")
        # The other way that is offered, while the taint stays.
        assert "(mifeng update --toleration dedicated)" in told.english_remedy
        site.mifeng("update", tainted, "--toleration", "dedicated=lab:NoSchedule")
        site.settled(tainted, 1)
        (pod,) = site.pods(tainted)
        assert {"key": "dedicated", "operator": "Equal", "value": "lab", "effect": "NoSchedule"} in pod["spec"]["tolerations"]
    finally:
        site.k8s.kubectl("taint", "nodes", node, "dedicated-")
    site.k8s.kubectl("cordon", node)
    try:
        Told(site, deploy("cordoned"), "unschedulable").says(
            "they are cordoned", "kubectl uncordon NODE", "已停止调度", "kubectl uncordon")
    finally:
        site.k8s.kubectl("uncordon", node)


def test_a_quota_and_a_limit_range(site, deploy):
    site.k8s.kubectl("-n", SPACE, "create", "quota", "few", "--hard=limits.memory=1Mi")
    try:
        deployment = deploy("quota")
        Told(site, deployment, "quota").says(
            "exceeded quota: few", "kubectl get resourcequota", "配额不允许", "请提高配额")
        event_of(site, deployment, "Quota")
    finally:
        site.k8s.kubectl("-n", SPACE, "delete", "quota", "few")
    site.k8s.kubectl("apply", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": SPACE},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "100Mi"}}]}}))
    try:
        Told(site, deploy("range"), "limit-range").says(
            "maximum memory usage per Container is 100Mi", "kubectl get limitrange", "资源限制范围不允许", "修改资源限制范围")
    finally:
        site.k8s.kubectl("-n", SPACE, "delete", "limitrange", "small")


RULES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/nobody"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/nobody"


def test_an_admission_policy_is_quoted(site, deploy):
    api = site.k8s.api
    api.apply(RULES, {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "nobody"},
        "spec": {"failurePolicy": "Fail",
                 "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                                                         "resources": ["pods"]}]},
                 "validations": [{"expression": "false", "message": "no new pods on a Sunday"}]}})
    api.apply(BINDINGS, {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "nobody"}, "spec": {"policyName": "nobody", "validationActions": ["Deny"]}})
    try:
        time.sleep(2)  # until the API server has heard of its own policy
        Told(site, deploy("admission"), "not-admitted").says(
            "no new pods on a Sunday", "ask whoever runs the cluster", "no new pods on a Sunday", "请集群的管理者放行")
    finally:
        api.delete(BINDINGS)
        api.delete(RULES)


def test_a_volume_that_nobody_makes(site, deploy):
    project = site.folder / "keeper"
    shutil.copytree(SOURCE / "tests/e2e/models/unruly", project)
    config = (project / "deployment.yaml").read_text()
    (project / "deployment.yaml").write_text(
        config.replace("{name: cache, emptyDir: {}}", "{name: cache, persistentVolumeClaim: {claimName: data}}"))
    for name in ("mifeng.yaml", "deployment.yaml"):
        text = (project / name).read_text()
        (project / name).write_text(text.replace("name: unruly", "name: keeper"))
    version = site.installation.pack_and_accept(project)
    Told(site, deploy("keeper", version=version), "volume-not-bound", sentence="mf-unruly.data").says(
        "its volume mf-unruly.data is not there yet: no persistent volumes available", "make a PersistentVolume",
        "存储卷 mf-unruly.data 尚不存在", "请为它建立 PersistentVolume")


def test_a_model_that_crashes_again_and_again(site, deploy):
    deployment = deploy("crashes", mode="crash")
    told = Told(site, deployment, "exited").says(
        "its model ended (exit status 7) and is started again", "mifeng logs", "它的模型已结束（exit status 7）", "请查看其输出")
    assert "the weights are of another version" in told.english and "the weights are of another version" in told.chinese
    assert "another version" in event_of(site, deployment, "Exited")


def test_a_model_that_needs_more_memory_than_it_may_have(site, deploy):
    Told(site, deploy("eats", mode="eat"), "out-of-memory").says(
        "needed more memory than its limit", "mifeng deploy --limit memory=AMOUNT", "所需内存超出", "请提高其上限")


def test_a_model_that_never_gets_ready_and_the_deadline(site, deploy):
    deployment = deploy("hangs", mode="hang")
    Told(site, deployment, "not-ready").says(
        "it runs, and does not say that it is ready", "mifeng logs", "它在运行，但未表示就绪", "请查看其输出")
    told = Told(site, deployment, "deadline-exceeded", DEADLINE_SECONDS + 45).says(
        f"it was not ready within {DEADLINE_SECONDS} s", "mifeng logs", f"它在 {DEADLINE_SECONDS} 秒内没有就绪", "请查看其输出")
    assert "runs" not in told.chinese
    event_of(site, deployment, "DeadlineExceeded")


def test_a_key_that_the_platform_does_not_give(site, deploy):
    """It may not read guards' logs any more: that is told by the platform's own words, which no guard hears."""
    role = site.k8s.api.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}/roles/mifeng")
    for part in ("managedFields", "resourceVersion", "uid", "creationTimestamp"):
        role["metadata"].pop(part)
    less = {**role, "rules": [rule for rule in role["rules"] if "pods/log" not in rule["resources"]]}
    assert len(less["rules"]) < len(role["rules"])
    site.k8s.kubectl("replace", "-f", "-", input=json.dumps(less))
    try:
        deployment = deploy("no-key")
        Told(site, deployment, "no-grant").says(
            "the platform gives it no key (forbidden): ", "mifeng get audit", "平台不给它密钥（forbidden）", "审计日志")
        event_of(site, deployment, "NoGrant")
    finally:
        site.k8s.kubectl("replace", "-f", "-", input=json.dumps(role))
    wait_until(lambda: site.get(deployment)["state"] == "ready", 90, "the key")
    assert site.get(deployment)["reason_code"] == site.get(deployment)["remedy"] == ""


def test_a_chosen_port_that_somebody_else_took(site, deploy):
    deployment = deploy("ports", ports=[32111])
    site.settled(deployment, 1)
    # As if it had been free for a moment: whoever comes first has it.
    mifengd = site.installation.service_pid("mifengd")
    os.kill(mifengd, signal.SIGSTOP)
    try:
        site.k8s.kubectl("-n", SPACE, "delete", "service", "mf-" + deployment)
        site.k8s.kubectl("create", "service", "nodeport", "theirs", "--tcp=80", "--node-port=32111", "-n", "default")
    finally:
        os.kill(mifengd, signal.SIGCONT)
    Told(site, deployment, "port-taken").says(
        "belongs to somebody else", "deploy it to another port", "节点端口在集群中属于别人", "请部署到其他端口")
    site.k8s.kubectl("-n", "default", "delete", "service", "theirs")
    site.settled(deployment, 1)


def test_a_node_that_does_not_answer_any_more(site):
    site.settled(site.first, 1)
    site.k8s.pause("kubelet")
    try:
        Told(site, site.first, "node-lost", NODE_GRACE_SECONDS + 60, sentence="its node").says(
            f"its node {site.k8s.node} does not answer any more", "kubectl describe node", f"所在的节点 {site.k8s.node} 没有应答",
            "kubectl describe node")
        # Where no node answers Kubernetes evicts nothing: it takes it for trouble of its own.
    finally:
        site.k8s.resume("kubelet")
    site.settled(site.first, 1)


def test_a_cluster_that_does_not_answer(site):
    site.settled(site.first, 1)
    site.k8s.stop("apiserver")
    try:
        told = Told(site, site.first, "cluster-away", 90).says(
            f"the cluster {sites.CLUSTER} does not answer, so this is what was seen last", "mifeng doctor --cluster",
            f"集群 {sites.CLUSTER} 没有应答", "mifeng doctor --cluster")
        assert told.seen["state"] == "ready"
    finally:
        site.k8s.start("apiserver")
        site.k8s.wait_api()
    # And nothing else is a reason when it is back, not even for a moment.
    seen = set()

    def look():
        now = site.get(site.first)
        seen.add((now["state"], now["reason_code"]))
        return ("ready", "") in seen
    wait_until(look, 45, "the cluster's return")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        look()
        time.sleep(0.1)
    assert seen <= {("ready", "cluster-away"), ("ready", "")}, seen


def test_a_platform_without_a_door_for_guards(site, deploy):
    """Last: the installation is another one then."""
    site.installation.stop()
    at = site.installation.options.index("--guard-listen")
    del site.installation.options[at:at + 2]
    site.installation.start()
    Told(site, deploy("no-door"), "no-door", 90).says(
        "has no listener for guards of other machines", "start mifengd with --guard-listen", "没有供其他机器上的守护使用的监听入口",
        "--guard-listen")
