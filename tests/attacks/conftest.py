import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(os.environ["MIFENG_SOURCE"]) / "tests/e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from scene import Scene  # noqa: E402  (and with it tests/support)

from one_platform import Platform  # noqa: E402


@pytest.fixture
def platform(tmp_path):
    """A mifengd without an engine, with an administrator who has signed in."""
    running = Platform(tmp_path)
    first = running.request("POST", "/system/first-administrator", local=True)[1]
    running.administrator = running.sign_in(first["name"], first["password"])
    yield running
    assert running.stop() == 0


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
