"""The one process that a cluster stands and falls with.

    supervisor.py OPTIONS [--attached] [--wait SECONDS]

It says what happens on standard output, a line of JSON each: {"waiting": holder}, {"ready": facts} or {"failed": text};
then it waits for its end. With --attached that is the end of its standard input too, so that a test that is killed takes
its cluster along. However it ends, the cluster ends with it: the kernel kills the first process of the cluster's
namespaces, and with that every process, mount and interface in them; a small child removes the control groups."""
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

import cluster  # noqa: E402
import kubernetes  # noqa: E402
from machine import certificates, images, parts, places, remains  # noqa: E402
from machine.control import ask  # noqa: E402
from machine.options import Options  # noqa: E402
from machine.places import Place  # noqa: E402

BOOT_SECONDS = 120


def say(**what):
    print(json.dumps(what), flush=True)


class Failure(Exception):
    pass


def lock(place, wait):
    """One cluster of a number: names and addresses are fixed. The file beside it says who has it."""
    # Whoever looks whether it is free has it for a moment.
    end = time.monotonic() + max(wait, 1)
    told = False
    while (held := remains.take_lock(place)) is None:
        holder = place.holder.read_text() if place.holder.exists() else "nobody says who"
        if time.monotonic() >= end:
            raise Failure(f"cluster {place.number} of this machine is taken: {holder}")
        if wait and not told:
            say(waiting=holder)
            told = True
        time.sleep(0.2)
    place.holder.parent.mkdir(parents=True, exist_ok=True)
    place.holder.write_text(json.dumps({
        "pid": os.getpid(), "state": str(place.state), "for": os.environ.get("MIFENG_CLUSTER_FOR", ""),
        "since": time.strftime("%Y-%m-%dT%H:%M:%S%z")}))
    return held


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, argv))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class Supervisor:
    def __init__(self, options):
        self.options, self.place, self.began = options, Place(options.number), time.monotonic()
        self.state = self.place.state
        self.times = {}
        self.first = None
        self.ready = False

    def mark(self, name):
        self.times[name] = round(time.monotonic() - self.began, 2)

    def prepare(self):
        if self.options.proxy_mode == "ipvs" and not pathlib.Path("/proc/net/ip_vs").exists():
            raise Failure("this machine's kernel has no IPVS, so kube-proxy cannot run in that mode")
        programs = os.environ["MIFENG_CLUSTER_PROGRAMS"]
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        for old in (self.state / "logs").iterdir():
            if old.name != "supervisor.log":
                old.unlink()
        self.state.chmod(0o700)
        certificates.make(self.place, self.options.controller_accounts)
        layout = parts.Layout(self.options, self.place, programs)
        layout.write()
        (self.state / "parts.json").write_text(json.dumps({part: layout.argv(part) for part in self.options.parts()}))
        images.archive(pathlib.Path("/usr/bin/catatonit"), ["/catatonit", "-P"], places.PAUSE_IMAGE,
                       self.state / "pause.tar")
        self.mark("prepared")

    def start_first_process(self):
        """In namespaces of its own, ended by the kernel when this process ends."""
        remains.make_cgroups(self.place)
        said_read, said_write = os.pipe()
        log = open(self.state / "logs/first-process.log", "w")
        self.first = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc",
             sys.executable, "-B", pathlib.Path(__file__).with_name("first_process.py"), str(self.state)],
            stdin=subprocess.DEVNULL, stdout=said_write, stderr=log, preexec_fn=lambda: remains.join_cgroups(self.place),
            start_new_session=True,
            # Nothing of this machine's settings, proxies above all, goes along.
            env={"PATH": places.PATH, "HOME": str(self.state), "LANG": "C.UTF-8"})
        os.close(said_write)
        log.close()
        self.said = os.fdopen(said_read)
        line = self.said.readline()
        if "listening" not in line:
            raise Failure("the cluster's first process did not start")
        # unshare's only child.
        children = pathlib.Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text().split()
        self.pid = int(children[0])

    def network(self):
        within = ("nsenter", f"--net=/proc/{self.pid}/ns/net")
        run("ip", "link", "add", self.place.host_link, "type", "veth", "peer", "name", places.NODE_LINK, "netns", self.pid)
        run("ip", "address", "add", f"{self.place.host_address}/24", "dev", self.place.host_link)
        run("ip", "link", "set", self.place.host_link, "up")
        # There is no way from the cluster to anywhere but this machine. Services' addresses need a route to be looked up
        # before kube-proxy's rules turn them into pods'; where no rule does, a bridge without ports swallows them.
        run(*within, "sh", "-ec", f"""
            ip link set lo up
            ip address add {self.place.node_address}/24 dev {places.NODE_LINK}
            ip link set {places.NODE_LINK} up
            ip link add services type bridge
            ip link set services up
            ip route add {places.SERVICES} dev services src {self.place.node_address}
            echo 1 >/proc/sys/net/ipv4/ip_forward
            for name in iptables ip6tables; do
              file=/proc/sys/net/bridge/bridge-nf-call-$name
              [ ! -e $file ] || echo 1 >$file
            done""")
        self.mark("network")

    def part(self, *names):
        for name in names:
            ask(self.state, do="start", part=name)

    def wait(self, what, ready, seconds=BOOT_SECONDS):
        end = time.monotonic() + seconds
        last = None
        while True:
            try:
                if ready():
                    self.mark(what)
                    return
                last = "not yet"
            except (OSError, kubernetes.ApiError, subprocess.CalledProcessError, Failure) as error:
                last = error
            if self.first.poll() is not None:
                raise Failure(f"waiting for {what}: {self.ended(self.said.readlines())}")
            if time.monotonic() > end:
                raise Failure(f"waited {seconds} s for {what}; last: {last}")
            time.sleep(0.1)

    def boot(self):
        later = [part for part in ("controller-manager", "scheduler", "proxy", "kubelet", "hollow") if part in self.options.parts()]
        self.part(*(name for name in self.options.parts() if name not in later))
        inside = ("nsenter", f"--net=/proc/{self.pid}/ns/net", f"--mount=/proc/{self.pid}/ns/mnt", f"--pid=/proc/{self.pid}/ns/pid")
        self.wait("containerd", lambda: run(*inside, "ctr", "-a", places.CONTAINERD, "-n", "k8s.io", "image", "import",
                                            self.state / "pause.tar") is not None)
        api = kubernetes.Api(self.state / "kubeconfig")
        self.wait("api", lambda: api.get("/readyz") == "ok")
        # These end when they find no API server.
        self.part(*later)
        self.wait("registry", lambda: kubernetes.plain_get(f"http://{self.place.registry}/v2/") is not None)
        for name in (places.NODE, *self.options.hollow()):
            self.wait(name, lambda name=name: kubernetes.node_ready(api.get(f"/api/v1/nodes/{name}")))
        # Without it the first pod of a test would be refused.
        self.wait("service account", lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default"))

    @staticmethod
    def ended(lines):
        """What the first process said of its end."""
        for line in lines:
            said = json.loads(line)
            if "ended" in said:
                return f"{said['ended']} ended with status {said['status']}, so the whole cluster has"
        return "the cluster's first process is gone"

    def facts(self):
        return {"number": self.place.number, "kubeconfig": str(self.state / "kubeconfig"), "api": self.place.api, "node": places.NODE,
                "node_address": self.place.node_address, "host_address": self.place.host_address, "registry": self.place.registry,
                "secure_registry": self.place.secure_registry if self.options.secure_registry else None,
                "registry_ca": str(self.state / "keys/registry/registry-ca.crt"),
                "registry_user": places.REGISTRY_USER, "registry_password": places.REGISTRY_PASSWORD,
                "logs": str(self.state / "logs"), "pid": os.getpid(), "first_process": self.pid, "times": self.times,
                "kubectl": os.environ["MIFENG_CLUSTER_PROGRAMS"] + "/kubectl"}

    def end(self):
        if self.first is not None and self.first.poll() is None:
            self.first.kill()
            self.first.wait()


def watcher(place):
    """A child that outlives this process whatever happens to it, and then removes what is left. It holds the lock as
    long, so that no new cluster starts in between."""
    read, write = os.pipe()
    if os.fork() != 0:
        os.close(read)
        return write  # open as long as this process lives
    try:
        os.close(write)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        os.read(read, 1)
        remains.remove(place)
        place.holder.unlink(missing_ok=True)
    finally:
        os._exit(0)


def wait_for_end(supervisor, attached):
    asked_read, asked_write = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.write(asked_write, b"x"))
    watched = [asked_read, supervisor.said] + ([0] if attached else [])
    while True:
        readable, _, _ = select.select(watched, [], [])
        if supervisor.said in readable:
            # Either a part has ended, or the first process has.
            line = supervisor.said.readline()
            if "refused" in line:
                continue
            raise Failure(supervisor.ended([line] if line else []))
        if asked_read in readable:
            return
        if 0 in readable and not os.read(0, 4096):
            return


