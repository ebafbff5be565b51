import contextlib
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import wire  # noqa: E402


@pytest.fixture
def folder():
    # Short, because a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="mfw-", dir="/tmp") as path:
        yield pathlib.Path(path)


@pytest.fixture
def cast(folder):
    """Makes guards and gateways that end with the test, in the right order."""
    with contextlib.ExitStack() as stack:

        class Cast:
            output_key = wire.Key(folder, "output")

            def keep(self, thing):
                stack.callback(thing.stop)
                return thing

            def guard(self, name="g1", deployment="dep-1", **options):
                return self.keep(wire.Guard(folder, self.output_key, name, deployment, **options))

            def gateway(self, table, **options):
                return self.keep(wire.Gateway(folder, self.output_key, table, **options))

            def pair(self, routes=None, **options):
                guard = self.guard(**options)
                return guard, self.gateway(wire.table_of(guard, routes=routes))

            def meddled(self, request=lambda d: d, answer=lambda d: d, **options):
                """guard, gateway and who stands between them"""
                guard = self.guard(**options)
                between = self.keep(wire.Meddler(guard.port, request, answer))
                gateway = self.gateway(wire.table_of(guard, addresses={"dep-1": [between.address]}))
                return guard, gateway, between

        yield Cast()
