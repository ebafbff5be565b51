import pathlib
import subprocess
import tempfile

import pytest
from container import Container


@pytest.fixture(scope="session")
def model():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        program = pathlib.Path(folder) / "model"
        source = pathlib.Path(__file__).parent / "model.c"
        subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-static", "-pthread", "-o", program, source], check=True)
        yield program


@pytest.fixture
def container(model):
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        made = Container(pathlib.Path(folder) / "root", model)
        try:
            yield made
        finally:
            made.close()
