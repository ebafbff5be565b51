import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(os.environ["MIFENG_SOURCE"]) / "tests/e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from scene import Scene  # noqa: E402


@pytest.fixture(scope="session")
def scene():
    """One installation with the C++ example, and what an attacker with root on its machine can do around it."""
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        scene = Scene(pathlib.Path(path))
        with scene.installation:
            scene.look_around()
            try:
                yield scene
            finally:
                scene.clean_up()
        assert scene.installation.left_behind() == []


@pytest.fixture
def genuine(scene):
    """The genuine instance answers before an attack, and is the same and answers after it."""
    before = scene.instance()
    assert scene.predict()[0] == 200
    yield before
    assert scene.instance() == before, "the attack has ended the genuine instance"
    status, body = scene.predict()
    assert status == 200 and b"probability" in body
