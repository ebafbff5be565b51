"""A real cluster that an operator adds to a real platform: what is made there, what is kept, what is refused, and what
goes again."""
import base64
import json
import pathlib
import subprocess
import time

import kubernetes
import platforms
import pytest
from ports import free_port

INSTALLATION, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def policy_of(namespace):
    return [f"{ADMISSION}/{plural}/mifeng-{namespace}"
            for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")]


@pytest.fixture(scope="module")
def platform():
    with platforms.platform(INSTALLATION) as made:
        yield made


def is_gone(k8s, path):
    try:
        k8s.api.get(path)
        return False
    except kubernetes.ApiError as error:
        return error.code == 404


def wait_gone(k8s, *paths):
    for path in paths:
        kubernetes.wait(f"{path} to be gone", lambda path=path: is_gone(k8s, path), 60)


def add(platform, k8s, name, *more, kubeconfig=None):
    return platform.mifeng("cluster", "add", name, "--kubeconfig", kubeconfig or k8s.kubeconfig, "--registry", k8s.registry,
                           "--no-rehearsal", *more)


def listed(platform, name):
    """The cluster as the platform knows it, without asking it."""
    return [one for one in platform.get("/clusters")["items"] if one["id"] == name][0]


def removed(platform, name, *more):
    done = platform.mifeng("cluster", "remove", name, *more)
    assert done.returncode == 0, done.stderr
    return done


def token_of(k8s, namespace):
    secret = k8s.api.get(f"/api/v1/namespaces/{namespace}/secrets/mifeng-token")
    return base64.b64decode(secret["data"]["token"]).decode()


def account(k8s, namespace, name, **roles):
    """A kubeconfig for a new service account with these cluster roles, bound in the namespace."""
    k8s.kubectl("-n", namespace, "create", "serviceaccount", name)
    for number, role in enumerate(roles.values()):
        k8s.kubectl("-n", namespace, "create", "rolebinding", f"{name}-{number}", "--clusterrole", role, "--serviceaccount",
                    f"{namespace}:{name}")
    return with_token(k8s, k8s.kubectl("-n", namespace, "create", "token", name).strip())


def with_token(k8s, token):
    config = json.loads(pathlib.Path(k8s.kubeconfig).read_text())
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)


def changed(k8s, folder, change):
    """A file with the administrator's kubeconfig, changed."""
    config = json.loads(pathlib.Path(k8s.kubeconfig).read_text())
    change(config["clusters"][0]["cluster"], config["users"][0]["user"])
    return written(folder, json.dumps(config))


def written(folder, text):
    file = folder / "kubeconfig"
    file.write_text(text)
    return file


def refused(done, reason):
    assert done.returncode != 0, done.stdout
    assert f"[{reason}]" in done.stderr, done.stderr
    return done.stderr


def everything_of(platform):
    """What the platform has written and told: its data, its log, its answers."""
    pieces = [file.read_bytes() for file in platform.folder.rglob("*") if file.is_file() and file.name != "kubeconfig"]
    for path in ("/clusters", "/audit?page_size=200"):
        pieces.append(json.dumps(platform.get(path)).encode())
    return b"\n".join(pieces)


