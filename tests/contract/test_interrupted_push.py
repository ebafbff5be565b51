"""`mifeng push` interrupted, killed, or cut off from the platform: nothing is half-submitted, nothing is left in the
uploads, and the next push of the same file succeeds. Between the two, and between mifengd and its registry, stands a
gate that holds back what goes through it, so that the moment is always the same."""

import http.client
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest

from conftest import BIN, Platform
from submitting import Vendor, registry, wait_for  # noqa: F401 - a fixture

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))

import listening  # noqa: E402

MIB = 1 << 20
SIZE = 20 * MIB  # several pieces of an upload
STORES = (b"POST ", b"PUT ")  # what stores in a registry says, and nobody before who only asks whether it answers


class Gate:
    """Passes connections on to 127.0.0.1:`port`; one that has sent more than `budget` bytes, with one of `words` in the
    last of them, stands still until open()."""

    def __init__(self, port):
        self.port, self.budget, self.words = port, None, (b"",)
        self.held = threading.Event()
        self.opened = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def hold_after(self, budget, words=(b"",)):
        self.budget, self.words = budget, words
        self.held.clear()
        self.opened.clear()

    def open(self):
        self.budget = None
        self.opened.set()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            sent = 0
            try:
                while True:
                    for ready in select.select([near, far], [], [])[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        if ready is far:
                            near.sendall(data)
                            continue
                        sent += len(data)
                        if self.budget is not None and sent > self.budget and any(word in data for word in self.words):
                            self.held.set()
                            # Until it is opened or the sender goes, whose end then reaches the other side.
                            while not self.opened.wait(0.01):
                                if select.select([near], [], [], 0)[0] and self.gone(near):
                                    return
                        far.sendall(data)
            except OSError:
                pass

    @staticmethod
    def gone(near):
        poll = select.poll()
        poll.register(near, select.POLLRDHUP)
        return bool(poll.poll(0))

    def close(self):
        self.open()
        listening.end(self.listener, self.thread)


class Scene:
    def __init__(self, folder, registry_address):
        self.folder = folder
        self.to_registry = Gate(int(registry_address.rsplit(":", 1)[1]))
        self.platform = Platform(folder, "--registry", self.to_registry.address)
        self.vendor = Vendor(self.platform, folder)
        self.to_platform = Gate(self.platform.port)
        (folder / "token").write_text(self.vendor.token + "\n")
        (folder / "token").chmod(0o600)
        self.number = 0

    def package(self):
        self.number += 1
        version = f"1.0.{self.number}"
        self.vendor.package(version, SIZE)
        return version, self.folder / version / "package.mfpkg"

    def push(self, package):
        """Starts it."""
        return subprocess.Popen([BIN / "mifeng", "push", package], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "MIFENG_PLATFORM": "http://" + self.to_platform.address, "NO_COLOR": "1",
                                     "MIFENG_TOKEN_FILE": str(self.folder / "token"), "LC_ALL": "C",
                                     "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_CONFIG_HOME": str(self.folder)})

    def ended(self, process):
        out, errors = process.communicate(timeout=120)
        return process.returncode, out, errors

    def uploads(self):
        return sorted(path.name for path in (self.folder / "data/uploads").glob("*"))

    def notes(self):
        return list((self.folder / "cache/mifeng/uploads").glob("*"))

    def is_there(self, version):
        return self.vendor.ask("GET", f"/vendors/acme/models/digits/versions/{version}")[0] == 200

    def pushed_once_more(self, version, package):
        """The next push succeeds, and leaves nothing behind."""
        status, out, errors = self.ended(self.push(package))
        assert status == 0, errors
        assert version in out and self.is_there(version)
        wait_for("nothing left in the uploads", lambda: self.uploads() == [])
        assert self.notes() == []
        versions = self.vendor.ask("GET", "/models?page_size=200")[1]["items"]
        assert [one["version"] for one in versions].count(version) == 1
        return errors


@pytest.fixture(scope="module")
def scene(tmp_path_factory, registry):  # noqa: F811
    made = Scene(tmp_path_factory.mktemp("push"), registry)
    yield made
    made.to_platform.close()
    made.to_registry.close()
    assert made.platform.stop() == 0


@pytest.fixture(autouse=True)
def gates(scene):
    scene.to_platform.open()
    scene.to_registry.open()
    yield
    scene.to_platform.open()
    scene.to_registry.open()


