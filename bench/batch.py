"""Seconds until 200 pairs of Deployment and Service are applied to a real API server, by kubectl and by a batch of ours, with
controllers at Kubernetes' own rate; and what a mifengd with 1,000 deployments takes when idle. Nodes are hollow.
Arguments: [PAIRS [ROUNDS [DEPLOYMENTS]]], default 200, 3 and 0 (1000 for the second part, which takes a while)."""
import copy
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

from on_cluster import PATHS, bare_loop, connection_to, say
import cluster
import hostile
from bench_result import build, finish, machine
from installation import wait_until

SPACE = "models"


class Seen:
    """Counts objects that are there, by watches that end with the process; our own label or the bench's."""

    def __init__(self, k8s):
        self.lock, self.names, self.last = threading.Condition(), {kind: set() for kind in PATHS}, 0.0
        for kind, path in PATHS.items():
            threading.Thread(target=self.follow, args=(k8s, kind, path.format(SPACE)), daemon=True).start()

    def follow(self, k8s, kind, path):
        while True:
            start = k8s.api.get(path + "?limit=1")["metadata"]["resourceVersion"]
            connection = connection_to(k8s, 3600)
            connection.request("GET", f"{path}?watch=1&resourceVersion={start}&timeoutSeconds=3500",
                               headers={"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"})
            answer = connection.getresponse()
            for line in answer:
                event = json.loads(line)
                with self.lock:
                    names = self.names[kind]
                    before = len(names)
                    if event["type"] == "DELETED":
                        names.discard(event["object"]["metadata"]["name"])
                    elif event["type"] == "ADDED":
                        names.add(event["object"]["metadata"]["name"])
                    if len(names) != before:
                        self.last = time.monotonic()
                        self.lock.notify_all()

    def wait(self, count, seconds=600):
        """When the last of so many of each kind was seen."""
        with self.lock:
            assert self.lock.wait_for(lambda: all(len(names) == count for names in self.names.values()), seconds), \
                {kind: len(names) for kind, names in self.names.items()}
            return self.last


def template(k8s, deployment):
    """What ours makes of a deployment, without what the API server adds."""
    pair = []
    for path in PATHS.values():
        thing = k8s.api.get(f"{path.format(SPACE)}/mf-{deployment}")
        for name in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"):
            thing["metadata"].pop(name, None)
        thing["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
        thing.pop("status", None)
        for name in ("clusterIP", "clusterIPs"):
            thing["spec"].pop(name, None)
        pair.append(thing)
    return pair


def renamed(pair, deployment, number):
    name = f"bench-{number}"
    made = json.loads(json.dumps(pair).replace(deployment, name))
    for port in made[1]["spec"]["ports"]:
        port["nodePort"] = 31000 + number
    for thing in made:
        thing["metadata"]["labels"]["mifeng.io/installation"] = "bench"
    made[0]["spec"]["selector"]["matchLabels"]["mifeng.io/installation"] = "bench"
    made[0]["spec"]["template"]["metadata"]["labels"]["mifeng.io/installation"] = "bench"
    made[1]["spec"]["selector"]["mifeng.io/installation"] = "bench"
    return made


class Bench:
    def __init__(self, k8s, installation, pairs, folder):
        self.k8s, self.installation, self.pairs, self.folder = k8s, installation, pairs, folder
        (first,) = installation.deployments()
        self.first, self.cluster, self.version = first["id"], first["cluster"], first["version_id"]
        self.seen = Seen(k8s)
        time.sleep(1)
        pair = template(k8s, self.first)
        self.made = [renamed(pair, self.first, number) for number in range(pairs)]
        self.files = []
        for number, two in enumerate(self.made):
            self.files.append(folder / f"{number}.json")
            self.files[-1].write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": two}))
        self.whole = folder / "all.json"
        self.whole.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [x for two in self.made for x in two]}))

    def timed(self, name, work):
        began = time.monotonic()
        work()
        taken = self.seen.wait(self.pairs) - began
        say(f"{name}: {taken:.2f} s")
        self.clean()
        return taken

    def clean(self):
        """What was made goes, and the cluster comes to rest, before the next is measured."""
        self.k8s.kubectl("delete", "deployments,services", "-n", SPACE, "-l", "mifeng.io/installation=bench", "--wait=false")
        self.seen.wait(0)
        wait_until(lambda: self.k8s.kubectl("get", "pods", "-n", SPACE, "-o", "name").count("\n") <= 1, 600, "no pods")
        time.sleep(2)

    def file_by_file(self):
        for path in self.files:
            self.k8s.kubectl("apply", "-f", path)

    def plan(self, count):
        began = time.monotonic()
        plan = self.installation.api("POST", "/batches/plans", {
            "cluster": self.cluster, "replicas": 1,
            "items": [{"version_id": self.version, "name": f"b{number}"} for number in range(count)]}, timeout=120)
        assert plan["totals"]["create"] == count, plan["totals"]
        return plan["id"], time.monotonic() - began

    def batch(self, count):
        """Seconds to plan, from the request to the last object, and from there to all ready; the batch's id."""
        plan, planned = self.plan(count)
        began = time.monotonic()
        batch = self.installation.api("POST", "/batches", {"plan": plan}, timeout=120)["id"]
        applied = self.seen.wait(count) - began
        say(f"batch of {count}: planned in {planned:.2f} s, applied in {applied:.2f} s")
        return planned, applied, batch

    def undo(self, batch):
        self.installation.api("POST", f"/batches/{batch}/rollback", {"confirm": batch}, timeout=120)
        self.seen.wait(0)
        wait_until(lambda: self.installation.api("GET", f"/batches/{batch}")["state"] == "done", 900, "the roll back")
        time.sleep(2)