def test_an_added_cluster_is_the_platforms_own_account_and_goes_again(platform, k8s):
    done = add(platform, k8s, "east", "--pull-user", "robot", "--pull-password-file", "/dev/null")
    assert done.returncode != 0  # an empty password is none
    password = platform.folder / "password"
    password.write_text("a password of the tests\n")
    done = add(platform, k8s, "east", "--pull-user", "robot", "--pull-password-file", password)
    assert done.returncode == 0, done.stderr
    password.unlink()
    cluster = platform.get("/clusters/east")
    assert (cluster["kind"], cluster["state"], cluster["default_namespace"]) == ("kubernetes", "ready", "models")
    assert cluster["node_addresses"] == [k8s.node_address] and cluster["registry"] == k8s.registry
    assert cluster["version"].startswith("kubernetes v1.") and cluster["address"] == k8s.api_url
    # Its node ports begin with Kubernetes' own range, and are set as others are.
    assert platform.get("/ports/ranges?cluster=east")["ranges"] == [{"first": 30000, "last": 32767}]

    space = k8s.api.get("/api/v1/namespaces/models")
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    secret = k8s.api.get("/api/v1/namespaces/models/secrets/mifeng-registry")
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert auths[k8s.registry]["username"] == "robot" and auths[k8s.registry]["password"] == "a password of the tests"

    # Not one byte of a secret is anywhere: neither the account's token, nor its registry's password, nor the
    # administrator's key.
    token = token_of(k8s, "models")
    admin = json.loads(pathlib.Path(k8s.kubeconfig).read_text())["users"][0]["user"]
    seen = everything_of(platform)
    key = base64.b64decode(admin["client-key-data"]).decode().splitlines()[1]
    for secret in (token, token.split(".")[2], "a password of the tests", admin["client-key-data"], key,
                   base64.b64encode(token.encode()).decode()):
        assert secret.encode() not in seen

    # It is the account that the platform works with, and it goes on after a restart.
    kubernetes.wait("its state", lambda: platform.get("/clusters/east")["state"] == "ready")
    platform.restart()
    assert "see-nodes" in kubernetes.wait("what it may do", lambda: platform.get("/clusters/east")["may"])
    assert platform.get("/clusters/east")["capacity"]["cpu_millis"]["all"] > 0
    k8s.kubectl("-n", "models", "delete", "rolebinding", "mifeng")
    kubernetes.wait("the lost rights", lambda: listed(platform, "east")["state"] == "away", 90)
    assert "forbidden" in platform.get("/clusters/east")["reason"]
    removed(platform, "east")  # what it may no more remove stays, and is taken over by the next
    assert add(platform, k8s, "east").returncode == 0

    done = removed(platform, "east")
    assert "stays" not in done.stderr
    wait_gone(k8s, "/api/v1/namespaces/models", f"{RBAC}/clusterroles/mifeng-models",
              f"{RBAC}/clusterrolebindings/mifeng-models", *policy_of("models"))
    assert [one["id"] for one in platform.get("/clusters")["items"]] == ["local"]
    assert platform.ask("GET", "/ports/ranges?cluster=east")[0] == 404


def test_a_namespace_that_was_there_stays_and_loses_what_was_made_in_it(platform, k8s):
    k8s.namespace("there-before")
    k8s.kubectl("-n", "there-before", "create", "configmap", "of-somebody")
    assert add(platform, k8s, "west", "--namespace", "there-before").returncode == 0
    labels = k8s.api.get("/api/v1/namespaces/there-before")["metadata"]["labels"]
    assert "mifeng.io/installation" not in labels and "pod-security.kubernetes.io/enforce" not in labels
    assert k8s.api.get(policy_of("there-before")[1])["spec"]["validationActions"] == ["Deny", "Audit"]
    removed(platform, "west")
    base = "/api/v1/namespaces/there-before"
    wait_gone(k8s, f"{base}/serviceaccounts/mifeng", f"{base}/serviceaccounts/mifeng-model", f"{base}/secrets/mifeng-token",
              f"{RBAC}/namespaces/there-before/roles/mifeng", f"{RBAC}/namespaces/there-before/rolebindings/mifeng",
              f"{RBAC}/clusterroles/mifeng-there-before", f"{RBAC}/clusterrolebindings/mifeng-there-before", *policy_of("there-before"))
    assert k8s.api.get(f"{base}/configmaps/of-somebody")


def test_where_somebody_else_runs_pods_no_policy_is_made_that_would_stop_them(platform, k8s):
    k8s.namespace("lived-in")
    k8s.kubectl("-n", "lived-in", "run", "tenant", "--image=tenant.test/tenant:1")
    assert add(platform, k8s, "lived-in", "--namespace", "lived-in").returncode == 0
    assert all(is_gone(k8s, path) for path in policy_of("lived-in"))
    done = platform.mifeng("doctor", "--cluster", "lived-in")
    assert done.returncode == 0 and "not in force" in done.stdout and "mifeng cluster set" in done.stdout
    k8s.kubectl("-n", "lived-in", "delete", "pod", "tenant", "--now")
    assert platform.mifeng("cluster", "set", "lived-in", "--name", "ours").returncode == 0
    assert "in force: nobody else" in platform.mifeng("doctor", "--cluster", "lived-in").stdout
    removed(platform, "lived-in")
    wait_gone(k8s, *policy_of("lived-in"))


