"""The real Kubernetes of tests/cluster, for tests.

    with cluster.start() as k8s:                      # this test's own; it ends with the test, even with kill -9
        k8s.kubectl("apply", "-f", "-", input=text)
        k8s.api.get("/api/v1/nodes")
        image = k8s.push({"/probe": (program, 0o755)}, ["/probe", "serve"], "probe")
        k8s.stop("apiserver"); k8s.start("apiserver")

    k8s = cluster.running()                           # what `tests/cluster/cluster up` has started
"""
import contextlib
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster")]

import kubernetes  # noqa: E402
from machine import images, parts, places, remains  # noqa: E402
from machine.control import ask  # noqa: E402
from machine.options import KUBERNETES_RATE, Options  # noqa: E402,F401
from machine.places import Place  # noqa: E402

BOOT_SECONDS = 180
BUILD_SECONDS = 5400


class NoCluster(Exception):
    pass


def programs():
    """The folder with `node` and `kubectl`; builds them where they are not cached, which takes minutes."""
    done = subprocess.run([places.HERE / "build"], stdout=subprocess.PIPE, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise NoCluster("Kubernetes could not be built")
    return pathlib.Path(done.stdout.strip())


def start(options=None, wait=600, attached=True, what_for=""):
    """Boots a cluster on this machine; where one of its number runs already, waits `wait` seconds for its end. Without
    `attached` it goes on when this process ends."""
    options = options or Options()
    if os.geteuid() != 0:
        raise NoCluster("a cluster needs root, for its namespaces")
    environment = {**os.environ, "MIFENG_CLUSTER_PROGRAMS": str(programs()), "MIFENG_CLUSTER_FOR": what_for,
                   "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{os.environ['PATH']}:{places.PATH}"}
    process = subprocess.Popen(
        [sys.executable, places.HERE / "machine/supervisor.py", options.to_json(), "--wait", str(wait),
         *(["--attached"] if attached else [])],
        stdin=subprocess.PIPE if attached else subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment,
        start_new_session=True)
    try:
        facts = _boot(process, Place(options.number), wait)
    except BaseException:
        process.terminate()
        process.wait(60)
        wait_for_end(process.pid, Place(options.number))
        raise
    return Cluster(facts, process)


def _boot(process, place, wait):
    end = time.monotonic() + wait + BOOT_SECONDS
    while True:
        if not select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            raise NoCluster(f"the cluster did not boot in {BOOT_SECONDS} s; its logs are in {place.state}/logs")
        said = json.loads(process.stdout.readline() or '{"failed": "its supervisor has ended"}')
        if "ready" in said:
            return said["ready"]
        if "failed" in said:
            raise NoCluster(said["failed"])
        print(f"waiting for another cluster to end: {said['waiting']}", file=sys.stderr)


def running(number=Options.number):
    """The cluster of this number that runs on this machine, whoever started it."""
    place = Place(number)
    try:
        facts = json.loads((place.state / "facts.json").read_text())
        ask(place.state, do="list")
    except (OSError, ValueError) as error:
        raise NoCluster(f"cluster {number} does not run for this user: {error}") from error
    return Cluster(facts, None)


def wait_for_end(pid, place, seconds=60):
    """Until the cluster whose supervisor is, or was, `pid` is gone with all that is its: the lock is let go of last."""
    end = time.monotonic() + seconds
    while True:
        held = remains.take_lock(place)
        if held is not None:
            held.close()
            return
        with contextlib.suppress(OSError, ValueError):
            if json.loads(place.holder.read_text())["pid"] != pid:
                return  # the next one has it already
        if time.monotonic() > end:
            raise NoCluster(f"the cluster does not end; left: {remains.found(place)}")
        time.sleep(0.05)


class Cluster:
    """`facts` as attributes: kubeconfig, api_url, node, node_address, host_address, registry, secure_registry (or None),
    registry_ca, registry_user, registry_password, logs, pid (of the supervisor), times (seconds from the start)."""

    def __init__(self, facts, process):
        self.facts, self.process, self.place = facts, process, Place(facts["number"])
        self.kubeconfig, self.api_url, self.node = facts["kubeconfig"], facts["api"], facts["node"]
        self.node_address, self.host_address = facts["node_address"], facts["host_address"]
        self.registry, self.secure_registry = facts["registry"], facts["secure_registry"]
        self.registry_ca, self.registry_user = facts["registry_ca"], facts["registry_user"]
        self.registry_password, self.logs = facts["registry_password"], pathlib.Path(facts["logs"])
        self.pid, self.times = facts["pid"], facts["times"]
        self.api = kubernetes.Api(self.kubeconfig)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.tail(), file=sys.stderr)
            # Not from an API server that a test has taken away.
            done = subprocess.run([*self.kubectl_argv(), "--request-timeout=5s", "get", "pods,events", "-A", "-o", "wide"],
                                  capture_output=True, text=True)
            print(done.stdout[-6000:], file=sys.stderr)
        self.end()

    def end(self):
        """Ends the cluster, if it is this process's own."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
            wait_for_end(self.pid, self.place)
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    # Parts, for outages.

    def start(self, *names):
        for name in names:
            ask(self.place.state, do="start", part=name)

    def stop(self, *names, kill=False):
        for name in names:
            ask(self.place.state, do="kill" if kill else "stop", part=name)

    def pause(self, *names):
        """It goes on holding its connections, and answers nothing."""
        for name in names:
            ask(self.place.state, do="pause", part=name)

    def resume(self, *names):
        for name in names:
            ask(self.place.state, do="resume", part=name)

    def parts(self):
        return ask(self.place.state, do="list")

    def wait_api(self, seconds=180):
        kubernetes.wait("the API server", lambda: self.api.get("/readyz") == "ok", seconds)

    # What tests do all the time.

    def kubectl_argv(self):
        return [self.facts["kubectl"], "--kubeconfig", self.kubeconfig, "--cache-dir", str(self.place.state / "kubectl-cache")]

    def kubectl(self, *arguments, input=None, seconds=120):
        """Its standard output; an error is an assertion with all it said."""
        done = subprocess.run([*self.kubectl_argv(), *map(str, arguments)], input=input,
                              capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.returncode}\n{done.stderr}{done.stdout}"
        return done.stdout

    def namespace(self, name, enforce=None):
        """A namespace, with a level of pod security enforced ("restricted"); ready for pods when this returns."""
        labels = {"pod-security.kubernetes.io/enforce": enforce} if enforce else {}
        self.api.apply(f"/api/v1/namespaces/{name}",
                       {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        kubernetes.wait(f"the default service account of {name}",
                        lambda: self.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
        return name

    def push(self, files, command, name, secure=False, user="65532:65532"):
        """An image of these files ({path in it: (bytes, mode)}), pushed; its reference by digest, as a pod names it."""
        registry = self.secure_registry if secure else self.registry
        with tempfile.TemporaryDirectory(prefix="mf-") as folder:
            digest = images.layout(folder, files, command, user)
            trust = ["--dest-tls-verify=false"]
            if secure:
                certificates = pathlib.Path(folder, "trust")
                certificates.mkdir()
                (certificates / "ca.crt").write_bytes(pathlib.Path(self.registry_ca).read_bytes())
                trust = ["--dest-cert-dir", str(certificates), "--dest-creds", f"{self.registry_user}:{self.registry_password}"]
            done = subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", *trust, f"oci:{folder}",
                                   f"docker://{registry}/{name}"], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"skopeo: {done.stderr}"
        return f"{registry}/{name}@{digest}"

    def trust_registry(self, name, url, authority=None):
        """That the node takes images NAME/… from `url`: another name for a registry, or a CA that it trusts from now on."""
        folder = self.place.state / "certs.d" / name
        parts.write_hosts(folder, url, authority)

    def distrust_registry(self, name):
        (self.place.state / "certs.d" / name / "hosts.toml").unlink()

    def within(self):
        """What to put before a command line so that it runs in the cluster's network, as if on the node."""
        return ["nsenter", f"--net=/proc/{self.facts['first_process']}/ns/net"]

    def tail(self, lines=15):
        return tail(self.place, lines)

    def left_behind(self):
        """What is on this machine of the cluster, by kind: with it that is much, after it nothing."""
        return remains.found(self.place)

    def memory(self):
        """Bytes of all its processes."""
        return remains.memory(self.place)


def tail(place, lines=15):
    """The end of each part's log."""
    text = []
    for file in sorted((place.state / "logs").glob("*.log")):
        last = file.read_text(errors="replace").splitlines()[-lines:]
        text += [f"--- {file}", *(line[:300] for line in last)]
    return "\n".join(text)
