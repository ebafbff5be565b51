"""./run --once and ./test in a Debian 12 where nothing was installed: whether the package lists suffice, to build, to run
and to test. Nothing is cached either, so that these take as long as the first time on any machine.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

import roots

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])


@pytest.fixture
def root():
    with roots.root_of("bookworm") as path:
        # What is in the repository, as a clone would have it.
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(SOURCE), str(path / "src")], check=True)
        yield path


def enter(root, *command):
    """Returns standard output; all that was said stands in fresh-COMMAND.log in the build folder."""
    log = pathlib.Path(os.environ["MIFENG_BUILD"]) / f"fresh-{command[0].strip('./')}.log"
    with open(log, "w") as messages:
        done = roots.run_in(root, *command, folder="/src", stdout=subprocess.PIPE, stderr=messages, timeout=3 * 3600)
        messages.write(done.stdout)
    assert done.returncode == 0, log.read_text()[-6000:]
    return done.stdout


def test_run_once_on_a_fresh_debian(root):
    result = json.loads(enter(root, "./run", "--once").strip().splitlines()[-1])
    assert {model["name"] for model in result["models"]} >= {"digits", "tumor"}
    assert all(model["agreement"] == 1 and model["calls"] > 0 for model in result["models"]), result


def test_test_on_a_fresh_debian(root):
    last = enter(root, "./test").strip().splitlines()[-1]
    passed, failed = re.fullmatch(r"(\d+) passed, (\d+) failed", last).groups()
    assert int(passed) > 0 and failed == "0"
