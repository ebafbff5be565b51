"""`mifeng pack` interrupted at each of its parts: what it started has ended, what was there before is there, nothing
half-made is left, and the next one succeeds. Each moment is found by something that is seen, never by waiting."""
import contextlib
import io
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import time

import pytest

import support
from conftest import SOURCE

WEIGHTS = 192 << 20  # enough that sealing and writing take a while
TINY_PACK = """language: tiny
description: What `prepare` made is the model
framework: tiny
build: build
command: [/app/model]
base: {packages: [libc6]}
"""
TINY_BUILD = """#!/usr/bin/python3
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
import mifeng_pack

def build(run):
    run.prepare()
    (run.payload / "model").write_text("model")
    run.copy_files()
    run.finish(["/app/model"], [])

mifeng_pack.main(build)
"""


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.002)
    return value


class Packing:
    """One project, its own cache, its own temporary folder, and an older package where the new one shall be."""

    def __init__(self, folder, keys, language="tiny"):
        self.folder, self.keys = folder, keys
        self.cache, self.temporary, self.out = folder / "cache", folder / "tmp", folder / "out"
        for made in (self.cache, self.temporary, self.out):
            made.mkdir()
        self.temporary.chmod(0o1777)
        self.project, self.package = folder / "project", self.out / "model.mfpkg"
        self.package.write_bytes(b"what was there")
        support.mifeng("init", self.project, "--language", "cpp" if language == "tiny" else language, "--vendor", "acme",
                       "--name", "adder")
        self.more = []
        if language == "tiny":
            self.packs = folder / "packs"
            (self.packs / "tiny").mkdir(parents=True)
            (self.packs / "common").symlink_to(SOURCE / "packs/common")
            (self.packs / "tiny/pack.yaml").write_text(TINY_PACK)
            (self.packs / "tiny/build").write_text(TINY_BUILD)
            (self.packs / "tiny/build").chmod(0o755)
            self.edit("language: cpp", "language: tiny")
            self.more += ["--packs", self.packs]

    def edit(self, old, new):
        path = self.project / "mifeng.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def named_base(self):
        """So that no packages need to be fetched."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as out:
            out.addfile(tarfile.TarInfo("base-file"))
        support.write_image(self.folder / "image", tar.getvalue())
        self.more += ["--base", f"oci:{self.folder / 'image'}:12"]

    def weights(self):
        with open(self.project / "weights.bin", "wb") as file:
            file.truncate(WEIGHTS)
        self.edit("sources: [src]", "sources: [src]\nfiles: [weights.bin]")

    def command(self):
        return [str(word) for word in (
            support.BIN / "mifeng", "pack", self.project, "--for", self.keys / "card.json", "--sign", self.keys / "vendor.key",
            "--cache", self.cache, "--output-file", self.package, *self.more)]

    @contextlib.contextmanager
    def started(self, wrapper=(), **environment):
        """TMPDIR is the sign by which every process that came of it is known."""
        with open(self.folder / "stderr", "wb") as errors:
            process = subprocess.Popen([*wrapper, *self.command()], stdout=subprocess.DEVNULL, stderr=errors,
                                       env={**os.environ, "TMPDIR": str(self.temporary), "MIFENG_MARK": str(self.folder),
                                            **environment})
        try:
            yield process
        finally:
            for pid, _ in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(20)

    def processes(self):
        """All that came of it and still runs, whatever group and parent it has now."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and f"MIFENG_MARK={self.folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found

    def comes(self, process, condition, what):
        """Waits for it while the process runs."""
        def seen():
            assert process.poll() is None, f"it ended before {what}: {self.said()}"
            return condition()
        return wait_until(seen, what)

    def running(self, *words):
        return any(all(word in command for word in words) for _, command in self.processes())

    def said(self):
        return (self.folder / "stderr").read_text()

    def nothing_half_made(self):
        assert [one.name for one in self.out.iterdir()] == ["model.mfpkg"]
        assert list((self.cache / "work").iterdir()) == []
        assert list(self.temporary.iterdir()) == []
        assert [str(path) for path in self.cache.rglob("*.part")] == []

    def interrupt(self, process, number):
        assert process.poll() is None, self.said()
        process.send_signal(number)
        assert process.wait(40) == 128 + number, self.said()
        wait_until(lambda: self.processes() == [], "the end of all that was started", 5)
        assert f"Interrupted. {self.package} is as it was before" in self.said(), self.said()
        assert "The same command packs it" in self.said() and "[interrupted]" in self.said()
        assert self.package.read_bytes() == b"what was there"
        self.nothing_half_made()

    def succeeds(self):
        done = subprocess.run(self.command(), capture_output=True, text=True, timeout=600,
                              env={**os.environ, "TMPDIR": str(self.temporary)})
        assert done.returncode == 0, done.stderr
        support.mifeng("verify", self.package, "--vendor", self.keys / "vendor.pub")
        self.nothing_half_made()


@pytest.fixture
def packing(tmp_path, keys):
    made = Packing(tmp_path, keys)
    made.named_base()
    return made


def prepare_that_stays(packing):
    """A command of the project with a child in a session of its own, which no signal to a group or terminal reaches. Gives
    what is seen once both run; without the file `stay` it ends at once."""
    (packing.project / "prepare.sh").write_text('cd "$(dirname "$0")"; [ -e "$STAY" ] || exit 0\n'
                                                'setsid sh -c "touch $STAY.child; exec sleep 1000" & echo preparing now; wait\n')
    packing.edit("sources: [src]", "sources: [src]\nprepare: [sh, prepare.sh]")
    stay = packing.folder / "stay"
    stay.touch()
    return stay


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_while_a_command_of_the_project_runs(packing, number):
    stay = prepare_that_stays(packing)
    with packing.started(STAY=str(stay)) as process:
        packing.comes(process, (packing.folder / "stay.child").exists, "the command's child")
        packing.interrupt(process, number)
    packing.succeeds()


def test_a_tool_that_does_not_listen_is_killed(packing):
    (packing.packs / "tiny/build").write_text("#!/bin/sh\ntrap '' TERM INT HUP\ntouch \"$STAY.child\"\n"
                                              "while :; do sleep 1000; done\n")
    with packing.started(STAY=str(packing.folder / "stay")) as process:
        packing.comes(process, (packing.folder / "stay.child").exists, "the tool")
        packing.interrupt(process, signal.SIGINT)


def test_what_nohup_protects_goes_on(packing):
    stay = prepare_that_stays(packing)
    with packing.started(wrapper=["nohup"], STAY=str(stay)) as process:
        packing.comes(process, (packing.folder / "stay.child").exists, "the command's child")
        process.send_signal(signal.SIGHUP)
        child = wait_until(lambda: [pid for pid, command in packing.processes() if command.startswith("sleep 1000")],
                           "the command's sleep")[0]
        os.kill(child, signal.SIGTERM)
        assert process.wait(120) == 0, packing.said()


def test_while_a_compiler_runs(packed, tmp_path, keys, cache):
    packed("tumor-cpp")  # so that the server has been compiled
    packing = Packing(tmp_path, keys, "cpp")
    packing.named_base()
    (packing.cache / "cpp").symlink_to(cache / "cpp")
    included = packing.folder / "included.h"  # whoever opens it waits for a writer
    os.mkfifo(included)
    source = packing.project / "src/model.cpp"
    text = source.read_text()
    source.write_text(f'#include "{included}"\n' + text)
    with packing.started() as process:
        with open(included, "wb"):  # returns once the compiler reads
            assert packing.running("cc1plus") and packing.running("ninja")
            packing.interrupt(process, signal.SIGINT)
    source.write_text(text)
    packing.succeeds()


def test_while_pip_fetches(tmp_path, keys):
    packing = Packing(tmp_path, keys, "python")
    packing.named_base()
    with socket.create_server(("127.0.0.1", 0)) as index:  # never answers
        index.settimeout(300)
        address = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        with packing.started(PIP_INDEX_URL=address, PIP_EXTRA_INDEX_URL="", PIP_RETRIES="0", PIP_CONFIG_FILE="/dev/null",
                             NO_PROXY="127.0.0.1", no_proxy="127.0.0.1") as process:
            connection, _ = index.accept()
            with connection:
                assert packing.running("pip", "install")
                packing.interrupt(process, signal.SIGINT)
    assert not any((packing.cache / "python/site").iterdir()), "what was half-installed"
    assert any((packing.cache / "python/tools").iterdir()), "what was finished stays"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda one: one.name)
