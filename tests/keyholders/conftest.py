import contextlib
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import keyholders  # noqa: E402


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="mfk-", dir="/tmp") as path:
        pathlib.Path(path).chmod(0o755)  # the container's user has to reach the socket below it
        yield pathlib.Path(path)


@pytest.fixture
def stage(folder):
    """Makes platforms, containers and gateways that end with the test, last first."""
    with contextlib.ExitStack() as stack:

        class Stage:
            image = None
            platform = None
            callback = stack.callback

            def keep(self, thing):
                stack.callback(thing.stop)
                return thing

            def prepare(self, flavour="static", base=None):
                self.image = keyholders.Image(folder, flavour, base)
                self.platform = self.keep(keyholders.Platform(folder, self.image.root / "mifeng", self.image.payload))
                return self.platform

            def container(self, **options):
                return self.keep(keyholders.Container(folder, self.image, self.platform, **options))

            def pod(self, **options):
                return self.keep(keyholders.Pod(folder, self.image, self.platform, **options))

            def gateway(self, join=True, container=None, **options):
                path = folder / "join.json" if join else None
                return self.keep(keyholders.Gateway(folder, path, container, **options))

            folder = None

        made = Stage()
        made.folder = folder
        yield made
