"""An installation whose models run on a cluster: `mifeng up --kubeconfig`, as a person would."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["MIFENG_SOURCE"], "tests/e2e"))

from installation import BIN, SOURCE, Installation, wait_until  # noqa: E402,F401
from ports import free_port  # noqa: E402

CLUSTER = "kubernetes"
SPACE = "models"
CHINESE, ENGLISH = "zh_CN.UTF-8", "C.UTF-8"


class Site:
    def __init__(self, k8s, installation):
        self.k8s, self.installation = k8s, installation
        self.api = installation.api

    def mifeng(self, *arguments, language=ENGLISH):
        """The command line in a language; what it printed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MIFENG_", "LC_", "LANG"))}
        environment |= {"MIFENG_PLATFORM": f"unix:{self.installation.data}/run/mifengd.sock", "LANG": language}
        done = subprocess.run([str(BIN / "mifeng"), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deploy(self, name, version, mode="good", cluster=CLUSTER, **more):
        made = self.api("POST", "/deployments", {
            "name": name, "cluster": cluster, "version_id": version, "env": [{"name": "MODE", "value": mode}],
            "route": {"name": name, "prefix": "/" + name}, **more})
        return made["id"]

    def get(self, deployment):
        return self.api("GET", "/deployments/" + deployment)

    def delete(self, *deployments):
        for one in deployments:
            self.api("DELETE", "/deployments/" + one)
        left = set(deployments)
        wait_until(lambda: not left & {one["id"] for one in self.installation.deployments()}, 120, f"the end of {left}")

    def settled(self, deployment, replicas, seconds=240, **more):
        """Until it is ready with so many units and none that is going."""
        def done():
            now = self.get(deployment)
            same = all(now[name] == value for name, value in more.items())
            return same and now["state"] == "ready" and len(now["units"]) == replicas and \
                all(one["state"] == "ready" for one in now["units"])
        try:
            wait_until(done, seconds, f"{deployment} with {replicas} ready unit(s) {more}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(self.get(deployment), indent=1)}") from None

    def pods(self, deployment):
        """Its pods as the cluster has them, but for those that are being deleted."""
        listed = self.k8s.api.get(f"/api/v1/namespaces/{SPACE}/pods?labelSelector=mifeng.io/deployment={deployment}")
        return [one for one in listed["items"] if "deletionTimestamp" not in one["metadata"]]


def installation(k8s, folder, *options, **more):
    return Installation(folder, options=["--kubeconfig", k8s.kubeconfig, "--registry", k8s.registry, "--registry-plain-http",
                                         *options], **more)


def door(k8s):
    return ["--guard-listen", f"{k8s.host_address}:{free_port()}"]