def test_while_mmdebstrap_fetches(tmp_path, keys, number):
    packing = Packing(tmp_path, keys)
    with packing.started() as process:
        packing.comes(process, lambda: list(packing.temporary.glob("mmdebstrap.*/var/lib")), "mmdebstrap's tree")
        assert packing.running("mmdebstrap")
        if number == signal.SIGINT:
            packing.interrupt(process, number)
        else:
            process.kill()
            wait_until(lambda: not packing.processes(), "the end of what it had started", 20)
            assert list(packing.temporary.iterdir()) == [], "mmdebstrap takes its tree away itself"
    mounts = pathlib.Path("/proc/mounts").read_text()
    assert str(packing.folder) not in mounts


@pytest.mark.parametrize("moment", ["cache/work/pack-*/segments.tar", "out/.model.mfpkg.*.part"], ids=["sealing", "writing"])
def test_while_it_seals_and_writes(packing, moment):
    packing.weights()
    with packing.started() as process:
        packing.comes(process, lambda: list(packing.folder.glob(moment)), moment)
        packing.interrupt(process, signal.SIGINT)
    packing.succeeds()


def test_killed_while_a_command_of_the_project_runs(packing):
    stay = prepare_that_stays(packing)
    (packing.project / "prepare.sh").write_text((packing.project / "prepare.sh").read_text().replace("setsid ", ""))
    with packing.started(STAY=str(stay)) as process:
        packing.comes(process, (packing.folder / "stay.child").exists, "the command's child")
        process.kill()
        wait_until(lambda: not packing.processes(), "the end of what it had started", 20)
    packing.succeeds()


