"""What measurements on a real Kubernetes share: where the tests' helpers are, and the fastest plain client."""
import http.client
import json
import os
import pathlib
import queue
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("MIFENG_BIN", str(ROOT / "build/bin"))
os.environ.setdefault("MIFENG_SOURCE", str(ROOT))
os.environ.setdefault("MIFENG_BUILD", str(ROOT / "build/release"))
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/support"), str(ROOT / "tests/cluster")]

IN_FLIGHT = 8  # as a batch of ours has
PATHS = {"Deployment": "/apis/apps/v1/namespaces/{}/deployments", "Service": "/api/v1/namespaces/{}/services"}


def say(text):
    print(text, file=sys.stderr)


def connection_to(k8s, seconds):
    """A connection of an administrator to its API server."""
    return http.client.HTTPSConnection(k8s.api.server.hostname, k8s.api.server.port, timeout=seconds, context=k8s.api.context)


def bare_loop(k8s, space, things):
    """Server-side applies of Deployments and Services over connections that stay, so many in flight."""
    waiting = queue.SimpleQueue()
    for thing in things:
        waiting.put((f"{PATHS[thing['kind']].format(space)}/{thing['metadata']['name']}?fieldManager=bench&fieldValidation=Strict",
                     json.dumps(thing)))
    failed = []

    def work():
        connection = connection_to(k8s, 60)
        while True:
            try:
                path, body = waiting.get_nowait()
            except queue.Empty:
                return
            connection.request("PATCH", path, body, {"Content-Type": "application/apply-patch+yaml"})
            answer = connection.getresponse()
            data = answer.read()
            if answer.status >= 300:
                failed.append(data)
    threads = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
