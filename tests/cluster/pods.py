"""What tests/cluster runs: pods of probe.c that `restricted` admits, and how to ask them."""
import cluster  # noqa: F401: puts what is shared in reach
import kubernetes

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def spec(image, **more):
    """A pod's spec; `container` in `more` goes to its container."""
    container = {"name": "probe", "image": image, "securityContext": RESTRICTED,
                 "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}
    container.update(more.pop("container", {}))
    return {"automountServiceAccountToken": False, "enableServiceLinks": False, "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container], **more}


def pod(name, image, **more):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec(image, **more)}


def deployment(name, image, replicas=1, **more):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": spec(image, **more)}}}


def service(name, node_port=None):
    port = {"port": 80, "targetPort": 8080, **({"nodePort": node_port} if node_port else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [port]}}


PATHS = {"Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}", "Service": "/api/v1/namespaces/{}/services/{}",
         "Pod": "/api/v1/namespaces/{}/pods/{}", "Secret": "/api/v1/namespaces/{}/secrets/{}"}


def path(thing, namespace):
    return PATHS[thing["kind"]].format(namespace, thing["metadata"]["name"])


def apply(k8s, namespace, *things):
    return [k8s.api.apply(path(thing, namespace), thing) for thing in things]


def ready(k8s, namespace, thing, seconds=180):
    """The pod, once it is Ready, or the deployment, once it is rolled out."""
    where = path(thing, namespace)

    def look():
        seen = k8s.api.get(where)
        done = kubernetes.rolled_out(seen) if thing["kind"] == "Deployment" else kubernetes.node_ready(seen)
        return seen if done else None
    try:
        return kubernetes.wait(where, look, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{k8s.kubectl('-n', namespace, 'get', 'pods,events', '-o', 'wide')}") from None


def run(k8s, namespace, name, image, **more):
    """A pod with a node port, asked with call()."""
    made = pod(name, image, **more)
    apply(k8s, namespace, made, service(name))
    ready(k8s, namespace, made)
    return k8s.api.get(f"/api/v1/namespaces/{namespace}/services/{name}")["spec"]["ports"][0]["nodePort"]


def call(k8s, port, path="/", seconds=60):
    """What a probe answers at a node port of the node. A node port can answer a moment after Ready."""
    url = f"http://{k8s.node_address}:{port}{path}"
    return kubernetes.wait(url, lambda: kubernetes.plain_get(url), seconds).decode()


def why(k8s, namespace, name):
    """The reason why the pod's container does not run."""
    seen = k8s.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    states = [status["state"] for status in seen["status"].get("containerStatuses", [])]
    return states[0].get("waiting", {}).get("reason") if states else None
