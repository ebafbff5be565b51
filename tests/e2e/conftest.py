import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from installation import Installation  # noqa: E402


@pytest.fixture
def folder():
    """A short path: sockets lie below it."""
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="module")
def model_installation():
    """One installation with the C++ example, for the tests of a file that leave it as it was."""
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        installation = Installation(pathlib.Path(path) / "d", only=["tumor-cpp"])
        with installation:
            yield installation
        assert installation.left_behind() == []
