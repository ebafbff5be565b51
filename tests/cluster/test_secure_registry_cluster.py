"""A sealed model whose images lie in a registry behind TLS and a password, from the vendor's project to its answer: the
platform pushes into a project of it, the cluster's nodes know it by another address, and pull with the secret that the
platform makes. What may go wrong with it is said, and mended without anything being started again."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["MIFENG_SOURCE"], "tests/e2e"))

import cluster  # noqa: E402
import hostile  # noqa: E402
from installation import SOURCE, wait_until  # noqa: E402
from machine.parts import _bcrypt  # noqa: E402

FOR_NODES = "registry.test:5443"  # as the nodes know it
PROJECT = "mifeng"


class Site:
    def __init__(self, k8s, installation, place):
        self.k8s, self.installation, self.place = k8s, installation, place
        self.password_file, self.ca = place / "registry.password", place / "registry.crt"
        self.password = k8s.registry_password
        self.key = installation.caller_key()

    def answers(self):
        return self.installation.call("/hostile/predict", "write /tmp/x", key=self.key) == (200, b'"done"')

    def set_password_of_registry(self, password):
        """Its list of users is read anew when it changes."""
        users = self.k8s.place.state / "config/htpasswd"
        users.write_text(f"{self.k8s.registry_user}:{_bcrypt(password)}\n")
        self.password = password

    def secret(self):
        found = self.k8s.api.get("/api/v1/namespaces/models/secrets/mifeng-registry")
        assert found["type"] == "kubernetes.io/dockerconfigjson"
        return json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))["auths"]

    def units(self):
        listed = json.loads(self.k8s.kubectl("get", "pods", "-n", "models", "-l", "mifeng.io/deployment", "-o", "json"))
        return listed["items"]

    def push(self, version, check=True):
        """A further version of the example, packed and pushed."""
        package = self.place / f"hostile-{version}.mfpkg"
        if not package.exists():
            project = self.place / f"hostile-{version}"
            shutil.copytree(SOURCE / "tests/attacks/hostile", project)
            for name in ("mifeng.yaml", "deployment.yaml"):
                text = (project / name).read_text().replace('"1.0.0"', f'"{version}"')
                (project / name).write_text(text)
            self.installation.mifeng("pack", project, "--for", self.installation.data / "card.json", "--sign",
                                     self.installation.data / "vendor/examples.key", "--cache", self.installation.cache,
                                     "--packs", self.installation.packs, "--output-file", package)
        return self.installation.mifeng("push", package, check=check)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    with cluster.start(cluster.Options(secure_registry=True), what_for="a registry behind TLS and a password") as k8s:
        k8s.trust_registry(FOR_NODES, f"https://{k8s.secure_registry}", k8s.registry_ca)
        (place / "registry.password").write_text(k8s.registry_password + "\n")
        shutil.copy(k8s.registry_ca, place / "registry.crt")
        registry = ["--registry", f"{k8s.secure_registry}/{PROJECT}", "--registry-ca", str(place / "registry.crt"),
                    "--registry-user", k8s.registry_user, "--registry-password-file", str(place / "registry.password"),
                    "--cluster-registry", f"{FOR_NODES}/{PROJECT}"]
        with hostile.running(k8s, place, registry=registry) as installation:
            yield Site(k8s, installation, place)


def test_a_sealed_model_answers_through_the_gateway(site):
    wait_until(site.answers, 30, "an answer")
    (deployment,) = site.installation.deployments()
    assert (deployment["state"], deployment["cluster"]) == ("ready", "kubernetes")
    (pod,) = site.units()
    for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]:
        assert container["image"].startswith(f"{FOR_NODES}/{PROJECT}/"), container["image"]
    # The secret is named by the models' account, and stands in the models' namespace alone.
    assert pod["spec"]["imagePullSecrets"] == [{"name": "mifeng-registry"}]
    secrets = json.loads(site.k8s.kubectl("get", "secrets", "-A", "-o", "json"))["items"]
    assert [one["metadata"]["namespace"] for one in secrets if one["type"] == "kubernetes.io/dockerconfigjson"] == ["models"]
    assert list(site.secret()) == [FOR_NODES]
    assert site.secret()[FOR_NODES]["username"] == site.k8s.registry_user


def test_what_it_is_in_kubernetes_is_printed_as_it_is_there(site):
    (deployment,) = site.installation.deployments()
    said = site.installation.mifeng("render", "deployment", deployment["id"], "-o", "json").stdout
    rendered = {one["kind"]: one for one in json.loads(said)["items"]}
    assert {"Deployment", "Service", "NetworkPolicy"} <= set(rendered)
    there = site.k8s.api.get(f"/apis/apps/v1/namespaces/models/deployments/mf-{deployment['id']}")
    for part in ("containers", "initContainers"):
        ours = rendered["Deployment"]["spec"]["template"]["spec"][part]
        theirs = there["spec"]["template"]["spec"][part]
        assert [one["image"] for one in ours] == [one["image"] for one in theirs]
    tag = [one["value"] for container in there["spec"]["template"]["spec"]["containers"] for one in container.get("env", [])
           if one["name"] == "MIFENG_DOOR_TAG"]
    assert tag and tag[0] not in said and "HIDDEN" in said
    yaml = site.installation.mifeng("render", "deployment", "hostile").stdout
    # In the models' own namespace nobody but the platform writes any, and its node port is taken.
    site.k8s.namespace("drawn")
    (port,) = deployment["ports"]
    yaml = yaml.replace("namespace: models\n", "namespace: drawn\n").replace(str(port["node_port"]), "32111")
    applied = site.k8s.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", input=yaml)
    assert f"deployment.apps/mf-{deployment['id']}" in applied


def test_the_platforms_own_machine_pulls_from_it_too(site):
    mifeng = site.installation.mifeng
    mifeng("deploy", "intruders/hostile@1.0.0", "--name", "here", "--wait", "120")
    (here,) = [one for one in site.installation.deployments() if one["name"] == "here"]
    assert (here["cluster"], here["state"]) == ("local", "ready")
    done = mifeng("render", "deployment", "here", check=False)
    assert done.returncode == 5 and "[no-objects]" in done.stderr
    mifeng("delete", "deployment", "here")
    wait_until(lambda: len(site.installation.deployments()) == 1, 60, "its end")


def test_the_password_is_nowhere(site):
    secrets = [site.password.encode(), base64.b64encode(f"{site.k8s.registry_user}:{site.password}".encode())]
    for folder in ("mifengd", "logs", "run", "gateway"):
        for file in (site.installation.data / folder).rglob("*"):
            if file.is_file():
                assert not any(secret in file.read_bytes() for secret in secrets), file
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert site.password.encode() not in file.read_bytes().replace(b"\0", b" "), file
        except OSError:
            continue


def test_nodes_capacity_and_events_of_the_cluster(site):
    mifeng = site.installation.mifeng
    (node,) = json.loads(mifeng("get", "nodes", "--cluster", "kubernetes", "-o", "json").stdout)
    assert (node["name"], node["ready"], node["cordoned"]) == ("node1", True, False)
    allocatable = site.k8s.api.get("/api/v1/nodes/node1")["status"]["allocatable"]
    assert node["cpu_millis"]["all"] == int(allocatable["cpu"]) * 1000 > node["cpu_millis"]["free"] > 0
    assert node["memory_bytes"]["all"] > node["memory_bytes"]["free"] > 0
    assert mifeng("get", "capacity", "-o", "name").stdout.split().count("node1") == 1
    (deployment,) = site.installation.deployments()

    def told():
        return json.loads(mifeng("get", "events", "--cluster", "kubernetes", "-o", "json").stdout)

    def of_the_deployment():
        return [dict(one, deployment=deployment["id"], cluster="kubernetes")
                for one in site.installation.api("GET", f"/deployments/{deployment['id']}/events")["items"]]
    wait_until(lambda: told() == of_the_deployment(), 30, "the same events")
    assert "Started" in {one["action"] for one in told()}
    shown = mifeng("get", "clusters", "-o", "json").stdout
    assert [one["stale"] for one in json.loads(shown)] == [False, False]


def test_with_another_password_what_runs_goes_on(site):
    """That new pulls use it shows the next test, with an image that the node does not have."""
    def running():
        return [(one["metadata"]["uid"], one["status"]["containerStatuses"][0]["restartCount"]) for one in site.units()]
    before, (deployment,) = running(), site.installation.deployments()
    site.set_password_of_registry("another password")
    new = site.place / "nodes.password"
    new.write_text("another password\n")
    done = site.installation.mifeng("cluster", "set", "kubernetes", "--pull-user", site.k8s.registry_user,
                                    "--pull-password-file", new)
    assert "another password" not in done.stdout + done.stderr
    assert list(site.secret()) == [FOR_NODES] and site.secret()[FOR_NODES]["password"] == "another password"
    assert site.answers() and running() == before
    assert [one["revision"] for one in site.installation.deployments()] == [deployment["revision"]]
    site.password_file.write_text("another password\n")


def test_what_goes_wrong_with_a_push_is_said_and_mended_without_a_restart(site):
    def refused(reason, *words):
        done = site.push("1.0.1", check=False)
        assert done.returncode != 0 and f"[{reason}]" in done.stderr, done.stderr
        for word in words:
            assert word in done.stderr

    site.password_file.write_text("a wrong one\n")
    refused("registry-login", "--registry-password-file")
    site.password_file.write_text(site.password + "\n")
    other = site.place / "other"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=other", "-keyout", f"{other}.key", "-out", f"{other}.crt"], check=True, capture_output=True)
    right = site.ca.read_bytes()
    site.ca.write_bytes(pathlib.Path(f"{other}.crt").read_bytes())
    refused("registry-untrusted", "--registry-ca")
    site.ca.write_bytes(right)
    site.k8s.stop("secure-registry")
    try:
        refused("registry-unavailable", "connection refused")
    finally:
        site.k8s.start("secure-registry")

    def pushed():
        return site.push("1.0.1", check=False).returncode == 0
    wait_until(pushed, 60, "a push")
    site.installation.mifeng("accept", "intruders/hostile@1.0.1")
    site.installation.mifeng("update", "hostile", "--version", "1.0.1", "--wait", "120")
    wait_until(site.answers, 30, "an answer of the new version")


def test_why_a_pull_fails_is_said_in_both_languages(site):
    """The nodes' login is wrong: the deployment says so, and what to do."""
    wrong = site.place / "wrong.password"
    wrong.write_text("a wrong one\n")
    mifeng = site.installation.mifeng
    mifeng("cluster", "set", "kubernetes", "--pull-user", site.k8s.registry_user, "--pull-password-file", wrong)
    site.push("1.0.2")
    mifeng("accept", "intruders/hostile@1.0.2")
    mifeng("update", "hostile", "--version", "1.0.2")
    (deployment,) = site.installation.deployments()

    def refused():
        units = site.installation.api("GET", "/deployments/" + deployment["id"])["units"]
        return next((one for one in units if one["reason_code"] == "registry-refused"), None)
    said = wait_until(refused, 120, "the reason")
    assert "mifeng cluster set CLUSTER --pull-user" in said["remedy"] and "401" in said["reason"]
    chinese = subprocess.run([os.path.join(os.environ["MIFENG_BIN"], "mifeng"), "get", "units", "hostile", "-o", "wide"],
                             capture_output=True, text=True, check=True,
                             env={**os.environ, "LC_ALL": "zh_CN.UTF-8",
                                  "MIFENG_PLATFORM": f"unix:{site.installation.data}/run/mifengd.sock"}).stdout
    assert "镜像仓库拒绝" in chinese and "请给集群一个镜像仓库接受的登录凭据" in chinese
    assert site.answers(), "what ran goes on"
    (site.place / "nodes.password").write_text(site.password + "\n")
    mifeng("cluster", "set", "kubernetes", "--pull-user", site.k8s.registry_user, "--pull-password-file",
           site.place / "nodes.password")
    site.installation.wait_state(deployment["id"], ["ready"], 240)


def test_a_view_that_is_older_than_a_minute_says_so(site):
    mifeng = site.installation.mifeng
    site.k8s.pause("apiserver")
    try:
        def stale():
            (there,) = [one for one in site.installation.api("GET", "/clusters")["items"] if one["id"] == "kubernetes"]
            return there["stale"]
        wait_until(stale, 150, "a stale view")
        for kind in ("nodes", "capacity", "deployments", "units", "clusters", "events"):
            done = mifeng("get", kind)
            assert "What is shown of the cluster kubernetes is as it was seen at" in done.stderr, (kind, done.stderr)
        assert "node1" in mifeng("get", "nodes").stdout
        assert site.answers()
    finally:
        site.k8s.resume("apiserver")
    site.k8s.wait_api()
    wait_until(lambda: "as it was seen" not in mifeng("get", "nodes").stderr, 120, "a view of now")

