"""What the tests of guard and gateway share: a platform that does as it is told (platform_standin), containers by runc
with the restrictions of a deployed model, and a gateway inside a container's network. All of it ends with the test."""
import ctypes
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "wire"))
import wire  # noqa: E402

BIN, BUILD, SOURCE = wire.BIN, wire.BUILD, wire.SOURCE
# Other builds of the programs: so that the same tests can run under a sanitizer. The guard's reports go to a folder that
# its container sees as /reports.
GUARD_BIN = pathlib.Path(os.environ.get("MIFENG_TEST_GUARD_BIN", BIN))
GUARD_SETTINGS = os.environ.get("MIFENG_TEST_GUARD_SETTINGS", "").split()
REPORTS = os.environ.get("MIFENG_TEST_REPORTS")
GATEWAY = pathlib.Path(os.environ.get("MIFENG_TEST_GATEWAY", BIN / "mifeng-gateway"))
HERE = SOURCE / "tests/keyholders"
UID = 65532
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
wait_for = wire.wait_for


def build_model(out, flavour):
    """The probe model for an image: "glibc", "musl" (dynamic) or "static" (needs nothing)."""
    compiler = {"glibc": ["cc"], "musl": ["musl-gcc"], "static": ["musl-gcc", "-static"]}[flavour]
    subprocess.run([*compiler, "-O2", "-o", out, HERE / "probe_model.c"], check=True)


def debian_root(cache):
    """A root file system of Debian, made once."""
    root = cache / "debian-essential"
    if not (root / "etc/debian_version").exists():
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["mmdebstrap", "--variant=essential", "--quiet", "bookworm", root], check=True, timeout=300)
    return root


class Platform(wire.Process):
    def __init__(self, folder, image, payload):
        self.log = open(folder / "platform.log", "ab")
        super().__init__([BUILD / "tests/keyholders/platform_standin", folder, image, payload], self.log)
        self.sockets = folder / "sockets"
        self.wait(lambda event: "listening" in event)

    def events(self):
        with self.arrived:
            return [json.loads(line) for line in self.lines]

    def wait(self, condition, what="an event", seconds=wire.WAIT):
        return wait_for(lambda: next((e for e in self.events() if condition(e)), None), what, seconds)

    def count(self, condition):
        return sum(bool(condition(e)) for e in self.events())

    def command(self, line):
        before = self.count(lambda e: e.get("done") == line)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        wait_for(lambda: self.count(lambda e: e.get("done") == line) > before, f"the command {line}")

    def stop(self):
        super().stop()
        self.log.close()


class InNetwork:
    """Has a network of its own, that of the process `pid`."""

    def inside(self, function):
        """Calls it in a thread whose network is this one."""
        result = queue.Queue()

        def run():
            try:
                with open(f"/proc/{self.pid}/ns/net") as network:
                    if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.put((True, function()))
            except BaseException as error:  # noqa: BLE001: handed to the caller
                result.put((False, error))

        threading.Thread(target=run, daemon=True).start()
        good, value = result.get(timeout=60)
        if not good:
            raise value
        return value