def idle(pid, seconds=20):
    """(share of a core, resident MiB) of a process that nobody asks anything."""
    def ticks():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(seconds)
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    return used, resident / 1024


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    many = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    build("programs", guard_folder=True)
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        hollow = max(3, many // 100 + 1)
        options = cluster.Options(controller_rate=cluster.KUBERNETES_RATE, hollow_nodes=hollow)
        with cluster.start(options, what_for="bench/batch.py") as k8s:
            with hostile.running(k8s, folder) as installation:
                k8s.kubectl("cordon", k8s.node)
                k8s.kubectl("taint", "nodes", "-l", "mifeng.test/hollow=true", "mifeng.test/hollow-")
                bench = Bench(k8s, installation, pairs, folder)
                values = measure(bench, rounds)
                if many:
                    planned, applied, batch = bench.batch(many)
                    wait_until(lambda: installation.api("GET", f"/batches/{batch}")["state"] == "done", 1800, "all ready")
                    time.sleep(30)
                    share, resident = idle(installation.service_pid("mifengd"))
                    values |= {f"plan_{many}_s": round(planned, 2), f"apply_{many}_s": round(applied, 2),
                               "idle_core_percent": round(100 * share, 2), "idle_mib": round(resident, 1)}
    finish("batch", "./bench/run batch", values, where)


def measure(bench, rounds):
    """Side by side in each round, so that what else the machine does meets all of them; file by file once, since it takes
    longest by far."""
    times = {"file_by_file": [bench.timed("kubectl apply, file by file", bench.file_by_file)]}
    planned = []
    for _ in range(rounds):
        for name, flags in (("one_file", ()), ("server_side", ("--server-side",))):
            taken = bench.timed("kubectl apply, one file " + " ".join(flags),
                                lambda flags=flags: bench.k8s.kubectl("apply", *flags, "-f", bench.whole))
            times.setdefault(name, []).append(taken)
        things = [copy.copy(x) for two in bench.made for x in two]
        times.setdefault("bare_loop", []).append(bench.timed("bare loop", lambda: bare_loop(bench.k8s, SPACE, things)))
        plan, applied, batch = bench.batch(bench.pairs)
        planned.append(plan)
        times.setdefault("batch", []).append(applied)
        bench.undo(batch)
    median = {name: statistics.median(taken) for name, taken in times.items()}
    return {"pairs": bench.pairs, **{f"{name}_s": round(taken, 2) for name, taken in median.items()},
            "plan_s": round(statistics.median(planned), 2),
            "over_kubectl_per_file": round(median["file_by_file"] / median["batch"], 2),
            "over_kubectl_one_file": round(median["one_file"] / median["batch"], 2),
            "over_kubectl_server_side": round(median["server_side"] / median["batch"], 2),
            "over_bare_loop": round(median["bare_loop"] / median["batch"], 2)}


main()
