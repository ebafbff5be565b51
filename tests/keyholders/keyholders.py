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
START = pathlib.Path(os.environ.get("MIFENG_TEST_START", BIN / "mifeng-start"))
UID, GROUP = 65532, 65532  # of the guard
MODEL_UID = 1_900_000_007
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
        self.folder = folder
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


class Part:
    """One container by runc, restricted as those of a unit are: a user id of its own, read-only root, no capability, no new
    privileges, process and mount namespaces of its own. Runs until stop()."""

    def __init__(self, folder, name, rootfs, user, argv, environment, mounts, network=None):
        self.id = name
        self.bundle = folder / name
        self.bundle.mkdir()
        self.runc = ["runc", "--root", str(folder / "runc")]
        nothing = {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")}
        spaces = [{"type": t} for t in ("pid", "ipc", "uts", "mount")]
        config = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": user, "gid": GROUP}, "cwd": "/", "noNewPrivileges": True,
                        "capabilities": nothing, "env": environment, "args": argv},
            "root": {"path": str(rootfs), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
                *mounts],
            "linux": {"namespaces": [*spaces, {"type": "network", **({"path": network} if network else {})}],
                      "cgroupsPath": "/" + name},
        }
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.log_path = self.bundle / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*self.runc, "run", "--bundle", str(self.bundle), name],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = None
        wait_for(self._is_started, "the container's first process")

    def _is_started(self):
        """Running, or ended already."""
        state = subprocess.run([*self.runc, "state", self.id], capture_output=True)
        found = json.loads(state.stdout) if state.returncode == 0 else {}
        if found.get("status") == "running":
            self.pid = found["pid"]
        return self.pid or self.process.poll() is not None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def pids(self):
        """Host pids of everything in it, by program."""
        listed = subprocess.run([*self.runc, "ps", "--format", "json", self.id], capture_output=True)
        found = {}
        for pid in json.loads(listed.stdout) or () if listed.returncode == 0 else ():
            try:
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
            found.setdefault(name, []).append(pid)
        return found

    def stop(self):
        if self.process.poll() is None:
            subprocess.run([*self.runc, "kill", self.id, "KILL"], capture_output=True)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run([*self.runc, "delete", "--force", self.id], capture_output=True)