def main():
    options = Options.from_json(sys.argv[1])
    attached = "--attached" in sys.argv
    wait = float(sys.argv[sys.argv.index("--wait") + 1]) if "--wait" in sys.argv else 0
    supervisor = Supervisor(options)
    try:
        held = lock(supervisor.place, wait)  # noqa: F841: open as long as this process and the watcher live
        supervisor.began = time.monotonic()
        remains.remove(supervisor.place)
        alive = watcher(supervisor.place)  # noqa: F841
        supervisor.prepare()
        supervisor.start_first_process()
        supervisor.network()
        supervisor.boot()
        facts = supervisor.facts()
        (supervisor.state / "facts.json").write_text(json.dumps(facts, indent=1))
        say(ready=facts)
        supervisor.ready = True
        with open(supervisor.state / "logs/supervisor.log", "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        wait_for_end(supervisor, attached)
    except (Failure, OSError, RuntimeError, subprocess.SubprocessError, kubernetes.ApiError) as failure:
        logs = cluster.tail(supervisor.place) if supervisor.first is not None else ""
        text = f"{failure}\n{logs}".strip()
        if supervisor.ready:
            print(text, flush=True)  # in its log: whoever started it has long been told that it is ready
        else:
            say(failed=text)
        return 1
    finally:
        supervisor.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
