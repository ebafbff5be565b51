"""What a Python pack loads before it seals: a wrong `entry`, a package that requirements lack and a module that fails end the packing,
with a sentence; what only the container has does not. And what somebody sees who waits."""
import os
import pty
import re
import subprocess

import pytest

import support
from conftest import SOURCE

SERVER = SOURCE / "packs/python/server/mifeng_serve.py"


@pytest.fixture
def project(tmp_path):
    support.mifeng("init", tmp_path / "adder", "--language", "python", "--vendor", "acme")
    return tmp_path / "adder"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_wrong_entry_does_not_get_as_far_as_sealing(project, keys, cache, tmp_path):
    package = tmp_path / "out.mfpkg"
    package.write_bytes(b"what was there")
    change(project / "mifeng.yaml", "entry: model.serve:predict", "entry: model.serve:predikt")
    done = support.pack(project, package, keys, cache, check=False)
    assert done.returncode == 1
    assert "model: model.serve has no function predikt; there are: predict" in done.stderr
    assert "loading the entry model.serve:predikt of mifeng.yaml failed" in done.stderr
    assert "sealing" not in done.stderr and package.read_bytes() == b"what was there"
    change(project / "mifeng.yaml", "model.serve:predikt", "model.server:predict")
    done = support.pack(project, package, keys, cache, check=False)
    assert done.returncode == 1 and "No module named 'model.server'" in done.stderr
    change(project / "mifeng.yaml", "model.server:predict", "model.serve:predict")
    assert support.pack(project, package, keys, cache).returncode == 0


def load(folder, *more, entry="entry:predict", site="/nowhere"):
    return subprocess.run(["/usr/bin/python3.11", "-I", "-B", SERVER, "--check", site, *more, entry], cwd=folder, capture_output=True,
                          text=True, timeout=60)


LOADED = {
    "a function": "def predict(request): return request",
    "a path of the container": "open('/app/weights.bin')\ndef predict(request): return request",
    "a thread that goes on": "import threading, time\nthreading.Thread(target=lambda: time.sleep(3600)).start()\n"
                             "def predict(request): return request",
    "metadata": "def metadata(): return {'inputs': []}\ndef predict(request): return request",
}
REFUSED = {
    "no such function": ("def other(request): return request", "has no function predict; there are: other"),
    "nothing to call": ("predict = 3", "has no function predict"),
    "a file that is not there": ("open('weights.bin')\ndef predict(request): pass", "No such file or directory: 'weights.bin'"),
    "a package that requirements lack": ("import surely_not_there\n", "No module named 'surely_not_there'"),
    "its own failure": ("raise RuntimeError('no good')", "RuntimeError: no good"),
    "metadata that fails": ("def metadata(): return {}['x']\ndef predict(request): pass", "KeyError"),
    "leaves the program": ("import sys\nsys.exit('gone')", "gone"),
}


@pytest.mark.parametrize("case", LOADED)
def test_what_loads(case, tmp_path):
    (tmp_path / "entry.py").write_text(LOADED[case])
    done = load(tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("/app/weights.bin may be there in the container alone" in done.stderr) == ("path of the container" in case)


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not(case, tmp_path):
    text, words = REFUSED[case]
    (tmp_path / "entry.py").write_text(text)
    done = load(tmp_path)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_what_this_machine_has_installed_is_not_taken_for_the_images(tmp_path):
    here = tmp_path / "dist-packages"
    here.mkdir()
    (here / "brought.py").write_text("x = 1")
    (tmp_path / "entry.py").write_text("import brought\ndef predict(request): pass")
    assert load(tmp_path).returncode == 1
    assert load(tmp_path, site=here).returncode == 0
    assert load(tmp_path, "--more").returncode == 0  # Debian packages or a base image may bring it
    # But of the vendor's own modules nothing is forgiven.
    (tmp_path / "entry.py").write_text("import helper.part\ndef predict(request): pass")
    (tmp_path / "helper").mkdir()
    assert load(tmp_path, "--more").returncode == 1


def test_writing_into_the_working_folder_is_refused(project, keys, cache, tmp_path):
    serve = project / "model/serve.py"
    serve.write_text(serve.read_text() + "\nopen('notes.txt', 'w').close()\n")
    done = support.pack(project, tmp_path / "out.mfpkg", keys, cache, check=False)
    assert done.returncode == 1
    assert "wrote notes.txt into the working folder, which is read-only where the model is deployed" in done.stderr


def on_terminal(*command):
    """What a terminal gets of standard error, and the status."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                break
            if not piece:
                break
            shown += piece
        status = process.wait(600)
    os.close(ours)
    return status, shown.decode(errors="replace")


def test_each_step_shows_how_far_it_is(keys, tmp_path, cache):
    project = support.copy_project(SOURCE / "examples/tumor-cpp", tmp_path / "project")
    # A step of which nobody knows how long it takes: the seconds are counted.
    change(project / "mifeng.yaml", "prepare: [sh, training/prepare.sh]", 'prepare: [sh, -c, "sleep 3; exec sh training/prepare.sh"]')
    # Its own layers, so that they are made before our eyes.
    own = tmp_path / "cache"
    own.mkdir()
    (own / "cpp").symlink_to(cache / "cpp")
    status, shown = on_terminal(support.BIN / "mifeng", "pack", project, "--for", keys / "card.json", "--sign", keys / "vendor.key",
                                "--cache", own, "--output-file", tmp_path / "out.mfpkg")
    assert status == 0, shown
    steps = ["building with cpp-httplib", "base layer", "checking the layers", "sealing the payload", "writing "]
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert re.search(r"\r\033\[K  \d+ s", shown)
    for what in ("base layer", "sealing", "writing"):
        assert re.search(rf"\r\033\[K{what} \[#+\] 100%", shown), what
    # Without a terminal none of it.
    done = support.pack(project, tmp_path / "out.mfpkg", keys, own, "--again")
    assert "[#" not in done.stderr and "\r" not in done.stderr
