"""`mifeng run`: a vendor's model, packed, sealed, deployed and called on a throw-away platform by one command; a model that does not
run; and nothing that is left, also of a run that was killed."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from installation import BIN, CACHE, interruptible, processes, wait_until
from ports import NodePorts


@pytest.fixture
def project(folder):
    subprocess.run([BIN / "mifeng", "init", folder / "wheat", "--language", "cpp", "--vendor", "greenfield"], check=True,
                   capture_output=True)
    return folder / "wheat"


@pytest.fixture(scope="module")
def node_ports():
    return NodePorts()


def command(project, node_ports, *more):
    return [str(BIN / "mifeng"), "run", str(project), "--port-range", str(node_ports), *more]


def run(project, node_ports, *more):
    return subprocess.run(command(project, node_ports, "--cache", str(CACHE), *more), capture_output=True, text=True, timeout=600,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})


def left():
    """Folders, processes, mounts and network links of any run."""
    mounts = pathlib.Path("/proc/mounts").read_text().splitlines()
    return ([str(path) for path in pathlib.Path("/var/tmp").glob("mifeng-run-*")] +
            [f"{pid}: {' '.join(words)}" for pid, _, words in processes() if any("/var/tmp/mifeng-run-" in word for word in words)] +
            [line for line in mounts if "/var/tmp/mifeng-run-" in line])


def test_one_command_packs_seals_and_calls(project, node_ports):
    done = run(project, node_ports)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"sum": 6.0}
    assert "as calls.jsonl has it" in done.stderr
    steps = ["starting the platform", "packing wheat", "sealing the payload", "submitting", "deploying wheat",
             "sealed: the model's own port gives", "POST /wheat/predict is answered 200; opened by the gateway"]
    places = [done.stderr.index(step) for step in steps]
    assert places == sorted(places)
    assert re.search(r"gives \d+ bytes that nobody but a gateway can read, signed by instance \S+", done.stderr)
    assert left() == []

    # With something else to send; what the model refuses is shown as it says it.
    done = run(project, node_ports, "-d", '{"numbers": [40, 2]}')
    assert done.returncode == 0 and json.loads(done.stdout) == {"sum": 42.0}, done.stderr
    done = run(project, node_ports, "-d", "{}")
    assert done.returncode == 1 and "error" in json.loads(done.stdout), done.stderr
    assert left() == []


def test_an_answer_that_is_not_as_written_down(project, node_ports):
    (project / "calls.jsonl").write_text('{"path": "/predict", "request": {"numbers": [1]}, "answer": {"sum": 2}}\n')
    done = run(project, node_ports)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"sum": 1.0} and "not as calls.jsonl has it" in done.stderr
    (project / "calls.jsonl").unlink()
    done = run(project, node_ports)
    assert done.returncode == 0 and json.loads(done.stdout) == {"ready": True}
    assert "there is no calls.jsonl" in done.stderr


def test_a_model_that_does_not_run_says_why(project, node_ports):
    source = project / "src/model.cpp"
    source.write_text(source.read_text() + '\n#include <cstdio>\n#include <cstdlib>\n'
                      'static const bool kLoaded = (std::fputs("weights.bin is not there\\n", stderr), std::exit(3), true);\n')
    done = run(project, node_ports)
    assert done.returncode == 1
    assert "weights.bin is not there" in done.stderr and "[not-deployed]" in done.stderr, done.stderr
    assert done.stdout == ""
    assert left() == []


def test_usage(project, node_ports, folder):
    done = run(folder, node_ports)
    assert done.returncode == 3 and "`mifeng init` makes one" in done.stderr
    done = run(project, node_ports, "--path", "predict")
    assert done.returncode == 2 and "begins with a slash" in done.stderr
    done = subprocess.run(["setpriv", "--reuid", "4321", "--regid", "4321", "--clear-groups", *command(project, node_ports)],
                          capture_output=True, text=True, timeout=60, cwd="/", env={**os.environ, "HOME": "/nonexistent"})
    assert done.returncode in (3, 4) and left() == []


def test_what_is_packed_under_sudo_is_the_users(project, node_ports, folder):
    """Whoever asked sudo packs, in his folder and in his cache; root runs what came of it."""
    nobody = 65534
    change = project / "mifeng.yaml"
    change.write_text(change.read_text().replace("sources: [src]", 'sources: [src]\nprepare: [sh, -c, "id -u > made-by; id -G >> made-by"]'))
    cache = folder / "cache"
    shutil.copytree(CACHE / "cpp", cache / "cpp")
    shutil.copytree(CACHE / "base", cache / "base")
    shutil.copytree(CACHE / "layers", cache / "layers")
    folder.chmod(0o755)
    for path in [project, *project.rglob("*"), cache, *cache.rglob("*")]:
        os.chown(path, nobody, nobody)
    asked = {**os.environ, "LC_ALL": "C.UTF-8", "SUDO_UID": str(nobody), "SUDO_GID": str(nobody)}
    done = subprocess.run([*command(project, node_ports), "--cache", str(cache)], capture_output=True, text=True, timeout=600, env=asked)
    assert done.returncode == 0 and json.loads(done.stdout) == {"sum": 6.0}, done.stderr
    assert (project / "made-by").read_text().split() == [str(nobody)] * 2
    assert {path.stat().st_uid for path in [*project.rglob("*"), *cache.rglob("*")]} == {nobody}
    assert left() == []

    # A folder that is somebody else's is packed by root, whoever asked.
    (project / "made-by").unlink()
    os.chown(project, 0, 0)
    done = subprocess.run([*command(project, node_ports), "--cache", str(cache)], capture_output=True, text=True, timeout=600, env=asked)
    assert done.returncode == 0 and (project / "made-by").read_text().split()[0] == "0", done.stderr


def staying(project, node_ports):
    """A run that stays; the process, and the curl line that it printed."""
    log = open(project.parent / "run.log", "w+")
    process = subprocess.Popen(command(project, node_ports, "--cache", str(CACHE), "--stay"), stdout=subprocess.PIPE, stderr=log, text=True,
                               preexec_fn=interruptible)
    path = pathlib.Path(log.name)
    wait_until(lambda: "curl -H" in path.read_text() or process.poll() is not None, 300, path.read_text)
    assert process.poll() is None, path.read_text()
    return process, next(line for line in path.read_text().splitlines() if line.startswith("curl -H"))


def test_it_stays_and_the_printed_line_works_until_ctrl_c(project, node_ports):
    process, line = staying(project, node_ports)
    answer = subprocess.run(["bash", "-c", line + " -sS"], capture_output=True, text=True, timeout=60)
    assert json.loads(answer.stdout) == {"sum": 6.0}, answer.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    assert left() == []


def test_what_a_killed_run_left_goes_with_the_next(project, node_ports):
    process, _ = staying(project, node_ports)
    process.kill()
    process.wait()
    assert left() != []
    done = run(project, node_ports)
    assert done.returncode == 0 and json.loads(done.stdout) == {"sum": 6.0}, done.stderr
    assert "removing what an earlier run left" in done.stderr
    assert left() == []
