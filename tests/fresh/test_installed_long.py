"""The Debian package on a Debian 12 where nothing was installed: apt brings what it depends on, and then a vendor's first model is
packed and answers, and the examples answer as they did at the vendor's. No source tree is there, and no compiler before."""
import json
import os
import pathlib
import subprocess

import pytest

import roots

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
APT = ["apt-get", "-o", "APT::Sandbox::User=root", "-qq", "-y"]


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    subprocess.run([SOURCE / "tools/package", "--out", out], check=True, timeout=3000)
    [path] = out.glob("mifeng_*.deb")
    return path


@pytest.fixture(scope="module")
def installed(deb):
    """A root with the package in it; run(command...) runs in /root there."""
    log = pathlib.Path(os.environ["MIFENG_BUILD"]) / "fresh-installed.log"
    with roots.root_of("bookworm") as root, open(log, "w") as messages:
        def run(*command, expect=0):
            messages.write(f"$ {' '.join(map(str, command))}\n")
            messages.flush()
            done = roots.run_in(root, *command, folder="/root", stdout=subprocess.PIPE, stderr=messages, timeout=3000)
            messages.write(done.stdout)
            messages.flush()
            assert done.returncode == expect, log.read_text()[-6000:]
            return done.stdout

        assert run("sh", "-c", "command -v gcc c++ cmake python3 nginx podman mifeng; true") == ""
        subprocess.run(["cp", deb, root / "root/mifeng.deb"], check=True)
        run(*APT, "update")
        run("env", "DEBIAN_FRONTEND=noninteractive", *APT, "install", "./mifeng.deb")
        yield run


def test_it_is_there_and_lacks_nothing(installed):
    assert installed("mifeng", "version").startswith("mifeng ")
    assert "missing" not in installed("mifeng", "doctor")
    assert "missing" not in installed("mifeng", "doctor", "--pack")


def test_a_first_model_answers(installed):
    installed("mifeng", "init", "wheat", "--language", "cpp", "--vendor", "greenfield")
    assert json.loads(installed("mifeng", "run", "wheat")) == {"sum": 6.0}


def test_the_examples_answer_and_the_package_stays_as_it_was(installed):
    result = json.loads(installed("mifeng", "up", "--once").strip().splitlines()[-1])
    assert {model["name"] for model in result["models"]} == {"digits", "tumor"}
    assert all(model["agreement"] == 1 and model["calls"] > 0 for model in result["models"]), result
    assert installed("dpkg", "--verify", "mifeng") == ""
    owned = set(installed("dpkg", "-L", "mifeng").splitlines())
    there = installed("find", "/usr/share/mifeng", "/usr/lib/mifeng").splitlines()
    assert sorted(path for path in there if path not in owned) == []


def test_it_goes_away_without_a_trace(installed):
    installed(*APT, "remove", "mifeng")
    installed("sh", "-c", "! command -v mifeng && ! ls -d /usr/lib/mifeng /usr/share/mifeng /usr/share/doc/mifeng")
