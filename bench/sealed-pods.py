"""Seconds until 40 real pods of a sealed model answer through the gateway, from the batch's request on, and until as many pods
of the same model unsealed answer at their node ports, from the first apply on: the same program behind a plain nginx in a
container of its own. All images are on the node before. Arguments: [PODS [ROUNDS]], default 40 and 3."""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from on_cluster import ROOT, bare_loop, say
import cluster
import hostile
import kubernetes
import pods
from bench_result import build, finish, machine
from installation import wait_until

PATH = "/v2/health/ready"
PORT = 8080
CONF = f"""daemon off; worker_processes 1; error_log stderr; pid /tmp/nginx.pid;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server {{ listen {PORT}; location / {{ proxy_pass http://unix:/run/model/model.sock:; }} }}
}}
"""


def plain_image(k8s, folder):
    """One image for both containers: the program as its pack compiles it, and the nginx that guards have, without Mifeng."""
    program = folder / "model"
    source = ROOT / "tests/attacks/hostile/src/hostile.c"
    entry = next(line.split()[1] for line in (ROOT / "tests/attacks/hostile/mifeng.yaml").read_text().splitlines()
                 if line.startswith("entry:"))
    subprocess.run(["gcc", "-static", "-O1", "-s", f"-DENTRY={entry}", "-o", program, ROOT / "tests/e2e/packs/plain-c/server.c",
                    source], check=True)
    guard = ROOT / "build/guard-folder"
    files = {f"/mifeng/{part.relative_to(guard)}": (part.read_bytes(), 0o755)
             for part in guard.rglob("*") if part.is_file() and part.parts[-2] in ("lib", "sbin")}
    files |= {"/app/model": (program.read_bytes(), 0o755), "/etc/plain.conf": (CONF.encode(), 0o644)}
    return k8s.push(files, ["/app/model"], "plain")


def plain(image, number):
    name = f"plain-{number}"
    made = pods.deployment(name, image, container={
        "name": "web", "command": ["/mifeng/sbin/nginx", "-c", "/etc/plain.conf"], "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": PATH, "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "socket", "mountPath": "/run/model"}, {"name": "tmp", "mountPath": "/tmp"}]})
    spec = made["spec"]["template"]["spec"]
    spec["containers"].append({
        "name": "model", "image": image, "command": ["/app/model"], "securityContext": pods.RESTRICTED,
        "env": [{"name": "MIFENG_SOCKET", "value": "/run/model/model.sock"}],
        "volumeMounts": [{"name": "socket", "mountPath": "/run/model"}, {"name": "tmp", "mountPath": "/tmp"}]})
    spec["volumes"] = [{"name": "socket", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
    return [made, pods.service(name, 31000 + number)]


def all_answer(began, waiting, answers):
    """Seconds until each of `waiting` has answered once."""
    waiting = set(waiting)
    while waiting:
        waiting -= {one for one in waiting if answers(one)}
        assert time.monotonic() < began + 900, waiting
        time.sleep(0.2)
    return time.monotonic() - began


class Bench:
    def __init__(self, k8s, installation, folder, count):
        self.k8s, self.installation, self.count = k8s, installation, count
        self.image = plain_image(k8s, folder)
        self.key = installation.caller_key()
        k8s.namespace("plain", enforce="restricted")
        self.unsealed(1)  # its image is on the node then

    def unsealed(self, count):
        made = [thing for number in range(count) for thing in plain(self.image, number)]

        def answers(number):
            try:
                kubernetes.plain_get(f"http://{self.k8s.node_address}:{31000 + number}{PATH}")
                return True
            except OSError:
                return False
        began = time.monotonic()
        bare_loop(self.k8s, "plain", made)
        taken = all_answer(began, range(count), answers)
        say(f"unsealed, {count}: {taken:.1f} s")
        for thing in made:
            self.k8s.api.delete(pods.path(thing, "plain"))
        wait_until(lambda: self.k8s.api.get("/api/v1/namespaces/plain/pods")["items"] == [], 300, "their end")
        time.sleep(5)
        return taken

    def sealed(self):
        (first,) = self.installation.deployments()
        plan = self.installation.api("POST", "/batches/plans", {
            "cluster": first["cluster"], "replicas": 1,
            "items": [{"version_id": first["version_id"], "name": f"b{number}", "route": {"name": f"b{number}", "prefix": f"/b{number}"}}
                      for number in range(self.count)]}, timeout=120)
        assert plan["totals"]["create"] == self.count and plan["totals"]["refused"] == 0, plan["totals"]

        def answers(number):
            try:
                return self.installation.call(f"/b{number}{PATH}", key=self.key)[0] == 200
            except OSError:
                return False
        began = time.monotonic()
        batch = self.installation.api("POST", "/batches", {"plan": plan["id"]}, timeout=120)["id"]
        taken = all_answer(began, range(self.count), answers)
        say(f"sealed, {self.count}: {taken:.1f} s")
        self.installation.api("POST", f"/batches/{batch}/rollback", {"confirm": batch}, timeout=120)
        wait_until(lambda: len(self.k8s.api.get("/api/v1/namespaces/models/pods")["items"]) == 1, 600, "their end")
        time.sleep(5)
        return taken


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    build("programs", guard_folder=True)
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        options = cluster.Options(controller_rate=cluster.KUBERNETES_RATE)
        with cluster.start(options, what_for="bench/sealed-pods.py") as k8s, hostile.running(k8s, folder) as installation:
            bench = Bench(k8s, installation, folder, count)
            pairs = [(bench.unsealed(count), bench.sealed()) for _ in range(rounds)]
    unsealed, sealed = (statistics.median(one) for one in zip(*pairs))
    finish("sealed-pods", "./bench/run sealed-pods", {
        "pods": count, "sealed_s": round(sealed, 1), "unsealed_s": round(unsealed, 1),
        "sealed_over_unsealed": round(statistics.median(b / a for a, b in pairs), 3)}, where)


main()