def test_a_login_as_it_is_belongs_to_a_namespace_that_is_there(platform, k8s):
    said = refused(add(platform, k8s, "none", "--namespace", "not-there", "--as-given"), "no-namespace")
    assert "no namespace not-there" in said and is_gone(k8s, "/api/v1/namespaces/not-there")


def test_one_namespace_is_one_cluster_of_one_platform(platform, k8s):
    assert add(platform, k8s, "one", "--namespace", "shared").returncode == 0
    said = refused(add(platform, k8s, "two", "--namespace", "shared"), "namespace-taken")
    assert "the cluster one of this platform" in said
    refused(add(platform, k8s, "one", "--namespace", "elsewhere"), "cluster-exists")
    with platforms.platform(OTHER) as second:
        said = refused(add(second, k8s, "one", "--namespace", "shared"), "namespace-taken")
        assert INSTALLATION[:8] in said
        assert second.ask("GET", "/clusters/one")[0] == 404
    removed(platform, "one")
    wait_gone(k8s, "/api/v1/namespaces/shared")


@pytest.fixture(scope="module")
def viewer(k8s):
    """Somebody who may only look, in a namespace that is there."""
    k8s.namespace("looked-at")
    return account(k8s, "looked-at", "viewer", role="view")


def test_too_few_rights_are_told_one_by_one_and_nothing_is_made(platform, k8s, viewer, tmp_path):
    file = written(tmp_path, viewer)
    said = refused(add(platform, k8s, "few", "--namespace", "looked-at", kubeconfig=file), "too-few-rights")
    for right in ("create serviceaccounts in looked-at", "create secrets in looked-at",
                  "create roles.rbac.authorization.k8s.io in looked-at",
                  "create clusterroles.rbac.authorization.k8s.io mifeng-looked-at", "--as-given"):
        assert right in said
    said = refused(add(platform, k8s, "few", "--namespace", "looked-at", "--as-given", kubeconfig=file), "too-few-rights")
    assert "patch deployments.apps in looked-at" in said and "list pods in" not in said
    said = refused(add(platform, k8s, "few", "--namespace", "not-there", kubeconfig=file), "too-few-rights")
    assert "create serviceaccounts in not-there" in said
    accounts = k8s.api.get("/api/v1/namespaces/looked-at/serviceaccounts")["items"]
    assert sorted(one["metadata"]["name"] for one in accounts) == ["default", "viewer"]
    assert is_gone(k8s, "/api/v1/namespaces/not-there")


def test_a_namespaced_role_and_its_login_as_it_is(platform, k8s, tmp_path):
    """By the commands that stand in the role file."""
    k8s.kubectl("create", "namespace", "given")
    role = pathlib.Path(platforms.os.environ["MIFENG_SOURCE"], "deploy/kubernetes/role-namespace.yaml")
    k8s.kubectl("-n", "given", "create", "serviceaccount", "mifeng")
    k8s.kubectl("-n", "given", "apply", "-f", role)
    k8s.kubectl("-n", "given", "create", "rolebinding", "mifeng", "--role", "mifeng", "--serviceaccount", "given:mifeng")
    token = k8s.kubectl("-n", "given", "create", "token", "mifeng", "--duration", "1h").strip()
    file = written(tmp_path, with_token(k8s, token))
    # It sees no nodes, so somebody has to say where they are.
    refused(add(platform, k8s, "given", "--namespace", "given", "--as-given", kubeconfig=file), "no-node-addresses")
    done = add(platform, k8s, "given", "--namespace", "given", "--as-given", "--node-address", k8s.node_address,
               kubeconfig=file)
    assert done.returncode == 0, done.stderr
    assert listed(platform, "given")["node_addresses"] == [k8s.node_address]

    done = platform.mifeng("doctor", "--cluster", "given")
    assert done.returncode == 0, done.stdout  # what is lost is no hindrance: test_rights_cluster.py
    rights = {line for line in done.stdout.splitlines() if "not allowed" in line}
    assert any("create tokenreviews.authentication.k8s.io" in line for line in rights)
    assert any("list nodes" in line for line in rights) and not any(" in given" in line for line in rights)
    removed(platform, "given")
    wait_gone(k8s, "/api/v1/namespaces/given/serviceaccounts/mifeng-model")
    assert k8s.api.get("/api/v1/namespaces/given/serviceaccounts/mifeng")  # not ours


