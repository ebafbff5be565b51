"""`mifeng up --once`: from the sources of the example models to answers that are all right."""
import time

from installation import Installation


def all_right(result, name, calls):
    models = {model["name"]: model for model in result["models"]}
    assert models[name]["agreement"] == 1
    assert models[name]["calls"] >= calls


def test_the_examples_answer_through_the_gateway_as_in_the_vendors_process(folder):
    installation = Installation(folder / "d", only=["tumor-cpp", "digits-python"])
    status, result, messages = installation.once()
    assert status == 0, messages
    all_right(result, "tumor", 50)
    all_right(result, "digits", 360)
    assert installation.left_behind() == []

    # Nothing was changed, so nothing is packed again.
    packages = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in installation.data.rglob("*.mfpkg")}
    assert len(packages) == 2
    started = time.monotonic()
    status, result, messages = installation.once()
    assert status == 0, messages
    all_right(result, "digits", 360)
    assert time.monotonic() - started < 60
    assert packages == {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in installation.data.rglob("*.mfpkg")}
    assert installation.left_behind() == []
