"""A package that tools/package has made, once for a file of tests."""
import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
BUILD = pathlib.Path(os.environ["MIFENG_BUILD"])
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng/packs"
PLAIN = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def package(out, **environment):
    subprocess.run([SOURCE / "tools/package", "--out", out], check=True, env={**os.environ, **environment}, timeout=800)
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return package(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def deb(made):
    [path] = made.glob("mifeng_*.deb")
    return path


@pytest.fixture(scope="module")
def unpacked(deb, tmp_path_factory):
    """The package's tree in a folder of its own, where no installed Mifeng is."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def archive(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    [path] = made.glob("mifeng-*.tar.gz")
    subprocess.run(["tar", "-xf", path, "-C", folder], check=True)
    [tree] = folder.iterdir()
    return tree


@pytest.fixture(scope="module")
def delivery(unpacked, tmp_path_factory):
    """A package that the installed programs packed, and the public key of who signed it."""
    folder = tmp_path_factory.mktemp("delivery")
    subprocess.run([BUILD / "tests/package/make_card", folder], check=True)
    ours = unpacked / "usr/bin/mifeng"
    for command in (["init", "wheat", "--language", "cpp", "--vendor", "greenfield"],
                    ["pack", "wheat", "--for", "card.json", "--sign", "vendor.key", "--cache", CACHE]):
        done = subprocess.run([ours, *command], cwd=folder, env={**os.environ, **PLAIN}, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    return folder
