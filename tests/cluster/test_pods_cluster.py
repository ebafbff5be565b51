"""What the node does for pods, as far as tests of Mifeng rest on it. One cluster for all of them."""
import http.server
import threading

import kubernetes
import pods
import pytest


@pytest.fixture
def namespace(k8s, request):
    name = request.node.name.replace("_", "-")[:60].strip("-")
    yield k8s.namespace(name, enforce="restricted")
    k8s.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def on_this_machine(k8s):
    """A server on this machine's end of the cable; its port, and who has asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.client_address[0])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"the platform")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer((k8s.host_address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], asked
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_a_pod_reaches_this_machine_and_arrives_as_its_node(k8s, image, namespace, on_this_machine):
    port, asked = on_this_machine
    node_port = pods.run(k8s, namespace, "caller", image)
    assert pods.call(k8s, node_port, f"/fetch/{k8s.host_address}/{port}") == "the platform"
    assert set(asked) == {k8s.node_address}


def test_a_pod_reaches_a_service_by_its_address_itself_included_and_nothing_beyond_this_machine(k8s, image, namespace):
    node_port = pods.run(k8s, namespace, "caller", image)
    service = k8s.api.get(f"/api/v1/namespaces/{namespace}/services/caller")
    assert pods.call(k8s, node_port, f"/fetch/{service['spec']['clusterIP']}/80") == "caller"
    url = f"http://{k8s.node_address}:{node_port}/fetch/198.51.100.1/80"
    with pytest.raises(OSError, match="500"):
        kubernetes.plain_get(url, 10)


def test_a_service_without_selector_leads_to_this_machine(k8s, image, namespace, on_this_machine):
    port, asked = on_this_machine
    k8s.api.post(f"/api/v1/namespaces/{namespace}/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "platform"}, "spec": {"ports": [{"port": 80, "targetPort": port}]}})
    k8s.api.post(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "platform", "labels": {"kubernetes.io/service-name": "platform"}},
        "endpoints": [{"addresses": [k8s.host_address]}], "ports": [{"port": port}]})
    node_port = pods.run(k8s, namespace, "caller", image)
    address = k8s.api.get(f"/api/v1/namespaces/{namespace}/services/platform")["spec"]["clusterIP"]
    assert pods.call(k8s, node_port, f"/fetch/{address}/80") == "the platform"
    assert asked


def test_logs_and_exec(k8s, image, namespace):
    pods.run(k8s, namespace, "talker", image)
    log = k8s.api.get(f"/api/v1/namespaces/{namespace}/pods/talker/log")
    assert log == "serving\n"
    assert k8s.kubectl("-n", namespace, "exec", "talker", "--", "/probe", "say", "said by exec") == "said by exec\n"


def test_a_folder_in_memory_has_the_size_of_its_limit(k8s, image, namespace):
    volumes = [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "3Mi"}}, {"name": "disk", "emptyDir": {}}]
    mounts = [{"name": v["name"], "mountPath": f"/{v['name']}"} for v in volumes]
    node_port = pods.run(k8s, namespace, "room", image, volumes=volumes, container={"volumeMounts": mounts})
    tmpfs = "1021994"
    assert pods.call(k8s, node_port, "/room/memory") == f"{tmpfs} {3 << 20}"
    assert not pods.call(k8s, node_port, "/room/disk").startswith(tmpfs)


def test_memory_beyond_the_limit_ends_a_container(k8s, image, namespace):
    volumes = [{"name": "memory", "emptyDir": {"medium": "Memory"}}]
    # A file in memory counts for the container that writes it.
    eater = pods.pod("eater", image, volumes=volumes, restartPolicy="Never",
                     container={"volumeMounts": [{"name": "memory", "mountPath": "/memory"}],
                                "resources": {"limits": {"memory": "16Mi", "cpu": "1"}}})
    pods.apply(k8s, namespace, eater, pods.service("eater"))
    seen = pods.ready(k8s, namespace, eater)
    assert seen["status"]["qosClass"] == "Guaranteed"
    # exec needs no shell: the probe copies what it is told to.
    k8s.kubectl("-n", namespace, "exec", "eater", "--", "/probe", "fill", "/memory/file", str(4 << 20))
    assert k8s.api.get(f"/api/v1/namespaces/{namespace}/pods/eater")["status"]["containerStatuses"][0]["ready"]
    with pytest.raises(AssertionError, match="137"):
        k8s.kubectl("-n", namespace, "exec", "eater", "--", "/probe", "fill", "/memory/more", str(64 << 20))


def review(k8s, token, audiences):
    return k8s.api.post("/apis/authentication.k8s.io/v1/tokenreviews", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, "audiences": audiences}})["status"]


def test_a_projected_token_proves_its_pod_to_its_audience_alone(k8s, image, namespace):
    volumes = [{"name": "token", "projected": {"sources": [
        {"serviceAccountToken": {"path": "token", "audience": "mifeng/test", "expirationSeconds": 600}}]}}]
    node_port = pods.run(k8s, namespace, "bearer", image, volumes=volumes,
                         container={"volumeMounts": [{"name": "token", "mountPath": "/token", "readOnly": True}]})
    token = pods.call(k8s, node_port, "/file/token/token")
    uid = k8s.api.get(f"/api/v1/namespaces/{namespace}/pods/bearer")["metadata"]["uid"]
    good = review(k8s, token, ["mifeng/test"])
    assert good["authenticated"] is True and good["audiences"] == ["mifeng/test"]
    assert good["user"]["username"] == f"system:serviceaccount:{namespace}:default"
    assert good["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["bearer"]
    assert good["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [uid]
    for audience, given in ((["mifeng/other"], token), (["mifeng/test"], token[:-8] + "AAAAAAAA"), (["mifeng/test"], "none")):
        bad = review(k8s, given, audience)
        assert not bad.get("authenticated") and bad["error"], bad
    # A token is worth nothing when its pod is gone.
    k8s.api.delete(f"/api/v1/namespaces/{namespace}/pods/bearer")
    kubernetes.wait("the token to be refused", lambda: not review(k8s, token, ["mifeng/test"]).get("authenticated"))


def test_the_api_server_publishes_the_keys_that_tokens_are_signed_with(k8s):
    keys = k8s.api.get("/openid/v1/jwks")["keys"]
    assert [key["alg"] for key in keys] == ["RS256"]
    assert k8s.api.get("/.well-known/openid-configuration")["issuer"] == "https://kubernetes.default.svc"


@pytest.mark.parametrize("what, change", [
    ("runAsNonRoot", {"securityContext": {}}),
    ("allowPrivilegeEscalation", {"container": {"securityContext": {"capabilities": {"drop": ["ALL"]}}}}),
    ("host namespaces", {"hostNetwork": True}),
    ("restricted volume types", {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
])
def test_restricted_refuses(k8s, image, what, change):
    name = k8s.namespace("restricted", enforce="restricted")
    with pytest.raises(kubernetes.ApiError, match="violates PodSecurity \"restricted:latest\".*" + what) as refused:
        pods.apply(k8s, name, pods.pod("bold", image, **change))
    assert refused.value.code == 403


def test_a_namespace_without_enforcement_admits_what_restricted_refuses(k8s, image):
    name = k8s.namespace("permissive")
    bold = pods.pod("bold", image, hostNetwork=True)
    pods.apply(k8s, name, bold)
    seen = pods.ready(k8s, name, bold)
    assert seen["status"]["podIP"] == k8s.node_address
    k8s.api.delete(f"/api/v1/namespaces/{name}")


def test_an_admission_policy_is_enforced(k8s, image, namespace):
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-green"},
              "spec": {"failurePolicy": "Fail",
                       "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
                                                               "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]},
                       "validations": [{"expression": "!('green' in object.metadata.?labels.orValue({}))",
                                        "message": "nothing green here"}]}}
    binding = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
               "metadata": {"name": "no-green"},
               "spec": {"policyName": "no-green", "validationActions": ["Deny"],
                        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}}}
    base = "/apis/admissionregistration.k8s.io/v1"
    green = pods.deployment("green", image, replicas=0)
    green["metadata"]["labels"] = {"green": "yes"}
    tried = f"{pods.path(green, namespace)}?fieldManager=tests&dryRun=All"

    def refused():
        try:
            k8s.api.ask("PATCH", tried, green, "application/apply-patch+yaml")
        except kubernetes.ApiError as error:
            assert error.code == 422 and "nothing green here" in str(error), error
            return True
        return False
    assert not refused()
    k8s.api.apply(f"{base}/validatingadmissionpolicies/no-green", policy)
    k8s.api.apply(f"{base}/validatingadmissionpolicybindings/no-green", binding)
    try:
        kubernetes.wait("the policy", refused)
        pods.apply(k8s, namespace, pods.deployment("blue", image, replicas=0))
        pods.apply(k8s, k8s.namespace("elsewhere"), green)
    finally:
        k8s.api.delete(f"{base}/validatingadmissionpolicybindings/no-green")
        k8s.api.delete(f"{base}/validatingadmissionpolicies/no-green")


def test_server_side_apply(k8s, image, namespace):
    wanted = pods.deployment("applied", image, replicas=0)
    where = pods.path(wanted, namespace)
    assert k8s.api.apply(where, wanted, "mifeng-one")["metadata"]["managedFields"][0]["manager"] == "mifeng-one"
    other = pods.deployment("applied", image, replicas=2)
    with pytest.raises(kubernetes.ApiError) as conflict:
        k8s.api.apply(where, other, "mifeng-two")
    assert conflict.value.code == 409
    assert {cause["reason"] for cause in conflict.value.body["details"]["causes"]} == {"FieldManagerConflict"}
    assert k8s.api.apply(where, {**other, "spec": {**other["spec"], "replicas": 0, "paused": True}}, "mifeng-two", force=True)
    with pytest.raises(kubernetes.ApiError, match="422 .*fieldManager: Required value"):
        k8s.api.ask("PATCH", where, wanted, "application/apply-patch+yaml")
    with pytest.raises(kubernetes.ApiError, match="field not declared in schema"):
        k8s.api.apply(where, {**wanted, "spec": {**wanted["spec"], "replica": 1}}, "mifeng-one")


def test_a_node_port_is_had_once_and_within_the_range(k8s, namespace):
    one, two = pods.service("one", 30081), pods.service("two", 30081)
    pods.apply(k8s, namespace, one)
    with pytest.raises(kubernetes.ApiError, match="provided port is already allocated") as taken:
        pods.apply(k8s, namespace, two)
    assert taken.value.code == 422 and taken.value.body["details"]["causes"][0]["field"] == "spec.ports[0].nodePort"
    with pytest.raises(kubernetes.ApiError, match="The range of valid ports is 30000-32767"):
        pods.apply(k8s, namespace, pods.service("two", 29000))
    k8s.api.delete(pods.path(one, namespace))
    pods.apply(k8s, namespace, two)


def test_another_name_for_the_registry(k8s, image, namespace):
    name, _, rest = image.partition("/")
    moved = f"images.test/{rest}"
    made = pods.pod("renamed", moved)
    pods.apply(k8s, namespace, made)
    kubernetes.wait("the image to be looked for in vain", lambda: pods.why(k8s, namespace, "renamed") in ("ErrImagePull", "ImagePullBackOff"))
    k8s.trust_registry("images.test", f"http://{name}")
    k8s.api.delete(pods.path(made, namespace))
    again = pods.pod("renamed-again", moved)
    pods.apply(k8s, namespace, again)
    pods.ready(k8s, namespace, again)