def test_doctor_says_what_is_there_and_what_is_lost(platform, k8s):
    assert add(platform, k8s, "looked").returncode == 0
    done = platform.mifeng("doctor", "--cluster", "looked")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not allowed" not in done.stdout and "1 of 1 are ready" in done.stdout
    assert "patch deployments.apps in models" in done.stdout and "keeps pods to `restricted`" in done.stdout
    k8s.kubectl("delete", "clusterrolebinding", "mifeng-models")

    def in_chinese():
        said = platform.mifeng("doctor", "--cluster", "looked", env={"LC_ALL": "zh_CN.UTF-8"}).stdout
        return said if "不允许" in said else None
    assert "节点地址须手工给出" in kubernetes.wait("what is lost", in_chinese)
    removed(platform, "looked", "--abandon")
    assert k8s.api.get("/api/v1/namespaces/models/serviceaccounts/mifeng")  # untouched
    assert add(platform, k8s, "again").returncode == 0  # and taken over, under another name
    removed(platform, "again")
    wait_gone(k8s, "/api/v1/namespaces/models")


@pytest.mark.parametrize("what", ["text", "yaml", "context", "nowhere", "authority", "insecure", "plain", "auth-provider",
                                  "password", "key"])
def test_bad_kubeconfigs_are_told_plainly(platform, k8s, tmp_path, what):
    port = free_port()
    files = {
        "text": lambda: written(tmp_path, "hello"),
        "yaml": lambda: written(tmp_path, "clusters: [\n"),
        "context": lambda: k8s.kubeconfig,
        "nowhere": lambda: changed(k8s, tmp_path, lambda cluster, user: cluster.update(server=f"https://127.0.0.1:{port}")),
        "authority": lambda: changed(k8s, tmp_path, lambda cluster, user: cluster.update(
            {"certificate-authority-data": other_authority(tmp_path)})),
        "insecure": lambda: changed(k8s, tmp_path, lambda cluster, user: cluster.update({"insecure-skip-tls-verify": True})),
        "plain": lambda: changed(k8s, tmp_path, lambda cluster, user: cluster.update(server="http://10.0.0.1:8080")),
        "auth-provider": lambda: changed(k8s, tmp_path, lambda cluster, user: user.update({"auth-provider": {"name": "gcp"}})),
        "password": lambda: changed(k8s, tmp_path, lambda cluster, user: (user.clear(), user.update(username="a", password="b"))),
        "key": lambda: changed(k8s, tmp_path, lambda cluster, user: user.pop("client-key-data")),
    }
    reason = {"nowhere": "api-unavailable", "authority": "bad-tls-certificate"}.get(what, "bad-kubeconfig")
    more = ["--context", "missing"] if what == "context" else []
    said = refused(add(platform, k8s, "bad", *more, kubeconfig=files[what]()), reason)
    assert {"context": 'no context called "missing"', "insecure": "insecure-skip-tls-verify", "plain": "https://",
            "key": "without its key"}.get(what, "") in said
    # The platform itself takes nothing of that kind either.
    if what not in ("text", "context"):
        status, answer = platform.ask("POST", "/clusters", {"id": "bad", "default_namespace": "models",
                                                            "kubeconfig": (tmp_path / "kubeconfig").read_text()})
        assert status >= 400 and answer["reason"] == reason, answer
    assert platform.ask("GET", "/clusters/bad")[0] == 404


