"""`mifeng doctor` on a machine that lacks things: each is named with how to get it. What lacks is covered up in a mount
namespace of the test's own."""
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from installation import BIN, SOURCE, free_port

COVER = 'for file in $1; do mount --bind /dev/null "$file"; done; shift; exec "$@"'


def doctor(*arguments, without=(), path=os.environ["PATH"]):
    """Exit status, and state and remedy by what was looked at."""
    done = subprocess.run(["unshare", "--mount", "bash", "-ec", COVER, "cover", " ".join(map(str, without)), str(BIN / "mifeng"),
                           "doctor", *map(str, arguments)], capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path})
    return done.returncode, done.stdout, done.stderr


def line(text, what):
    found = [one for one in text.splitlines() if re.match(rf"(ok|warning|missing)\s+{re.escape(what)}\s\s", one)]
    assert len(found) == 1, text
    return found[0]


def test_a_machine_that_has_all(tmp_path):
    status, text, errors = doctor("--data", tmp_path / "d", "--platform-port", free_port(), "--gateway-port", free_port(),
                                  "--registry-port", free_port())
    assert status == 0, text + errors
    for what in ["podman", "runc", "docker-registry", "nginx", "nginx module", "guard image", "mmdebstrap", "skopeo",
                 "SM2 in OpenSSL", "SM4 by this processor", "cgroups", "port of the platform", "port of the gateway", "port of the registry"]:
        assert line(text, what).startswith("ok "), text
    assert not (tmp_path / "d").exists()


PROGRAMS = {"podman": "podman", "runc": "runc", "conmon": "conmon", "docker-registry": "docker-registry", "nginx": "nginx",
            "mmdebstrap": "mmdebstrap", "skopeo": "skopeo", "iptables": "iptables", "python3.11": "python3", "cmake": "cmake",
            "ninja": "ninja-build", "gcc": "build-essential"}


def places(program):
    folders = os.environ["PATH"].split(":") + ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {str(pathlib.Path(folder, program).resolve()) for folder in folders if pathlib.Path(folder, program).exists()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_missing_is_named_with_its_package(program, tmp_path):
    status, text, _ = doctor("--data", tmp_path / "d", without=places(program))
    assert status == 1
    found = line(text, program)
    assert found.startswith("missing ")
    assert f"apt-get install --no-install-recommends {PROGRAMS[program]}" in found


def test_two_at_once_with_a_path_that_has_nothing(tmp_path):
    status, text, _ = doctor("--data", tmp_path / "d", without=places("podman") | places("docker-registry"), path="/nowhere:/usr/bin:/bin")
    assert status == 1
    assert line(text, "podman").startswith("missing ") and line(text, "docker-registry").startswith("missing ")
    assert line(text, "nginx").startswith("ok ")  # in /usr/sbin, where `mifeng up` looks too


@pytest.mark.parametrize("part", ["index.json", "blobs"])
def test_a_guard_image_that_is_not_there(part, tmp_path):
    shutil.copytree(SOURCE / "build/guard-image", tmp_path / "guard")
    (tmp_path / "guard" / part).rename(tmp_path / part)
    status, text, _ = doctor("--data", tmp_path / "d", "--guard", tmp_path / "guard")
    assert status == 1
    found = line(text, "guard image")
    assert found.startswith("missing ") and "--guard" in found


def test_a_port_that_is_held_is_named_with_its_holder(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        _, text, _ = doctor("--data", tmp_path / "d", "--registry-port", port)
    found = line(text, "port of the registry")
    assert found.startswith("warning ")
    assert f"127.0.0.1:{port} is held by" in found and f"(process {os.getpid()})" in found and "--registry-port" in found


def test_a_small_disk_is_said(tmp_path):
    command = 'mount -t tmpfs -o size=64m tmpfs "$1"; exec "$2" doctor --data "$1/d"'
    done = subprocess.run(["unshare", "--mount", "bash", "-ec", command, "disk", str(tmp_path), str(BIN / "mifeng")],
                          capture_output=True, text=True, timeout=60)
    found = line(done.stdout, "disk space")
    assert found.startswith("warning ") and "0 GiB free" in found and "--data" in found
