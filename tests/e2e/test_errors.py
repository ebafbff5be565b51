"""Errors that need models, an engine and a gateway, as people see them: transcripts/*.txt against one installation. Their form
stands in tests/contract/transcripts/README.md, and so does which error stands where."""
import contextlib
import os
import pathlib
import signal
import socket
import tempfile

import pytest

import transcripts
from installation import SOURCE, Installation, wait_until

FOLDER = pathlib.Path(__file__).parent / "transcripts"
PLACEHOLDERS = [
    (r"\bmf-[0-9a-f]{8}-unruly(-[a-z]+)?-[0-9a-f]{6}-[0-9a-z-]+\b", "<unit>"),
    (r"\bu-?[0-9a-f]{6,}[0-9a-z-]*\b", "<unit>"),
    (r"\bunruly-[a-z]+-[0-9a-f]{6}-[0-9a-z-]+\b", "<unit>"),
    (r"\d+ s of \d+", "<n> s of <n>"),
    (r"(has run for|已运行) \d+ s", r"\1 <n> s"),
    (r"process \d+", "process <pid>"),
    (r"（进程 \d+）", "（进程 <pid>）"),
    (r'("request_id":")[0-9a-f]+', r"\1<hex>"),
]


@pytest.fixture(scope="module")
def installation():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        made = Installation(os.path.join(path, "d"), examples=SOURCE / "tests/e2e/models")
        with made:
            made.wait_answer("/unruly")
            made.another_version("unruly", pathlib.Path(path), "1.0.2", lambda text: text + "  progressDeadlineSeconds: 30\n")
            yield made
        assert made.left_behind() == []


@pytest.fixture
def variables(installation, tmp_path):
    """What a transcript may use. Whatever it stopped goes on after it."""
    key = tmp_path / "caller.key"
    key.write_text(installation.caller_key("transcripts") + "\n")
    key.chmod(0o600)
    pids = {"UP": installation.process.pid}
    for name, program in (("ENGINE", "podman"), ("PLATFORM", "mifengd")):
        pids[name] = installation.service_pid(program)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", installation.node_ports.last))
        holder.listen()
        yield {"MIFENG_PLATFORM": f"unix:{installation.data}/run/mifengd.sock", "GATEWAY": installation.gateway,
               "MIFENG_GATEWAY": installation.gateway, "KEY": key, "HELD_PORT": installation.node_ports.last,
               "XDG_CONFIG_HOME": tmp_path / "config", **pids}
    for pid in pids.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: installation.service_pid("podman") and installation.service_pid("mifengd"), 60, "the services")
    for one in installation.deployments():
        if one["name"] != "unruly":
            installation.api("DELETE", "/deployments/" + one["id"])
    wait_until(lambda: [one["name"] for one in installation.deployments()] == ["unruly"], 120, "the deletions")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("errors_*.txt")), ids=lambda path: path.stem)
def test_provoked_errors(path, installation, variables, tmp_path):
    played = transcripts.played(path, tmp_path, variables, [installation.data],
                                [*PLACEHOLDERS, (rf"\b{variables['HELD_PORT']}\b", "<port>")])
    transcripts.check(path, played)