def other_authority(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=other", "-keyout", folder / "other.key", "-out", folder / "other.crt"], check=True,
                   capture_output=True)
    return base64.b64encode((folder / "other.crt").read_bytes()).decode()


def test_files_and_programs_of_a_kubeconfig_are_the_operators(platform, k8s, tmp_path):
    """Read and run where `mifeng` runs; to the platform they are a reason to refuse."""
    token = k8s.kubectl("-n", "kube-system", "create", "serviceaccount", "operator") and k8s.kubectl(
        "create", "clusterrolebinding", "operator", "--clusterrole", "cluster-admin", "--serviceaccount",
        "kube-system:operator") and k8s.kubectl("-n", "kube-system", "create", "token", "operator").strip()
    config = json.loads(pathlib.Path(k8s.kubeconfig).read_text())
    cluster = config["clusters"][0]["cluster"]
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster.pop("certificate-authority-data")))
    cluster["certificate-authority"] = "ca.crt"
    for version in ("v1", "v1beta1"):
        program = tmp_path / "sign-in"
        program.write_text(
            "#!/bin/sh\n"
            f'[ "$1" = "--for" ] && [ "$2" = "us" ] && [ "$MIFENG_SAID" = "yes" ] || exit 3\n'
            f'case "$KUBERNETES_EXEC_INFO" in *client.authentication.k8s.io/{version}*{cluster["server"]}*) ;; *) exit 4;; esac\n'
            f'echo signing in >&2\necho run >> {tmp_path}/runs\n'
            f'echo \'{{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/{version}", '
            f'"status": {{"token": "{token}", "expirationTimestamp": "2099-01-01T00:00:00Z"}}}}\'\n')
        program.chmod(0o755)
        config["users"][0]["user"] = {"exec": {
            "apiVersion": f"client.authentication.k8s.io/{version}", "command": "./sign-in", "args": ["--for", "us"],
            "env": [{"name": "MIFENG_SAID", "value": "yes"}], "interactiveMode": "Never", "provideClusterInfo": True}}
        file = written(tmp_path, json.dumps(config))
        status, answer = platform.ask("POST", "/clusters", {"id": "exec", "default_namespace": "by-exec",
                                                            "kubeconfig": file.read_text()})
        assert status == 400 and answer["reason"] == "bad-kubeconfig"
        assert not (tmp_path / "runs").exists()
        refused(add(platform, k8s, "exec", "--namespace", "by-exec", "--as-given", kubeconfig=file), "bad-kubeconfig")
        done = add(platform, k8s, "exec", "--namespace", "by-exec", kubeconfig=file)
        assert done.returncode == 0, done.stderr
        assert "signing in" in done.stderr and (tmp_path / "runs").read_text().splitlines() == ["run"] * 2
        assert token.encode() not in everything_of(platform)
        (tmp_path / "runs").unlink()
        removed(platform, "exec")
        wait_gone(k8s, "/api/v1/namespaces/by-exec")
    config["users"][0]["user"]["exec"]["command"] = "./not-there"
    said = refused(add(platform, k8s, "exec", kubeconfig=written(tmp_path, json.dumps(config))), "bad-kubeconfig")
    assert "cannot be run" in said


def test_a_cluster_that_is_away_holds_up_nobody(platform, k8s):
    assert add(platform, k8s, "away").returncode == 0
    k8s.pause("apiserver")  # it takes connections and answers nothing
    try:
        begin = time.monotonic()
        platform.restart()
        assert time.monotonic() - begin < 10  # as it promises to stop
        for path in ("/clusters", "/deployments", "/ports/ranges?cluster=away"):
            begin = time.monotonic()
            platform.get(path)
            assert time.monotonic() - begin < 2, path
        kubernetes.wait("that it is seen to be away", lambda: listed(platform, "away")["state"] == "away", 120)
    finally:
        k8s.resume("apiserver")
    k8s.wait_api()
    kubernetes.wait("that it is back", lambda: listed(platform, "away")["state"] == "ready", 120)
    removed(platform, "away")
    wait_gone(k8s, "/api/v1/namespaces/models")
