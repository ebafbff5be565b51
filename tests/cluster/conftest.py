import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(os.environ["MIFENG_SOURCE"]) / "tests/support"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import cluster  # noqa: E402


@pytest.fixture(scope="session")
def probe():
    """The program of probe.c."""
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        program = pathlib.Path(folder) / "probe"
        subprocess.run(["musl-gcc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-o", program,
                        pathlib.Path(__file__).with_name("probe.c")], check=True)
        yield program.read_bytes()


@pytest.fixture(scope="module")
def k8s():
    """One cluster for the tests of a file; an empty one for what a test of it calls its own namespace."""
    with cluster.start(what_for=f"pytest {os.environ.get('PYTEST_CURRENT_TEST', '')}") as made:
        yield made


@pytest.fixture
def image(k8s, probe):
    return k8s.push({"/probe": (probe, 0o755)}, ["/probe"], "probe")
