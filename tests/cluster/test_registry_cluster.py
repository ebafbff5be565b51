"""The registry behind TLS and a password."""
import base64
import json
import subprocess

import cluster
import kubernetes
import pods
import pytest


@pytest.fixture(scope="module")
def k8s():
    with cluster.start(cluster.Options(secure_registry=True), what_for="tests/cluster/test_registry_cluster.py") as made:
        yield made


@pytest.fixture
def image(k8s, probe):
    return k8s.push({"/probe": (probe, 0o755)}, ["/probe"], "sealed/probe", secure=True)


@pytest.fixture
def namespace(k8s, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    return k8s.namespace(name, enforce="restricted")


def pull_secret(k8s, password):
    user = {"auth": base64.b64encode(f"{k8s.registry_user}:{password}".encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps({"auths": {k8s.secure_registry: user}}).encode()).decode()}}


def refused(k8s, namespace, made):
    """The message of the failed pull."""
    pods.apply(k8s, namespace, made)
    name = made["metadata"]["name"]
    kubernetes.wait("a failed pull", lambda: pods.why(k8s, namespace, name) in ("ErrImagePull", "ImagePullBackOff"))
    events = k8s.api.get(f"/api/v1/namespaces/{namespace}/events?fieldSelector=reason=Failed,involvedObject.name={name}")
    return " ".join(event["message"] for event in events["items"])


def test_an_image_is_pulled_with_the_password_alone(k8s, image, namespace):
    assert "401" in refused(k8s, namespace, pods.pod("without", image))
    pods.apply(k8s, namespace, pull_secret(k8s, "a wrong one"))
    wrong = pods.pod("wrong", image, imagePullSecrets=[{"name": "pull"}])
    assert "401" in refused(k8s, namespace, wrong)
    pods.apply(k8s, namespace, pull_secret(k8s, k8s.registry_password))
    right = pods.pod("right", image, imagePullSecrets=[{"name": "pull"}])
    pods.apply(k8s, namespace, right)
    pods.ready(k8s, namespace, right)


def test_a_registry_whose_ca_the_node_does_not_know_is_refused_until_it_does(k8s, image, namespace):
    pods.apply(k8s, namespace, pull_secret(k8s, k8s.registry_password))
    k8s.distrust_registry(k8s.secure_registry)
    # Another image name, since what has been pulled is there.
    other = image.replace("sealed/probe", "sealed/other")
    made = pods.pod("stranger", other, imagePullSecrets=[{"name": "pull"}])
    assert "certificate signed by unknown authority" in refused(k8s, namespace, made)
    k8s.trust_registry(k8s.secure_registry, f"https://{k8s.secure_registry}", k8s.registry_ca)


def test_this_machine_trusts_it_only_with_its_ca(k8s, image):
    inspect = ["skopeo", "--insecure-policy", "inspect", "--creds", f"{k8s.registry_user}:{k8s.registry_password}"]
    done = subprocess.run([*inspect, f"docker://{image}"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "x509" in done.stderr, done.stderr


def test_the_password_is_asked_for(k8s):
    done = subprocess.run(["curl", "-s", "--noproxy", "*", "--cacert", k8s.registry_ca, "-o", "/dev/null", "-w", "%{http_code}",
                           f"https://{k8s.secure_registry}/v2/"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "401"
