"""A small client of Kubernetes' API for tests: what a test asks for is sent as it stands, and what comes back is looked at."""
import base64
import http.client
import json
import pathlib
import ssl
import tempfile
import time
import urllib.parse
import urllib.request


class ApiError(Exception):
    """An answer outside of 2xx. `code` is HTTP's, `body` the Status object where there is one."""

    def __init__(self, method, path, code, body):
        self.code, self.body = code, body
        message = body.get("message", body) if isinstance(body, dict) else body
        super().__init__(f"{method} {path}: {code} {message}")


class Api:
    """One connection a request, so that an API server that was away is asked anew. `kubeconfig` is a file with embedded
    certificates; `token` replaces its client certificate."""

    def __init__(self, kubeconfig, token=None, seconds=30):
        config = json.loads(pathlib.Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server, self.token, self.seconds = urllib.parse.urlsplit(cluster["server"]), token, seconds
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if token is None:
            with tempfile.NamedTemporaryFile("wb") as both:
                both.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
                both.flush()
                self.context.load_cert_chain(both.name)

    def ask(self, method, path, body=None, kind="application/json"):
        """The decoded answer: JSON as it is, all else as text."""
        headers = {"Accept": "application/json, application/jwk-set+json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        connection = http.client.HTTPSConnection(self.server.hostname, self.server.port, timeout=self.seconds,
                                                 context=self.context)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{method} {path}: {type(error).__name__} {error}") from error
        finally:
            connection.close()
        text = data.decode(errors="replace")
        decoded = json.loads(text) if "json" in answer.headers.get("Content-Type", "") and text else text
        if answer.status >= 300:
            raise ApiError(method, path, answer.status, decoded)
        return decoded

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body):
        return self.ask("POST", path, body)

    def delete(self, path, body=None):
        return self.ask("DELETE", path, body)

    def apply(self, path, body, manager="tests", force=False):
        """Server-side apply of one object, strictly: an unknown field is an error."""
        asked = f"{path}?fieldManager={manager}&fieldValidation=Strict" + ("&force=true" if force else "")
        return self.ask("PATCH", asked, body, "application/apply-patch+yaml")


def plain_get(url, seconds=5):
    """The body of a 200 of anything over HTTP."""
    # No proxy of this machine stands between a test and its cluster.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=seconds) as answer:
        return answer.read()


def condition(thing, name):
    """The status of a condition: "True", "False", "Unknown", or None where it is not there."""
    conditions = thing.get("status", {}).get("conditions", [])
    return next((c["status"] for c in conditions if c["type"] == name), None)


def node_ready(node):
    return condition(node, "Ready") == "True"


def rolled_out(deployment):
    """As `kubectl rollout status` sees it: all replicas are new ones, and can be called."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    return (status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
            and status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == status.get("replicas", 0) == wanted)


def wait(what, ready, seconds=180):
    """What `ready` gives as soon as that is true; an API server that is away, or an object that is not there yet, is
    waited for."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = ready()
            if last:
                return last
        except (OSError, ApiError) as error:
            last = error
        assert time.monotonic() < end, f"waited {seconds} s for {what}; last: {last}"
        time.sleep(0.1)
