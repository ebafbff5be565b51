"""A real mifengd with a database of its own, and one signed-in person of each role."""

import base64
import http.client
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from unix_http import UnixConnection  # noqa: E402

BIN = pathlib.Path(os.environ.get("MIFENG_BIN", ROOT / "build/bin"))
DESCRIPTION = ROOT / "spec/openapi.yaml"
ROLES = ["administrator", "vendor", "operator", "auditor", "caller"]


class Platform:
    """What the tests know of a running mifengd."""

    def __init__(self, folder, *options, data=None, inside=()):
        """`inside` is the command that starts it somewhere else, such as in a mount namespace."""
        self.folder = folder
        self.data = data or folder / "data"
        self.options, self.inside = options, inside
        self.local_socket = folder / "local.sock"
        self.process = None
        self.url = None
        self.start()

    def start(self):
        reader, writer = os.pipe()
        self.log = open(self.folder / "mifengd.log", "ab")
        registry = () if "--registry" in self.options else ("--registry", "127.0.0.1:1")
        self.process = subprocess.Popen(
            [*self.inside, BIN / "mifengd", "--data", self.data, "--master-key", self.folder / "master.key",
             "--listen", "127.0.0.1:0", "--local-socket", self.local_socket, *registry, *map(str, self.options),
             "--ready-fd", str(writer)],
            pass_fds=[writer], stderr=self.log)
        os.close(writer)
        with os.fdopen(reader) as ready:
            line = ready.readline()
        assert line, "mifengd did not start: " + (self.folder / "mifengd.log").read_text()
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=15)
        self.log.close()
        return status

    def connect(self, socket_path=None):
        return UnixConnection(socket_path) if socket_path else http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30)

    def request(self, method, path, token=None, body=None, local=False, headers=None):
        """(status, body, header fields); the body as what it says where it is JSON, else as bytes."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect(self.local_socket if local else None)
        try:
            connection.request(method, "/api/v1" + path, body=body, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.getheader("Content-Type") == "application/json"
            return answer.status, (json.loads(text) if is_json else text), dict(answer.getheaders())
        finally:
            connection.close()

    def sign_in(self, name, password):
        """Signs in with a first password, changes it, gives the bearer string."""
        status, session, _ = self.request("POST", "/session", body={"name": name, "password": password})
        assert status == 200, session
        status, answer, _ = self.request("PUT", "/session/password", session["token"],
                                         {"old_password": password, "new_password": "long enough for " + name})
        assert status == 204, answer
        return session["token"]


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("platform"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def tokens(platform):
    """role -> bearer string."""
    status, first, _ = platform.request("POST", "/system/first-administrator", local=True)
    assert status == 200, first
    made = {"administrator": platform.sign_in(first["name"], first["password"])}
    status, answer, _ = platform.request("POST", "/vendors", made["administrator"], {"id": "acme", "name": "Acme"})
    assert status == 201, answer
    for role in ROLES[1:]:
        person = {"name": role, "roles": [role]}
        if role == "vendor":
            person["vendor_id"] = "acme"
        status, answer, _ = platform.request("POST", "/people", made["administrator"], person)
        assert status == 201, answer
        made[role] = platform.sign_in(role, answer["password"])
    return made


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A platform of its own, whose first password nobody has changed yet."""
    folder = tmp_path_factory.mktemp("cli")
    running = Platform(folder)
    running.first = running.request("POST", "/system/first-administrator", local=True)[1]
    yield running
    assert running.stop() == 0


@pytest.fixture
def run(own, tmp_path):
    def call(*arguments, data=b"", signed_in=True, platform=None, env=None, cwd=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MIFENG_", "LC_", "LANG"))}
        environment.update(env or {})
        environment["XDG_CONFIG_HOME"] = str(own.folder / "config" if signed_in else tmp_path)
        if platform:
            environment["MIFENG_PLATFORM"] = platform
        return subprocess.run([BIN / "mifeng", *map(str, arguments)], input=data, capture_output=True, timeout=60,
                              env=environment, cwd=cwd or tmp_path)
    return call


@pytest.fixture
def signed_in(own, run):
    if not (own.folder / "config/mifeng/session.json").exists():
        (own.folder / "new").write_text("a password of one's own\n")
        done = run("login", "--platform", own.url, "--new-password-file", own.folder / "new",
                   data=own.first["password"].encode() + b"\n")
        assert done.returncode == 0, done.stderr
    return run
