"""From a vendor's folder to an answer through the gateway, and everything away again, with nothing but `mifeng` commands:
as a vendor and an operator without the console do it. Each exit status is seen once on the way."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest
import yaml

from installation import BIN, CACHE, SOURCE, Installation, wait_until


class Shell:
    """A person's folder, environment and session."""

    def __init__(self, folder, installation):
        self.folder = folder
        self.installation = installation
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MIFENG_CACHE": str(CACHE)}

    def arguments(self, *words):
        return [str(BIN / "mifeng"), *map(str, words)]

    def __call__(self, *words, data=None, expect=0, timeout=600):
        done = subprocess.run(self.arguments(*words), input=data, capture_output=True, text=True, timeout=timeout,
                              env=self.environment, cwd=self.folder)
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if expect == 0 else done.stderr

    def start(self, *words):
        return subprocess.Popen(self.arguments(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.environment, cwd=self.folder)


@pytest.fixture(scope="module")
def shell():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        installation = Installation(folder / "d")
        with installation:
            home = folder / "home"
            home.mkdir()
            shutil.copytree(SOURCE / "tests/e2e/models/unruly", home / "unruly",
                            ignore=shutil.ignore_patterns("build", "*.mfpkg"))
            yield Shell(home, installation)
        assert installation.left_behind() == []


def read_line(stream, wanted, seconds=20):
    """Reads until `wanted` has come."""
    text, deadline = b"", time.monotonic() + seconds
    os.set_blocking(stream.fileno(), False)
    while wanted not in text:
        assert time.monotonic() < deadline, text
        piece = stream.read()
        if piece:
            text += piece
        else:
            assert piece is None, (text, "it has ended")
            time.sleep(0.02)
    return text


def test_from_a_folder_to_an_answer_and_back(shell):
    installation, folder = shell.installation, shell.folder

    # Signing in, with the first password from standard input and the new one from a file.
    words = installation.line("administrator").split()
    name, password = words[words.index("as") + 1], words[words.index("password") + 1]
    address = installation.line("platform")
    (folder / "password").write_text("a password for the tests\n")
    assert "--new-password-file" in shell("login", "--platform", address, "--name", name, data=password, expect=4)
    shell("login", "--platform", address, "--name", name, "--new-password-file", "password", data=password)
    assert shell("get", "deployments", "-o", "name") == ""

    # The vendor's key, registered and confirmed by its fingerprint.
    shell("key", "generate", "--output-file", "vendor.pem", "--public", "vendor.pub")
    fingerprint = shell("key", "fingerprint", "vendor.pub").strip()
    shell("vendor", "add", "unruly", "--name", "Unruly Models")
    shell("vendor", "propose-key", "unruly", "vendor.pub")
    shell("vendor", "confirm-key", "unruly", "--fingerprint", fingerprint)
    shell("key", "export", "--output-file", "platform.card")

    # pack, inspect, verify
    shell("pack", "unruly", "--for", "platform.card", expect=2)
    assert shell("pack", "unruly", "--for", "platform.card", "--sign", "vendor.pem", "--output-file", "unruly.mfpkg",
                 timeout=600) == "unruly.mfpkg\n"
    seen = json.loads(shell("inspect", "unruly.mfpkg", "-o", "json"))
    assert seen["model"]["name"] == "unruly"
    assert "unruly/unruly" in shell("verify", "unruly.mfpkg", "--vendor", "vendor.pub")
    shell("key", "generate", "--output-file", "other.pem", "--public", "other.pub")
    shell("verify", "unruly.mfpkg", "--vendor", "other.pub", expect=6)
    altered = bytearray((folder / "unruly.mfpkg").read_bytes())
    altered[len(altered) // 2] ^= 1
    (folder / "altered.mfpkg").write_bytes(altered)
    shell("push", "altered.mfpkg", expect=6)
    shell("push", "none.mfpkg", expect=3)

    # push, accept; other bytes under the same version are a conflict
    version = json.loads(shell("push", "unruly.mfpkg", "-o", "json"))
    assert version["state"] == "submitted"
    assert json.loads(shell("push", "unruly.mfpkg", "-o", "json"))["id"] == version["id"]
    usage = folder / "unruly/docs/usage.md"
    usage.write_text(usage.read_text() + "\nAnother sentence.\n")
    shell("pack", "unruly", "--for", "platform.card", "--sign", "vendor.pem", "--output-file", "other.mfpkg", timeout=600)
    assert "version" in shell("push", "other.mfpkg", expect=5)
    assert "accepted" in shell("deploy", "unruly/unruly@1.0.0", expect=5)
    assert json.loads(shell("accept", "unruly/unruly@1.0.0", "-o", "json"))["state"] == "accepted"

    # deploy, get
    deployment = json.loads(shell("deploy", "unruly/unruly@1.0.0", "--wait", "120", "-o", "json"))
    assert deployment["state"] == "ready"
    table = shell("get", "deployments").splitlines()
    assert table[0].split()[:4] == ["ID", "MODEL", "VERSION", "REVISION"] and table[1].split()[3:6] == ["1", "1/1", "ready"]
    assert shell("get", "deployments", "-o", "name").split() == [deployment["id"]]
    as_json = json.loads(shell("get", "deployment", "unruly", "-o", "json"))
    assert as_json["id"] == deployment["id"]
    as_yaml = yaml.safe_load(shell("get", "deployment", "unruly", "-o", "yaml"))
    assert as_yaml["units"][0]["name"] == as_json["units"][0]["name"]
    assert shell("get", "units", "unruly", "-o", "name").split() == [as_json["units"][0]["name"]]
    assert shell("get", "events", "unruly").splitlines()[0].split() == ["TIME", "DEPLOYMENT", "UNIT", "ACTION", "DETAIL"]
    assert shell("get", "clusters").splitlines()[1].split()[:3] == ["local", "podman", "ready"]
    assert json.loads(shell("cluster", "get", "local", "-o", "json"))["capacity"]["memory_bytes"]["all"] > 0
    shell("get", "deployment", "none", expect=3)

    # route, caller, a call through the gateway
    route = json.loads(shell("route", "add", "/unruly", "--to", "unruly", "-o", "json"))
    shell("route", "add", "/unruly", "--to", "unruly", "--name", "twice", expect=5)
    key = shell("caller", "add", "tests").strip()
    call = lambda body, with_key=key: installation.call("/unruly/predict", body, key=with_key)
    wait_until(lambda: call({"do": "nothing"})[0] == 200, 20, "an answer")
    assert json.loads(call({"do": "this"})[1]) == {"done": "this"}
    assert call({"do": "this"}, "mfk_wrong")[0] == 401
    shell("route", "limit", "/unruly", "--calls-per-minute", "1")
    wait_until(lambda: call({"do": "this"})[0] == 429, 20, "a call over the limit")
    shell("route", "limit", "/unruly", "--calls-per-minute", "0")
    wait_until(lambda: call({"do": "this"})[0] == 200, 20, "a call without one")

    # logs: what was written, and live
    assert "mode good" in shell("logs", "unruly")
    assert "mode good" in shell("logs", "unruly", "--unit", as_json["units"][0]["name"], "--timestamps", "--since", "1h")
    shell("logs", "unruly", "--unit", "none", expect=3)
    following = shell.start("logs", "unruly", "-f", "--tail", "1")
    try:
        read_line(following.stdout, b"\n")
        call({"do": "say", "text": "heard while it was said"})
        read_line(following.stdout, b"heard while it was said")
        shell("scale", "unruly", "--replicas", "0")
        _, error = following.communicate(timeout=60)
        assert following.returncode == 0, error
    finally:
        following.kill()
        following.communicate()

    # A revoked key is refused; scale, restart
    wait_until(lambda: json.loads(shell("get", "deployment", "unruly", "-o", "json"))["state"] == "stopped", 60, "stopped")
    assert json.loads(shell("scale", "unruly", "--replicas", "1", "-o", "json"))["replicas"] == 1
    wait_until(lambda: json.loads(shell("get", "deployment", "unruly", "-o", "json"))["state"] == "ready", 60, "ready")
    before = installation.containers()
    assert json.loads(shell("restart", "unruly", "--wait", "120", "-o", "json"))["id"] == deployment["id"]
    wait_until(lambda: installation.call("/unruly/predict", {"do": "this"}, key=key)[0] == 200, 60, "an answer again")
    assert len(before) == 1
    wait_until(lambda: len(installation.containers()) == 1, 60, "the end of the former unit")
    shell("caller", "revoke", "tests")
    wait_until(lambda: call({"do": "this"})[0] == 401, 20, "the refusal")

    # A model that never gets ready is not waited for longer than asked
    error = shell("deploy", "unruly/unruly@1.0.0", "--name", "late", "--env", "MODE=hang", "--wait", "3", expect=7)
    assert "not-ready" in error and "after 3 s" in error
    shell("delete", "deployment", "late")

    # Everything away again
    shell("delete", "route", route["id"])
    shell("delete", "deployment", "unruly", "none", expect=8)
    wait_until(lambda: shell("get", "deployments", "-o", "name") == "", 60, "the end of the deployment")
    shell("delete", "caller", "tests")
    shell("get", "route", route["id"], expect=3)
    done = json.loads(shell("audit", "verify", "-o", "json"))
    assert done["intact"] is True
    assert re.search(r"deployment\.delete", shell("get", "audit", "--limit", "20"))
