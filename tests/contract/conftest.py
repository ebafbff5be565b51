"""A real mifengd with a database of its own, and one signed-in person of each role."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from one_platform import BIN, Platform  # noqa: E402, F401

DESCRIPTION = ROOT / "spec/openapi.yaml"
ROLES = ["administrator", "vendor", "operator", "auditor", "caller"]


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