def test_a_push_that_nobody_interrupts(scene):
    version, package = scene.package()
    assert "earlier push" not in scene.pushed_once_more(version, package)
    assert "already" in scene.pushed_once_more(version, package)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_signal_while_it_uploads(scene, number):
    version, package = scene.package()
    scene.to_platform.hold_after(3 * MIB)
    process = scene.push(package)
    assert scene.to_platform.held.wait(60)
    wait_for("the first bytes in the uploads", lambda: len(scene.uploads()) == 1)
    process.send_signal(number)
    status, out, errors = scene.ended(process)
    assert (status, out) == (128 + number, ""), errors
    assert "Interrupted. Nothing was submitted, and nothing is left on the platform" in errors
    assert scene.uploads() == [] and scene.notes() == [] and not scene.is_there(version)
    scene.to_platform.open()
    assert "earlier push" not in scene.pushed_once_more(version, package)


def push_beside_the_first(scene, version, package):
    """While the platform still verifies what an interrupted push brought."""
    second = scene.push(package)
    wait_for("the second upload", lambda: len([name for name in scene.uploads() if name.startswith("image-")]) == 2)
    scene.to_registry.open()
    assert scene.ended(second)[0] == 0
    wait_for("nothing left in the uploads", lambda: scene.uploads() == [])
    assert "already" in scene.pushed_once_more(version, package)


def test_a_signal_while_the_platform_verifies(scene):
    version, package = scene.package()
    scene.to_registry.hold_after(0, STORES)
    process = scene.push(package)
    assert scene.to_registry.held.wait(60), "the platform stores the image"
    process.send_signal(signal.SIGINT)
    status, out, errors = scene.ended(process)
    assert (status, out) == (130, ""), errors
    assert "the platform goes on verifying it" in errors and not scene.is_there(version)
    # The next one does not have to wait until that has ended.
    push_beside_the_first(scene, version, package)


def test_killed_while_it_uploads(scene):
    version, package = scene.package()
    scene.to_platform.hold_after(5 * MIB)
    process = scene.push(package)
    assert scene.to_platform.held.wait(60)
    process.kill()
    assert scene.ended(process)[0] == -signal.SIGKILL
    wait_for("a file in the uploads", lambda: len(scene.uploads()) == 1)
    upload, = scene.uploads()
    received = lambda: (scene.folder / "data/uploads" / upload).stat().st_size  # noqa: E731
    wait_for("what had come on the disk", lambda: received() >= 4 * MIB)
    assert not scene.is_there(version) and len(scene.notes()) == 1
    scene.to_platform.open()
    errors = scene.pushed_once_more(version, package)
    went_on = re.search(r"An earlier push of this file was cut off; going on at byte (\d+) of", errors)
    assert went_on and int(went_on[1]) >= 4 * MIB, errors


def test_killed_and_the_file_is_another_then(scene):
    _, package = scene.package()
    scene.to_platform.hold_after(3 * MIB)
    process = scene.push(package)
    assert scene.to_platform.held.wait(60)
    process.kill()
    scene.ended(process)
    wait_for("a file in the uploads", lambda: len(scene.uploads()) == 1)
    version, other = scene.package()
    other.rename(package)
    scene.to_platform.open()
    assert "earlier push" not in scene.pushed_once_more(version, package)


def test_killed_while_the_platform_verifies(scene):
    version, package = scene.package()
    scene.to_registry.hold_after(0, STORES)
    process = scene.push(package)
    assert scene.to_registry.held.wait(60)
    process.kill()
    scene.ended(process)
    assert len(scene.notes()) == 1 and not scene.is_there(version)
    push_beside_the_first(scene, version, package)


def test_mifengd_killed_while_it_verifies(scene):
    version, package = scene.package()
    scene.to_registry.hold_after(0, STORES)
    process = scene.push(package)
    assert scene.to_registry.held.wait(60)
    scene.platform.process.kill()
    scene.platform.process.wait()
    status, out, errors = scene.ended(process)
    assert (status, out) == (1, "") and "[connection-lost]" in errors, errors
    scene.to_registry.open()
    scene.platform.start()
    scene.to_platform.port = scene.platform.port
    assert not scene.is_there(version)
    assert [name for name in scene.uploads() if not name.startswith("up-")] == [], "the image's layout is swept away"
    assert "going on at byte" in scene.pushed_once_more(version, package)


def test_a_connection_that_is_cut_leaves_no_file(scene):
    version, package = scene.package()
    content = package.read_bytes()
    connection = http.client.HTTPConnection("127.0.0.1", scene.platform.port, timeout=60)
    connection.putrequest("POST", "/api/v1/packages")
    for field, value in (("Authorization", "Bearer " + scene.vendor.token), ("Content-Length", len(content)),
                         ("Content-Type", "application/vnd.mifeng.package")):
        connection.putheader(field, str(value))
    connection.endheaders(content[:2 * MIB])
    wait_for("the first bytes in the uploads", lambda: len(scene.uploads()) == 1)
    connection.close()
    wait_for("nothing left in the uploads", lambda: scene.uploads() == [])
    assert not scene.is_there(version)
    scene.pushed_once_more(version, package)
