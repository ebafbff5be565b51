"""Nodes of which nothing exists but what they say: every pod that is bound to one is Ready at once, its init containers
included, and gone as soon as it is deleted. For hundreds of pods at the cost of their objects.

    hollow.py KUBECONFIG COUNT        # hollow-1 to hollow-COUNT, until its end"""
import datetime
import http.client
import json
import pathlib
import queue
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "support"), str(HERE.parent)]

import kubernetes  # noqa: E402
from machine import places  # noqa: E402

WORKERS = 4
ROOM = {"cpu": "1000", "memory": "10Ti", "ephemeral-storage": "100Ti", "pods": "5000"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = "application/merge-patch+json"


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def true(*conditions):
    return [{"type": one, "status": "True", "reason": "Hollow", "message": "", "lastTransitionTime": now()[:19] + "Z"}
            for one in conditions]


def again(work):
    """Until it does not meet an API server that is away or refuses."""
    while True:
        try:
            return work()
        except kubernetes.ApiError as error:
            if error.code in (404, 409):
                return None
            print(f"{error}; again", file=sys.stderr, flush=True)
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.3)


class Nodes:
    def __init__(self, kubeconfig, count):
        self.api = kubernetes.Api(kubeconfig, seconds=30)
        self.names = [f"hollow-{number}" for number in range(1, count + 1)]
        self.waiting = queue.SimpleQueue()

    def register(self, name):
        again(lambda: self.api.post("/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node", "spec": {"taints": [{"key": places.HOLLOW_LABEL, "value": "true", "effect": "NoSchedule"}]},
            "metadata": {"name": name, "labels": {places.HOLLOW_LABEL: "true", "kubernetes.io/hostname": name,
                                                  "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}))
        again(lambda: self.api.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": {
            "capacity": ROOM, "allocatable": ROOM, "conditions": true("Ready"),
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "bootID": name, "containerRuntimeVersion": "hollow://1",
                         "kernelVersion": "hollow", "kubeProxyVersion": "", "kubeletVersion": "v1.33.0", "machineID": name,
                         "osImage": "hollow", "systemUUID": name}}}, MERGE))

    def live(self):
        """Says every ten seconds that they are there, as kubelets do."""
        while True:
            for name in self.names:
                spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now()}
                try:
                    self.api.ask("PATCH", f"{LEASES}/{name}", {"spec": spec}, MERGE)
                except kubernetes.ApiError:
                    again(lambda: self.api.post(LEASES, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                                                         "metadata": {"name": name}, "spec": spec}))
                except OSError:
                    pass
            time.sleep(10)

    def watch(self):
        """Puts each pod of theirs that wants something to `waiting`."""
        while True:
            try:
                listed = self.api.get("/api/v1/pods")
                for pod in listed["items"]:
                    self.look(pod)
                self.follow(listed["metadata"]["resourceVersion"])
            except (kubernetes.ApiError, OSError, http.client.HTTPException, ValueError):
                time.sleep(0.3)

    def follow(self, version):
        connection = http.client.HTTPSConnection(self.api.server.hostname, self.api.server.port, timeout=600,
                                                 context=self.api.context)
        try:
            connection.request("GET", f"/api/v1/pods?watch=1&resourceVersion={version}&timeoutSeconds=500")
            answer = connection.getresponse()
            while line := answer.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] != "DELETED":
                    self.look(event["object"])
        finally:
            connection.close()

    def look(self, pod):
        if pod["spec"].get("nodeName", "") not in self.names:
            return
        if "deletionTimestamp" in pod["metadata"] or kubernetes.condition(pod, "Ready") != "True":
            self.waiting.put(pod)

    def work(self):
        while True:
            pod = self.waiting.get()
            again(lambda: self.end(pod) if "deletionTimestamp" in pod["metadata"] else self.run(pod))

    @staticmethod
    def path(pod):
        return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"

    def end(self, pod):
        self.api.delete(self.path(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}})

    def run(self, pod):
        began = now()[:19] + "Z"
        self.api.ask("PATCH", self.path(pod) + "/status", {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {
            "phase": "Running", "startTime": began,
            "conditions": true("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"),
            "initContainerStatuses": [self.container(one, {"terminated": {
                "exitCode": 0, "reason": "Completed", "startedAt": began, "finishedAt": began}}) for one in pod["spec"].get("initContainers", [])],
            "containerStatuses": [self.container(one, {"running": {"startedAt": began}}) for one in pod["spec"]["containers"]]}}, MERGE)

    @staticmethod
    def container(one, state):
        return {"name": one["name"], "image": one["image"], "imageID": one["image"], "containerID": "hollow://" + one["name"],
                "ready": True, "started": True, "restartCount": 0, "state": state}


def main():
    nodes = Nodes(sys.argv[1], int(sys.argv[2]))
    for name in nodes.names:
        nodes.register(name)
    for work in [nodes.live, *[nodes.work] * WORKERS]:
        threading.Thread(target=work, daemon=True).start()
    nodes.watch()


if __name__ == "__main__":
    main()