def test_killed_while_it_writes(packing):
    packing.weights()
    with packing.started() as process:
        packing.comes(process, lambda: list(packing.out.glob(".model.mfpkg.*.part")), "a half-written package")
        process.kill()
        process.wait(20)
    assert packing.package.read_bytes() == b"what was there"
    assert list(packing.out.glob(".*.part")) and list((packing.cache / "work").iterdir()), "what the next one finds"
    left_alone = packing.out / ".other.mfpkg.abcdef.part"
    left_alone.touch()
    packing.project.joinpath(".model.mfpkg.abcdef.part").touch()  # the default place is the project: it changes no digest
    with packing.started() as process:
        assert process.wait(300) == 0, packing.said()
    left_alone.unlink()
    packing.succeeds()
    assert "Nothing has changed" in subprocess.run(packing.command(), capture_output=True, text=True, timeout=60).stderr


def test_a_half_made_dependency_of_a_killed_build_is_taken_away(packing):
    (packing.packs / "tiny/build").write_text(TINY_BUILD.replace("    run.prepare()\n", """\
    run.cached("tiny", "key", lambda folder: (folder / "file").touch())
    run.prepare()
"""))
    for name in ("key.abcd1234.part", "other.4711.part"):
        (packing.cache / "tiny" / name).mkdir(parents=True)
    packing.succeeds()
    assert [one.name for one in (packing.cache / "tiny").iterdir()] == ["key"]
    shutil.rmtree(packing.cache / "tiny")
