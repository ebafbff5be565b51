"""The installation under attack: what is genuine in it, and the means of an attacker who is root beside it."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import uuid

from engine import Engine
from installation import SOURCE, Installation, wait_until  # and with it tests/support

import listening


class FalsePlatform:
    """Listens where a guard looks for the platform, keeps each request's bytes, and answers none of them."""

    def __init__(self, path):
        self.path = path
        self.requests = []
        self.arrived = threading.Event()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        os.chmod(path, 0o666)
        self.server.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                with connection:
                    raw = b""
                    while not whole(raw):
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        raw += piece
                    if whole(raw):
                        self.requests.append(raw)
                        self.arrived.set()

    def close(self):
        listening.end(self.server, self.thread)
        os.unlink(self.path)


def whole(raw):
    """Whether these bytes are one complete HTTP message with a Content-Length."""
    head, mark, body = raw.partition(b"\r\n\r\n")
    if not mark:
        return False
    length = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(body) >= int(length[0])


def body_of(raw):
    return raw.partition(b"\r\n\r\n")[2]


def replay(socket_path, raw):
    """Sends the bytes from this process; status and body of the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(socket_path))
        connection.sendall(raw)
        answer = b""
        while not whole(answer):
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
    return int(answer.split()[1]), body_of(answer)


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.installation = Installation(folder / "d", only=["tumor-cpp"])
        self.data = self.installation.data
        self.engine = Engine(self.data / "run/podman.sock")
        self.made = []

    def look_around(self):
        self.api = self.installation.api
        self.deployment = self.installation.deployments()[0]["id"]
        (self.name,) = self.installation.units(self.deployment)
        self.sockets = pathlib.Path(next(one["Source"] for one in self.engine.inspect(self.name)["Mounts"]
                                         if one["Destination"] == "/mifeng/platform")).parent
        self.socket = self.sockets / self.name / "platform.sock"
        self.key = self.installation.caller_key()
        self.request = next(json.loads(line)["request"] for line in
                            (SOURCE / "examples/tumor-cpp/build/calls.jsonl").read_text().splitlines())
        self.node_port = self.engine.inspect(self.name)["HostConfig"]["PortBindings"]["8080/tcp"][0]["HostPort"]
        self.replayer = self.folder / "replay"
        subprocess.run(["cc", "-O2", "-static", "-o", self.replayer, pathlib.Path(__file__).parent / "replay.c"], check=True)
        # The gateway learns of the caller's key with the next snapshot.
        wait_until(lambda: self.predict()[0] == 200, 20, "the first answer")

    def clean_up(self):
        self.engine.end_sessions()
        for name in self.made:
            if name in self.engine.ids():
                self.engine.remove_unit(name)

    def predict(self, prefix="/tumor", key=None):
        return self.installation.call(prefix + "/predict", self.request, key=key or self.key)

    def instance(self, deployment=None):
        """The one live instance of a deployment."""
        live = self.live(deployment)
        assert len(live) == 1, live
        return live[0]["id"]

    def live(self, deployment=None):
        listed = self.api("GET", "/instances?page_size=100")["items"]
        return [one for one in listed if one["deployment_id"] == (deployment or self.deployment) and not one["ended_ms"]]

    def granted_containers(self):
        """The engine's ids of all containers that ever got a grant."""
        return {one["engine_id"] for one in self.api("GET", "/instances?page_size=100")["items"]}

    def refusals(self, outcome, unit):
        listed = self.api("GET", "/audit?action=grant.refuse&page_size=100")["items"]
        return [one for one in listed if one["outcome"] == outcome and one["subject"] == unit]

    @contextlib.contextmanager
    def frozen_platform(self):
        """mifengd stands still: nothing that is changed now is put right before it has been seen."""
        pid = self.installation.service_pid("mifengd")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def copy(self, sockets):
        """The genuine unit once more, made past the platform."""
        name = "copy-" + uuid.uuid4().hex[:8]
        self.made.append(name)
        self.engine.copy_unit(self.name, name, sockets)
        return name

    def replay_inside(self, raw):
        """The same from a process of the genuine guard's container other than its first: `podman exec`."""
        root = pathlib.Path(f"/proc/{self.engine.pid(self.name)}/root")
        tool, sent, answer = root / "app/replay", root / "mifeng/run/request", root / "mifeng/run/answer"
        try:
            tool.write_bytes(self.replayer.read_bytes())
            tool.chmod(0o755)
            head, _, body = raw.partition(b"\r\n\r\n")
            fields = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            sent.write_bytes(b"\r\n".join([*fields, b"Connection: close"]) + b"\r\n\r\n" + body)
            sent.chmod(0o644)
            self.engine.execute(self.name, ["/app/replay", "/mifeng/platform/platform.sock", "/mifeng/run/request",
                                            "/mifeng/run/answer.part", "/mifeng/run/answer"], answer.exists)
            got = answer.read_bytes()
            return int(got.split()[1]), body_of(got)
        finally:
            for path in (tool, sent, answer):
                path.unlink(missing_ok=True)