def memory_folder(path, user):
    """A bounded file system in memory, as the engine makes for a folder that two containers share."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64m,mode=0750,uid={user},gid={GROUP},nosuid,nodev", "tmpfs", path],
                   check=True)
    return path


class Container(InNetwork):
    """A unit as it is deployed: the guard's container and the model's, which share three folders in memory, and a network (as a
    pod's do). `pid`, kill() and wait_end() are the guard's."""

    network = None  # of its own: the guard's

    def __init__(self, folder, image, platform, grace=20, environment=(), readiness="/ready", ports="http=8080", lame_duck=1,
                 with_model=True):
        self.id = "mifeng-test-" + uuid.uuid4().hex[:12]
        self.folder, self.image = folder, image
        self.shared = {}
        self.guard = self.model = None
        names = [port.partition("=")[0] for port in ports.split(",")]
        try:
            for name, user in (("app", UID), ("guard", UID), ("model", MODEL_UID)):
                self.shared[name] = memory_folder(folder / f"{self.id}.{name}", user)
            self.guard = Part(folder, self.id, image.guard_root, UID, ["/mifeng/bin/mifeng-guard"],
                              self.guard_environment(platform, ports, readiness, grace, lame_duck, environment),
                              self.guard_mounts(platform))
            self.pid, self.process, self.runc = self.guard.pid, self.guard.process, self.guard.runc
            if with_model and self.pid:
                self.start_model(names)
        except BaseException:
            self.stop()
            raise
        assert self.process.poll() is None or "guard:" in self.log(), self.log()

    def guard_environment(self, platform, ports, readiness, grace, lame_duck, more):
        keys = json.loads((platform.folder / "keys.json").read_text())
        return ["PATH=/usr/bin:/bin", "MIFENG_DEPLOYMENT=dep-1", f"MIFENG_UNIT={self.id}",
                "MIFENG_PLATFORM=unix:/mifeng/platform/platform.sock", f"MIFENG_IDENTITY_KEY={keys['identity']}",
                f"MIFENG_DELIVERY_KEY={keys['delivery']}", f"MIFENG_MODEL_UID={MODEL_UID}", f"MIFENG_PORTS={ports}",
                f"MIFENG_READINESS={readiness}", f"MIFENG_TERMINATION_GRACE={grace}", f"MIFENG_LAME_DUCK={lame_duck}",
                *GUARD_SETTINGS, *more]

    def shared_mount(self, name, destination, access):
        return {"destination": destination, "type": "bind", "source": str(self.shared[name]),
                "options": ["bind", access, "nosuid", "nodev"]}

    def guard_mounts(self, platform):
        own = ["nosuid", "nodev", "mode=0700", f"uid={UID}", f"gid={GROUP}", "size=64m"]
        mounts = [self.shared_mount("app", "/app", "rw"), self.shared_mount("guard", "/mifeng/guard", "rw"),
                  self.shared_mount("model", "/mifeng/model", "ro"),
                  {"destination": "/mifeng/run", "type": "tmpfs", "source": "tmpfs", "options": own},
                  {"destination": "/mifeng/platform", "type": "bind", "source": str(platform.sockets),
                   "options": ["bind", "ro", "nosuid", "nodev", "noexec"]}]
        if REPORTS:
            mounts.append({"destination": "/reports", "type": "bind", "source": REPORTS, "options": ["bind", "rw"]})
        return mounts

    def start_model(self, ports):
        """The other container of the unit."""
        variables = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MIFENG_MODEL_NAME": "probe", "MIFENG_MODEL_VERSION": "1",
                     "MIFENG_SOCKET": "/mifeng/model/model.sock"}
        for name in ports[1:]:
            variables["MIFENG_SOCKET_" + name.upper().replace("-", "_")] = f"/mifeng/model/model-{name}.sock"
        options = [word for name in variables for word in ("--env", name)]
        mounts = [self.shared_mount("app", "/app", "ro"), self.shared_mount("guard", "/mifeng/guard", "ro"),
                  self.shared_mount("model", "/mifeng/model", "rw"),
                  {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777", "size=16m"]}]
        self.model = Part(self.folder, self.id + "-model", self.image.root, MODEL_UID,
                          ["/mifeng/start/mifeng-start", *options, "--writable", "/mifeng/model", "--", "/app/model"],
                          [f"{name}={value}" for name, value in variables.items()] + ["NOT_RENDERED=1"], mounts,
                          network=self.network or f"/proc/{self.pid}/ns/net")

    def log(self):
        """Of both, the guard's first."""
        return self.guard.log() + (self.model.log() if self.model else "")

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
        """Host pids of everything in the unit, by program."""
        return {**self.guard.pids(), **(self.model.pids() if self.model else {})}

    def model_pid(self):
        """The model's own process; it has another of its name for each connection, also for one that is just ending.
        None where it does not run."""
        models = self.pids().get("model", ())
        for pid in models:
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            if int(stat[stat.rindex(")") + 2:].split()[1]) not in models:
                return pid
        return None

    def kill(self, signal_number):
        os.kill(self.pid, signal_number)

    def wait_end(self, seconds=30):
        return self.process.wait(seconds)

    def stop(self):
        for part in (self.guard, self.model):
            if part:
                part.stop()
        for path in self.shared.values():
            subprocess.run(["umount", "--lazy", path], check=True)


class Pod(Container):
    """The same as Kubernetes has it: a network that outlives both containers, folders that anybody may write who has them mounted
    so (0777, without the sticky bit), and a container that has ended is started again in place, with the folders as they were."""

    def __init__(self, folder, image, platform, ports="http=8080", readiness="/ready", grace=20):
        self.id = "mifeng-test-" + uuid.uuid4().hex[:12]
        self.folder, self.image = folder, image
        self.shared, self.guard, self.model, self.ended = {}, None, None, []
        self.names = [port.partition("=")[0] for port in ports.split(",")]
        self.environment = self.guard_environment(platform, ports, readiness, grace, 1, ())
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && exec sleep infinity"])
        self.network = f"/proc/{self.holder.pid}/ns/net"
        try:
            wait_for(lambda: b"sleep" in pathlib.Path(f"/proc/{self.holder.pid}/cmdline").read_bytes(), "the pod's network")
            for name in ("app", "guard", "model", "run"):
                path = folder / f"{self.id}.{name}"
                path.mkdir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64m,mode=2777,gid={GROUP},nosuid,nodev", "tmpfs", path],
                               check=True)
                self.shared[name] = path
            self.mounts = self.guard_mounts(platform)
            self.start_guard()
            self.start_model(self.names)
        except BaseException:
            self.stop()
            raise

    def guard_mounts(self, platform):
        mounts = [mount for mount in super().guard_mounts(platform) if mount["destination"] != "/mifeng/run"]
        return [*mounts, self.shared_mount("run", "/mifeng/run", "rw")]

    def start_guard(self):
        if self.guard:
            self.ended.append(self.guard)
        self.guard = Part(self.folder, f"{self.id}-{len(self.ended)}", self.image.guard_root, UID, ["/mifeng/bin/mifeng-guard"],
                          self.environment, self.mounts, network=self.network)
        self.pid, self.process, self.runc = self.guard.pid, self.guard.process, self.guard.runc

    def start_model_again(self):
        self.model.process.wait(30)
        self.model.stop()
        shutil.rmtree(self.model.bundle)
        self.start_model(self.names)

    def inside(self, function):
        pid, self.pid = self.pid, self.holder.pid
        try:
            return super().inside(function)
        finally:
            self.pid = pid

    def stop(self):
        for part in self.ended:
            part.stop()
        super().stop()
        self.holder.kill()
        self.holder.wait()


class Image:
    """The two roots of a unit: the guard's, which is the platform's own and always the same, and the model's, with
    mifeng-start, a sealed payload, and what the flavour brings along."""

    def __init__(self, folder, flavour="static", base=None):
        self.root, self.guard_root = folder / "rootfs", folder / "guard-rootfs"
        self.guard_root.mkdir()
        shutil.copytree(guard_folder(folder), self.guard_root / "mifeng", symlinks=True)
        for name in ("proc", "dev", "sys", "app", "reports", "mifeng/guard", "mifeng/model", "mifeng/run", "mifeng/platform"):
            (self.guard_root / name).mkdir()
        if base is None:
            self.root.mkdir()
        else:
            subprocess.run(["cp", "-a", "--reflink=auto", base, self.root], check=True)
        if flavour == "musl":
            (self.root / "lib").mkdir(exist_ok=True)
            shutil.copy(os.path.realpath("/lib/ld-musl-x86_64.so.1"), self.root / "lib/ld-musl-x86_64.so.1")
        for name in ("proc", "dev", "sys", "app", "tmp", "mifeng/start", "mifeng/guard", "mifeng/model"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(START, self.root / "mifeng/start/mifeng-start")
        self.payload = folder / "payload"
        self.payload.mkdir()
        build_model(self.payload / "model", flavour)
        (self.payload / "weights.txt").write_text(MARKER)


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