class Hub(InNetwork):
    """A network with a bridge, 10.77.0.1, to which containers are attached: so that a gateway in it reaches several of
    them, each of which sees itself alone."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.pid = self.holder.pid
        self.attached = 1
        ours = os.stat("/proc/self/ns/net").st_ino
        wait_for(lambda: os.stat(f"/proc/{self.pid}/ns/net").st_ino != ours, "the network")
        for command in ("link set lo up", "link add br0 type bridge", "address add 10.77.0.1/24 dev br0", "link set br0 up"):
            self.ip(self.pid, command)

    @staticmethod
    def ip(pid, command):
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *command.split()], check=True)

    def attach(self, container):
        """The address that it has then."""
        self.attached += 1
        address = f"10.77.0.{self.attached}"
        self.ip(self.pid, f"link add to{self.attached} type veth peer name eth0 netns {container.pid}")
        self.ip(self.pid, f"link set to{self.attached} master br0 up")
        self.ip(container.pid, f"address add {address}/24 dev eth0")
        self.ip(container.pid, "link set eth0 up")
        return address

    def stop(self):
        self.holder.kill()
        self.holder.wait()


class Container(InNetwork):
    """A model's container as it is deployed: uid 65532, read-only root, no capability, no new privileges, a network of
    its own. Runs until stop()."""

    def __init__(self, folder, rootfs, sockets, grace=20, environment=(), readiness="/ready", ports="http=8080",
                 lame_duck=1):
        self.id = "mifeng-test-" + uuid.uuid4().hex[:12]
        self.bundle = folder / self.id
        self.bundle.mkdir()
        self.runc = ["runc", "--root", str(folder / "runc")]
        memory = ["nosuid", "nodev", "mode=0700", f"uid={UID}", f"gid={UID}"]
        environment = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "MIFENG_DEPLOYMENT=dep-1", f"MIFENG_UNIT={self.id}",
                       "MIFENG_PLATFORM=unix:/mifeng/platform/platform.sock", f"MIFENG_PORTS={ports}",
                       f"MIFENG_READINESS={readiness}", f"MIFENG_TERMINATION_GRACE={grace}",
                       f"MIFENG_LAME_DUCK={lame_duck}", *GUARD_SETTINGS, *environment]
        nothing = {name: [] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")}
        config = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": UID, "gid": UID}, "cwd": "/", "noNewPrivileges": True,
                        "capabilities": nothing, "env": environment,
                        "args": ["/mifeng/bin/mifeng-guard", "--", "/app/model"]},
            "root": {"path": str(rootfs), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
                {"destination": "/app", "type": "tmpfs", "source": "tmpfs", "options": [*memory, "size=64m"]},
                {"destination": "/mifeng/run", "type": "tmpfs", "source": "tmpfs", "options": [*memory, "size=64m"]},
                {"destination": "/mifeng/platform", "type": "bind", "source": str(sockets),
                 "options": ["bind", "ro", "nosuid", "nodev", "noexec"]}],
            "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
                      "cgroupsPath": "/" + self.id},
        }
        if REPORTS:
            (rootfs / "reports").mkdir(exist_ok=True)
            config["mounts"].append({"destination": "/reports", "type": "bind", "source": REPORTS, "options": ["bind", "rw"]})
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.log_path = self.bundle / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*self.runc, "run", "--bundle", str(self.bundle), self.id],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = None
        wait_for(self._is_started, "the container's first process")

    def _is_started(self):
        """Running, or ended already; then its log has to say why."""
        state = subprocess.run([*self.runc, "state", self.id], capture_output=True)
        found = json.loads(state.stdout) if state.returncode == 0 else {}
        if found.get("status") == "running":
            self.pid = found["pid"]
        ended = self.process.poll() is not None
        assert not ended or "guard:" in self.log(), self.log()
        return self.pid or ended

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, text, seconds=15):
        wait_for(lambda: text in self.log(), f"'{text}' in the log:\n{self.log()}", seconds)

    def call(self, target, port=8080, fields=None):
        request_id = [("Mifeng-Request-Id", uuid.uuid4().hex)] if fields is None else fields
        return self.inside(lambda: wire.call(port, target, fields=request_id))

    def health(self, target):
        def ask():
            try:
                return self.call(target, port=15020, fields=()).status
            except OSError:
                return None
        return ask()

    def wait_ready(self, seconds=20):
        wait_for(lambda: self.health("/ready") == 200, f"ready; log:\n{self.log()}", seconds)

    def pids(self):
        """Host pids of everything in the container, by program."""
        listed = json.loads(subprocess.run([*self.runc, "ps", "--format", "json", self.id], check=True,
                                           capture_output=True).stdout)
        found = {}
        for pid in listed:
            try:
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
            found.setdefault(name, []).append(pid)
        return found

    def kill(self, signal_number):
        os.kill(self.pid, signal_number)

    def wait_end(self, seconds=30):
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            subprocess.run([*self.runc, "kill", self.id, "KILL"], capture_output=True)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run([*self.runc, "delete", "--force", self.id], capture_output=True)


class Image:
    """A root file system with the guard's folder, a payload, and what the flavour brings along."""

    def __init__(self, folder, flavour="static", base=None):
        self.root = folder / "rootfs"
        if base is None:
            self.root.mkdir()
        else:
            subprocess.run(["cp", "-a", "--reflink=auto", base, self.root], check=True)
        shutil.copytree(guard_folder(folder), self.root / "mifeng", symlinks=True)
        if flavour == "musl":
            (self.root / "lib").mkdir(exist_ok=True)
            shutil.copy(os.path.realpath("/lib/ld-musl-x86_64.so.1"), self.root / "lib/ld-musl-x86_64.so.1")
        self.payload = folder / "payload"
        self.payload.mkdir()
        build_model(self.payload / "model", flavour)
        (self.payload / "weights.txt").write_text(MARKER)
        for name in ("proc", "dev", "sys", "app", "mifeng/run", "mifeng/platform"):
            (self.root / name).mkdir(exist_ok=True)


MARKER = "the weights of the probe model, which no disk may see: 7f3a9c"


def guard_folder(folder):
    out = folder / "guard-folder"
    subprocess.run([SOURCE / "tools/guard-folder", "--bin", GUARD_BIN, "--start", BIN / "mifeng-start", "--out", out],
                   check=True, capture_output=True)
    return out


class Gateway:
    """mifeng-gateway; with `container` in that container's network."""

    def __init__(self, folder, join, container=None, options=(), name="gateway"):
        self.log_path = folder / f"{name}-{uuid.uuid4().hex[:6]}.log"
        read_end, write_end = os.pipe()
        argv = [GATEWAY, "--state", folder / name, "--master-key", folder / f"{name}.master",
                "--workers", "1", "--ready-fd", str(write_end), "--module", BIN / "ngx_http_mifeng.so", *options]
        if join:
            argv += ["--join", join]
        if container:
            argv = ["nsenter", f"--net=/proc/{container.pid}/ns/net", *argv]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            pass_fds=[write_end])
        os.close(write_end)
        self.ready = os.fdopen(read_end)
        self.container = container
        self.port = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, text, seconds=15):
        wait_for(lambda: text in self.log(), f"'{text}' in the log:\n{self.log()}", seconds)

    def wait_ready(self):
        line = self.ready.readline()
        assert line, self.log()
        self.port = int(json.loads(line)["url"].rsplit(":", 1)[1])
        return json.loads(line)["url"]

    def call(self, target, **options):
        ask = lambda: wire.call(self.port, target, **options)  # noqa: E731
        return self.container.inside(ask) if self.container else ask()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.ready.close()
