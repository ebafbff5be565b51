"""Completion in bash, zsh and fish, each in its own shell, against a real platform: commands, flags, forms of output, kinds, and the names
that the platform has; and no more than that where it does not answer."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import BIN, Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

CASES = [  # what is typed before the word, its beginning, what is offered at least, what is not
    (["get"], "", {"models", "deployments", "batches"}, {"digits-tried"}),
    (["get"], "dep", {"deployments"}, {"models"}),
    (["get", "deployments"], "", {"digits-tried"}, {"models"}),
    (["get", "dep"], "dig", {"digits-tried"}, {"models"}),
    (["logs"], "", {"digits-tried"}, {"models"}),
    (["deploy"], "acme/", {"acme/digits@1.0.0", "acme/digits@2.0.0"}, {"digits-tried"}),
    (["get", "models", "-o"], "", {"table", "wide", "json", "yaml", "name"}, {"models"}),
    (["describe", "routes"], "", {"/tried"}, set()),
    (["key"], "", {"generate", "fingerprint", "export"}, {"digits-tried"}),
    (["deploy"], "--rep", {"--replicas"}, {"--route"}),
]
IDS = [" ".join([*words, word or "_"]) for words, word, _, _ in CASES]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, registry):  # noqa: F811
    folder = tmp_path_factory.mktemp("completion")
    running = Platform(folder, "--registry", registry)
    vendor = Vendor(running, running.folder)
    for version in ("1.0.0", "2.0.0"):
        vendor.accepted(version)
    home = {"HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "MIFENG_PLATFORM": f"unix:{running.local_socket}", "LC_ALL": "C.UTF-8",
            "TERM": "xterm"}
    subprocess.run([BIN / "mifeng", "deploy", "acme/digits@1.0.0", "--name", "digits-tried", "--route", "/tried"], env=home, check=True,
                   capture_output=True)
    yield home
    assert running.stop() == 0


def bash(environment, words, word):
    typed = " ".join(f"'{one}'" for one in ["mifeng", *words, word])
    script = f"source <(mifeng completion bash); COMP_WORDS=({typed}); COMP_CWORD={len(words) + 1}; _mifeng; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return run(["bash", "-c", script], environment)


def fish(environment, words, word):
    typed = " ".join(["mifeng", *words, word])
    return {line.split("\t")[0] for line in run(["fish", "--no-config", "-c", f"mifeng completion fish | source; complete -C '{typed}'"], environment)}


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n"))


def zsh(environment, words, word):
    """As somebody at a terminal has it: the line is typed, Tab is pressed, and what is listed is read."""
    setup = pathlib.Path(environment["HOME"]) / ".zshrc"
    setup.write_text("PS1='READY> '\nLISTMAX=10000\nsetopt no_beep no_always_last_prompt list_packed\nunsetopt auto_menu prompt_sp\n"
                     "zstyle ':completion:*' insert-tab false\nsource <(mifeng completion zsh)\nbindkey '^I' list-choices\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve("/usr/bin/zsh", ["zsh", "-i"], {**environment, "COLUMNS": "200"})
    shown = b""
    try:
        shown = read_until(terminal, b"READY> ")
        os.write(terminal, " ".join(["mifeng", *words, word]).encode() + b"\t")
        shown = read_until(terminal, b"READY> ")
    finally:
        os.write(terminal, b"\x15exit\n")
        os.close(terminal)
        os.waitpid(pid, 0)
    # The line that was typed is shown before and after what is listed.
    shown = shown.partition(b"\n")[2].partition(b"READY> ")[0]
    # What moves the cursor, clears and colours is no part of the words.
    return set(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\r\x08]", "\n", shown.decode(errors="replace")).split())


def read_until(terminal, mark):
    deadline, shown = time.monotonic() + 60, b""
    while mark not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536)
    return shown


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("shell", [bash, fish, zsh], ids=["bash", "fish", "zsh"])
def test_what_is_offered(shell, case, environment):
    assert shutil.which(shell.__name__, path="/usr/bin:/bin"), f"{shell.__name__} is not installed"
    words, word, offered, not_offered = case
    found = shell(environment, words, word)
    assert offered - found == set(), found
    assert not_offered & found == set()


def test_without_a_platform_there_is_what_the_program_knows_itself(environment):
    away = {**environment, "MIFENG_PLATFORM": "unix:/nonexistent/socket"}
    assert {"models", "deployments"} <= bash(away, ["get"], "")
    assert bash(away, ["get", "deployments"], "") <= {""}
    done = subprocess.run(["mifeng", "complete", "--", "get", "deployments"], env=away, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
