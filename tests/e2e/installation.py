"""A whole installation, started the way a person does: `mifeng up` on a data folder of its own."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.environ["MIFENG_SOURCE"], "tests/support"))

from ports import NodePorts, free_port  # noqa: E402
from unix_http import UnixConnection  # noqa: E402

BIN = pathlib.Path(os.environ["MIFENG_BIN"])
SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
BUILD = pathlib.Path(os.environ["MIFENG_BUILD"])
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng/packs"


def wait_until(condition, seconds=60, what="what was waited for"):
    """Asks until `condition` gives something true, and gives that. `what`: words, or a function that gives them in the end."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what() if callable(what) else what} did not happen within {seconds} s"
        time.sleep(0.05)


def bind_once_free(server, port):
    """The monitor of a container that has just been stopped still holds its port for a moment."""
    def bound():
        with contextlib.suppress(OSError):
            server.bind(("127.0.0.1", int(port)))
            return True
        return False
    wait_until(bound, 10, f"the end of who holds port {port}")


def interruptible():
    """A background job of a shell has SIGINT ignored, and so has what it starts: stop() would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.reason = body.get("reason", "") if isinstance(body, dict) else ""
        self.message = body.get("message", "") if isinstance(body, dict) else ""


class Installation:
    def __init__(self, data, examples=None, only=(), packs=None, environment=None, cache=CACHE, node_ports=None,
                 options=()):
        self.environment = {**os.environ, **(environment or {})}
        self.data = pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        self.examples = examples
        self.only = list(only)
        self.packs = packs
        self.cache = cache
        self.node_ports = node_ports or NodePorts()
        self.options = list(options)  # more of `mifeng up`
        self.process = None
        self.lines = []

    def command(self, *more):
        command = [str(BIN / "mifeng"), "up", "--data", str(self.data), "--cache", str(self.cache),
                   "--master-key", str(self.data.parent / (self.data.name + ".key")), "--port-range", str(self.node_ports)]
        if self.examples is None and not self.only:
            command += ["--examples", "none"]
        elif self.examples is not None:
            command += ["--examples", str(self.examples)]
        for name in self.only:
            command += ["--only", name]
        if self.packs is not None:
            command += ["--packs", str(self.packs)]
        return command + self.options + list(more)

    def once(self, timeout=600):
        """Runs `mifeng up --once`; gives the status, the object of the last line, and the messages."""
        done = subprocess.run(self.command("--once", *self.port_flags()), capture_output=True, text=True, timeout=timeout)
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "{}"
        return done.returncode, json.loads(last), done.stderr

    def port_flags(self):
        if (self.data / "ports.json").exists():
            return []
        return [word for name in ("platform", "gateway", "registry") for word in (f"--{name}-port", str(free_port()))]

    def start(self, timeout=600):
        """Starts it and waits until it says that all runs."""
        assert self.process is None
        self.stderr = open(self.data / "up.stderr", "ab")
        self.process = subprocess.Popen(self.command(*self.port_flags()), stdout=subprocess.PIPE, stderr=self.stderr,
                                        start_new_session=True, env=self.environment, preexec_fn=interruptible)
        self.lines = []
        deadline = time.monotonic() + timeout
        text = b""
        while b"Ctrl-C stops" not in text:
            assert time.monotonic() < deadline, f"not up within {timeout} s: {self.messages()}"
            ready, _, _ = select.select([self.process.stdout], [], [], 1)
            if not ready:
                continue
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"mifeng up ended with {self.process.wait()}: {self.messages()}"
            text += piece
        self.lines = text.decode().splitlines()
        return self

    def messages(self):
        return (self.data / "up.stderr").read_text(errors="replace")[-4000:]

    def line(self, label):
        for line in self.lines:
            if line.startswith(label + " "):
                return line[len(label):].strip()
        return None

    @property
    def gateway(self):
        return self.line("gateway")

    def stop(self, timeout=60):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout)
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def mifeng(self, *arguments, check=True):
        """The command line, as the local administrator."""
        done = subprocess.run([str(BIN / "mifeng"), *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "MIFENG_PLATFORM": f"unix:{self.data}/run/mifengd.sock"})
        assert done.returncode == 0 or not check, done.stderr
        return done

    def pack_and_accept(self, project):
        """Packs a project of this installation's own vendor, submits it, and takes delivery; the version's id."""
        package = self.data / "work" / (project.name + ".mfpkg")
        self.mifeng("pack", project, "--for", self.data / "card.json", "--sign", self.data / "vendor/examples.key",
                    "--cache", self.cache, *(["--packs", self.packs] if self.packs else []), "--output-file", package)
        self.mifeng("push", package)
        with tarfile.open(package, "r:") as tar:
            manifest = json.load(tar.extractfile("mifeng-package.json"))
        name = f"{manifest['vendor']['id']}/{manifest['model']['name']}@{manifest['model']['version']}"
        self.mifeng("accept", name)
        found = self.api("GET", "/models?text=" + manifest["model"]["name"] + "&page_size=100")["items"]
        return next(one["id"] for one in found if one["version"] == manifest["model"]["version"])

    def another_version(self, model, folder, version, change):
        """Packs one of tests/e2e/models under another version, its deployment config as `change` makes it; the accepted
        version's id."""
        project = folder / f"{model}-{version}"
        shutil.copytree(SOURCE / "tests/e2e/models" / model, project)
        for name in ("mifeng.yaml", "deployment.yaml"):
            text = (project / name).read_text().replace('version: "1.0.0"', f'version: "{version}"')
            (project / name).write_text(change(text) if name == "deployment.yaml" else text)
        (self.data / "work").mkdir(exist_ok=True)
        return self.pack_and_accept(project)

    # The platform's API, as the local administrator.

    def api(self, method, path, body=None, timeout=30):
        """Waits for mifengd to come back where it is away."""
        deadline = time.monotonic() + timeout
        while True:
            connection = UnixConnection(self.data / "run/mifengd.sock")
            try:
                payload = None if body is None else json.dumps(body)
                connection.request(method, "/api/v1" + path, payload, {"Content-Type": "application/json"} if body is not None else {})
                response = connection.getresponse()
                text = response.read()
                value = json.loads(text) if text else {}
                if response.status >= 400:
                    raise ApiError(response.status, value)
                return value
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < deadline, f"the platform is away: {self.messages()}"
                time.sleep(0.05)
            finally:
                connection.close()

    def deployments(self):
        return self.api("GET", "/deployments?page_size=100")["items"]

    def wait_state(self, deployment, states, seconds=120):
        deadline = time.monotonic() + seconds
        while True:
            now = self.api("GET", f"/deployments/{deployment}")
            if now["state"] in states:
                return now
            assert time.monotonic() < deadline, \
                f"{deployment} is {now['state']} ({now['reason']}) after {seconds} s, not in {states}"
            time.sleep(0.05)

    def units(self, deployment):
        """The names of its units, but for those that are on their way out."""
        listed = self.api("GET", f"/deployments/{deployment}")["units"]
        return sorted(one["name"] for one in listed if one["state"] != "stopping")

    def caller_key(self, name="tests"):
        found = [one for one in self.api("GET", "/callers?page_size=100")["items"] if one["name"] == name]
        if found:
            return self.api("POST", f"/callers/{found[0]['id']}/key", {})["key"]
        return self.api("POST", "/callers", {"name": name})["key"]

    def call(self, path, body=None, key=None, method=None, headers=None):
        """One call through the gateway: status and body."""
        where = urllib.parse.urlsplit(self.gateway)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        fields = dict(headers or {})
        if key:
            fields["Authorization"] = "Bearer " + key
        if body is not None:
            fields["Content-Type"] = "application/json"
        try:
            connection.request(method or ("POST" if body is not None else "GET"), path,
                               json.dumps(body) if body is not None else None, fields)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait_answer(self, prefix, seconds=30):
        """Waits until the model behind `prefix` says that it is ready, to a caller whose key was made just now."""
        key = self.caller_key()

        def answers():
            try:
                return self.call(prefix + "/v2/health/ready", key=key)[0] == 200
            except OSError:
                return False
        wait_until(answers, seconds, f"an answer of {prefix}")

    # What the machine shows of it.

    @property
    def id(self):
        return (self.data / "installation").read_text().strip()

    def engine(self, path):
        """What the container engine itself says."""
        connection = UnixConnection(self.data / "run/podman.sock")
        try:
            connection.request("GET", "/v4.0.0/libpod" + path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def containers(self):
        """Names of its units, asked of the engine itself, where each is two containers: UNIT, its guard, and UNIT.model."""
        names = sorted(one["Names"][0] for one in self.engine("/containers/json?all=true"))
        units = [name for name in names if not name.endswith(".model")]
        return units if names == sorted(units + [unit + ".model" for unit in units]) else names

    def guard_of(self, unit):
        """What the engine says of a unit's guard's container."""
        return self.engine(f"/containers/{unit}/json")

    def model_of(self, unit):
        """The same of its model's."""
        return self.engine(f"/containers/{unit}.model/json")

    def service_pid(self, program):
        """The pid of the child of `mifeng up` that runs `program`."""
        for pid, parent, command in processes():
            if parent == self.process.pid and pathlib.Path(command[0]).name == program:
                return pid
        return None

    def left_behind(self):
        """Processes, mounts and network links of this installation; empty after a stop."""
        found = [f"process {pid}: {' '.join(command)}" for pid, _, command in processes()
                 if pid != os.getpid() and any(str(self.data) in part or f"/run/mifeng/{self.id[:8]}" in part or
                                               f"mf-{self.id[:8]}" in part for part in command)]
        mounts = pathlib.Path("/proc/mounts").read_text().splitlines()
        found += [f"mount {line}" for line in mounts if str(self.data) in line or f"mf-{self.id[:8]}" in line]
        links = pathlib.Path("/proc/net/dev").read_text()
        found += re.findall(rf"mf-{self.id[:8]}\S*", links)
        return found


def processes():
    """(pid, parent, command line) of every process that is not a zombie."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2:].split()[:2]
        if state != "Z" and command[0]:
            yield int(entry.name), int(parent), [part.decode(errors="replace") for part in command]
