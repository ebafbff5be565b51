"""Somebody who may write in the models' namespace, and what he can try with that."""
import base64
import contextlib
import copy
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.parse

import kubernetes

MIFENG = pathlib.Path(os.environ["MIFENG_BIN"]) / "mifeng"
SM2_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")  # what stands before the point (RFC 5480)
SPACE = "/api/v1/namespaces/{}"


def base64url(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Intruder:
    """He knows all that stands in the environment of a deployment's guards, since he can read it."""

    def __init__(self, k8s, installation, deployment, namespace="models"):
        self.k8s, self.installation, self.deployment, self.namespace = k8s, installation, deployment, namespace
        self.space = SPACE.format(namespace)
        made = k8s.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/mf-{deployment}")
        self.template = made["spec"]["template"]
        guard = self.template["spec"]["containers"][0]
        self.env = {one["name"]: one.get("value", "") for one in guard["env"]}
        (token,) = [one for one in self.template["spec"]["volumes"] if one["name"] == "token"]
        self.audience = token["projected"]["sources"][0]["serviceAccountToken"]["audience"]

    # What is there.

    def pods(self):
        """Of the deployment itself, but for those that are going."""
        found = self.k8s.api.get(f"{self.space}/pods?labelSelector=mifeng.io%2Fdeployment%3D{self.deployment}")["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]
                and one["metadata"].get("generateName", "").startswith(f"mf-{self.deployment}-")]

    def pod(self):
        (one,) = self.pods()
        return one

    def audit(self, action):
        return self.installation.api("GET", f"/audit?action={action}&page_size=100")["items"]

    def instances(self):
        return {one["id"]: one for one in self.installation.api(
            "GET", f"/instances?deployment={self.deployment}&page_size=100")["items"]}

    @contextlib.contextmanager
    def refused(self, outcome, *words, seconds=60):
        """Within it somebody asks for a grant: a refusal of this kind that has these words comes into the audit log, and
        nobody is granted anything."""
        before = {one["seq"] for one in self.audit("grant.refuse")}
        granted = set(self.instances())
        yield

        def told():
            return [one for one in self.audit("grant.refuse") if one["seq"] not in before and one["outcome"] == outcome
                    and one["subject"] == self.deployment and all(word in one["detail"] for word in words)]
        try:
            kubernetes.wait(f"the refusal {outcome} {words}", told, seconds)
        except AssertionError as error:
            new = [(one["outcome"], one["detail"]) for one in self.audit("grant.refuse") if one["seq"] not in before]
            raise AssertionError(f"{error}; there are {new}") from None
        # But to the deployment's own pod, whose guard may have been started again.
        own = {one["metadata"]["uid"] for one in self.pods()}
        assert [one for id, one in self.instances().items() if id not in granted and one["engine_id"] not in own] == []

    # What he can make.

    def token(self, pod=None, account="mifeng-model", audience=None, namespace=None, k8s=None):
        """By `kubectl create token`, which the role `edit` allows; bound to `pod` where there is one."""
        words = ["--audience", self.audience if audience is None else audience] if audience != "" else []
        if pod is not None:
            words += ["--bound-object-kind", "Pod", "--bound-object-name", pod["metadata"]["name"], "--bound-object-uid",
                      pod["metadata"]["uid"]]
        return (k8s or self.k8s).kubectl("-n", namespace or self.namespace, "create", "token", account, *words).strip()

    def forged(self, token, **claims):
        """The token with other claims, signed with the cluster's own key: for what cannot be waited for."""
        head, body, _ = token.split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        text = f"{head}.{base64url({**said, **claims})}"
        key = self.k8s.place.state / "keys/service-accounts.key"
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), capture_output=True, check=True)
        return f"{text}.{base64url(done.stdout)}"

    def request(self, nonce, fields):
        """A grant request (spec/grant.md), sealed to the platform and signed by keys of his own."""
        with tempfile.TemporaryDirectory(prefix="mf-") as folder:
            points = []
            for name in ("receive", "sign"):
                subprocess.run([MIFENG, "key", "generate", "--output-file", f"{folder}/{name}", "--public", f"{folder}/{name}.pub"],
                               check=True, capture_output=True)
                points.append(base64.b64encode(base64.b64decode("".join(
                    pathlib.Path(folder, f"{name}.pub").read_text().splitlines()[1:-1]))[-65:]).decode())
            der = SM2_KEY + base64.b64decode(self.env["MIFENG_DELIVERY_KEY"])
            pathlib.Path(folder, "to").write_text(
                "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der).decode() + "-----END PUBLIC KEY-----\n")
            said = {"format": "mifeng-grant-request/1", "deployment": self.deployment, "nonce": nonce, "receive_key": points[0],
                    "signing_key": points[1], "payload_header_sm3": "00" * 32, "guard_version": "0.1.0", **fields}
            done = subprocess.run([MIFENG, "seal", "--kind", "grant", "--to", f"{folder}/to", "--sign", f"{folder}/sign",
                                   "--context-hex", "\n".join(["grant-request", self.deployment, nonce]).encode().hex()],
                                  input=json.dumps(said).encode(), capture_output=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

    def ask(self, token, pod=None):
        """Asks for a grant in the name of a pod, as its guard would; (status, answer)."""
        pod = pod or self.pod()
        nonce = os.urandom(16).hex()
        body = self.request(nonce, {"unit": pod["metadata"]["name"], "pod_uid": pod["metadata"]["uid"], "token": token})
        door = urllib.parse.urlsplit(self.env["MIFENG_PLATFORM"])
        with contextlib.closing(http.client.HTTPConnection(door.hostname, door.port, timeout=60)) as connection:
            connection.request("POST", "/v1/grants", body, {
                "Content-Type": "application/vnd.mifeng.sealed", "Mifeng-Deployment": self.deployment,
                "Mifeng-Nonce": nonce, "Mifeng-Door-Tag": self.env["MIFENG_DOOR_TAG"]})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def copied(self, name, change=None, namespace=None):
        """The deployment's pod once more, under another name, and changed; not applied yet."""
        labels = {key: value for key, value in self.template["metadata"]["labels"].items()}
        spec = copy.deepcopy(self.template["spec"])
        if change is not None:
            change(spec)
        return {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                "metadata": {"name": name, "namespace": namespace or self.namespace, "labels": labels,
                             "annotations": self.template["metadata"]["annotations"]}}

    @contextlib.contextmanager
    def running(self, pod):
        """The pod once its guard runs; it is gone after that."""
        name, space = pod["metadata"]["name"], SPACE.format(pod["metadata"]["namespace"])
        self.k8s.api.post(f"{space}/pods", pod)
        try:
            def runs():
                seen = self.k8s.api.get(f"{space}/pods/{name}")
                states = {one["name"]: one["state"] for one in seen.get("status", {}).get("containerStatuses", [])}
                return seen if "running" in states.get("guard", {}) else None
            yield kubernetes.wait(f"the guard of {name}", runs, 60)
        finally:
            self.k8s.api.delete(f"{space}/pods/{name}", {"gracePeriodSeconds": 0})


def wait_until_answered(installation, key, prefix="/hostile", seconds=90):
    """That the model of this key's caller answers; how long it took."""
    begin = time.monotonic()

    def answers():
        try:
            return installation.call(prefix + "/predict", "write /tmp/x", key=key) == (200, b'"done"')
        except OSError:
            return False
    kubernetes.wait("an answer of the model", answers, seconds)
    return time.monotonic() - begin
