import os
import pathlib
import subprocess

import pytest

BIN = pathlib.Path(os.environ.get("MIFENG_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/bin"))


class Mifeng:
    """The program, as a user calls it."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *arguments, data=b""):
        return subprocess.run([BIN / "mifeng", *map(str, arguments)], input=data, capture_output=True, timeout=60,
                              cwd=self.folder)

    def __call__(self, *arguments, data=b""):
        done = self.run(*arguments, data=data)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def generate_key(self, name):
        self("key", "generate", "--output-file", f"{name}.pem", "--public", f"{name}.pub.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.pub.pem"


@pytest.fixture
def mifeng(tmp_path):
    return Mifeng(tmp_path)
