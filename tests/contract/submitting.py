"""What tests share that submit packages to a real mifengd with a real registry."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

import pytest

from conftest import BIN, Platform

MAKE_PACKAGE = pathlib.Path(os.environ["MIFENG_BUILD"]) / "tests/submit/make_package"


def wait_for(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "registry.yml").write_text(f"version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n"
                                         f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                                         f"http: {{addr: '{address}', secret: only-for-this-test}}\n")
    with open(folder / "log", "wb") as log:
        running = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdout=log, stderr=log)

    def answers():
        assert running.poll() is None, (folder / "log").read_text()
        try:
            return urllib.request.urlopen(f"http://{address}/v2/", timeout=5).status == 200
        except OSError:
            return False
    try:
        wait_for("the registry's answer", answers)
        yield address
    finally:
        running.terminate()
        running.wait(20)


class Vendor:
    """A vendor whose key is in force, and what it makes and submits."""

    def __init__(self, platform, folder):
        self.platform, self.folder = platform, folder
        first = platform.request("POST", "/system/first-administrator", local=True)[1]
        self.administrator = platform.sign_in(first["name"], first["password"])
        made = subprocess.run([BIN / "mifeng", "key", "generate", "--output-file", folder / "vendor.key", "--public",
                               folder / "vendor.pub"], capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        fingerprint = made.stderr.split("fingerprint:")[1].strip()
        self.administer("POST", "/vendors", {"id": "acme", "name": "Acme"}, 201)
        self.administer("PUT", "/vendors/acme/key", {"public_key_pem": (folder / "vendor.pub").read_text()}, 200)
        self.administer("POST", "/vendors/acme/key/confirmation", {"fingerprint": fingerprint}, 200)
        ann = self.administer("POST", "/people", {"name": "ann", "roles": ["vendor"], "vendor_id": "acme"}, 201)
        self.token = platform.sign_in("ann", ann["password"])
        (folder / "card.json").write_text(json.dumps(self.ask("GET", "/card")[1]))

    def administer(self, method, path, body, wanted):
        status, answer, _ = self.platform.request(method, path, self.administrator, body)
        assert status == wanted, answer
        return answer

    def package(self, version, size, model="digits"):
        folder = self.folder / (version if model == "digits" else f"{model}-{version}")
        folder.mkdir()
        done = subprocess.run([MAKE_PACKAGE, self.folder / "card.json", self.folder / "vendor.key", folder, version,
                               str(size), model], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return (folder / "package.mfpkg").read_bytes()

    def ask(self, method, path, body=None, type="application/octet-stream"):
        headers = {"Content-Type": type} if isinstance(body, bytes) else None
        status, answer, _ = self.platform.request(method, path, self.token, body, headers=headers)
        return status, answer

    def submit(self, package):
        return self.ask("POST", "/packages", package, "application/vnd.mifeng.package")

    def accepted(self, version, model="digits"):
        """The id of a small version that is there and accepted."""
        status, submitted = self.submit(self.package(version, 1000, model))
        assert status == 201, submitted
        name = submitted["version"]["id"]
        self.administer("POST", f"/models/{name}/acceptance", None, 200)
        return name


@pytest.fixture(scope="module")
def stocked(tmp_path_factory, registry):
    """A platform of its own with acme/digits in two versions and acme/letters in one, and without an engine: what is wanted
    is seen, and nothing starts."""
    folder = tmp_path_factory.mktemp("stocked")
    running = Platform(folder, "--registry", registry)
    running.vendor = Vendor(running, folder)
    for version in ("1.0.0", "2.0.0"):
        running.vendor.accepted(version)
    running.vendor.accepted("1.0.0", "letters")
    yield running
    assert running.stop() == 0


@pytest.fixture
def mifeng(own, run):
    """The command line on the local socket of `own`, where nobody has to sign in."""
    def call(*arguments, status=0, env=None):
        done = run(*arguments, signed_in=False, platform=f"unix:{own.local_socket}", env=env)
        assert done.returncode == status, done.stderr
        return done
    return call


def shown(done):
    """What a command printed with `-o json`."""
    return json.loads(done.stdout)
