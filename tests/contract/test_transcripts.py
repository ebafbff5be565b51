"""Input and output of the command line as people see it: transcripts/*.txt (the README there says how to read and
regenerate them), each against one real platform."""

import json
import pathlib
import re
import socket

import pytest

import transcripts
from conftest import Platform
from small_disk import SmallDisk
from submitting import Vendor, registry  # noqa: F401 - a fixture

FOLDER = pathlib.Path(__file__).parent / "transcripts"


@pytest.fixture(scope="module")
def own(tmp_path_factory, registry):  # noqa: F811
    running = Platform(tmp_path_factory.mktemp("transcripts"), "--registry", registry)
    running.vendor = Vendor(running, running.folder)
    for version in ("1.0.0", "2.0.0"):
        running.vendor.accepted(version)
    yield running
    assert running.stop() == 0


def token_of(platform, name, password):
    """A session of its own for each transcript: one of them ends it."""
    status, session, _ = platform.request("POST", "/session", body={"name": name, "password": password})
    assert status == 200, session
    return session["token"]


def variables_of(platform, folder):
    """What each transcript may use of the platform that it is signed in to as the administrator."""
    config = folder / "config/mifeng"
    config.mkdir(parents=True)
    (config / "session.json").write_text(json.dumps({
        "platform": platform.url, "ca_file": "", "pin": "",
        "token": token_of(platform, "admin", "long enough for admin")}))
    (config / "session.json").chmod(0o600)
    return {"XDG_CONFIG_HOME": config.parent, "XDG_CACHE_HOME": folder / "cache", "URL": platform.url,
            "SOCKET": f"unix:{platform.local_socket}"}


@pytest.mark.parametrize("path", [path for path in sorted(FOLDER.glob("*.txt")) if not path.stem.startswith("errors_")],
                         ids=lambda path: path.stem)
def test_transcript(path, own, tmp_path):
    transcripts.check(path, transcripts.played(path, tmp_path, variables_of(own, tmp_path), [own.folder]))


class Faulty:
    """What goes wrong, beside the platform that works."""

    def __init__(self, folder):
        self.folder = folder
        self.sockets, self.platforms = [], []
        self.packages = folder / "packages"
        self.packages.mkdir()

    def port(self, listens):
        """A port that nobody listens on, or that somebody does who never says a word: the kernel takes the
        connections, and nobody reads them."""
        held = socket.socket()
        held.bind(("127.0.0.1", 0))
        if listens:
            held.listen()
        self.sockets.append(held)
        return f"127.0.0.1:{held.getsockname()[1]}"

    def platform(self, name, registry_address, **how):
        """Another one, whose vendor has one package in packages/NAME.mfpkg."""
        folder = self.folder / name
        folder.mkdir()
        made = Platform(folder, "--registry", registry_address, **how)
        self.platforms.append(made)
        (self.packages / f"{name}.mfpkg").write_bytes(Vendor(made, folder).package("1.0.0", 200_000))
        return made

    def end(self):
        for one in self.platforms:  # not asked: one that waits for its registry would first do so to the end
            one.process.kill()
            one.process.wait()
            one.log.close()
        for one in self.sockets:
            one.close()


@pytest.fixture(scope="module")
def faulty(own, registry, tmp_path_factory):  # noqa: F811
    made = Faulty(tmp_path_factory.mktemp("faulty"))
    small = SmallDisk(made.folder / "small")
    full = made.platform("full-disk", registry, data=small.folder, inside=small.inside)
    small.leave(16 << 10)
    away = made.platform("registry-away", made.port(False))
    hangs = made.platform("registry-hangs", made.port(True))
    vendor = own.vendor
    for version, size in (("3.0.0", 1000), ("4.0.0", 1000)):
        (made.packages / f"{version}.mfpkg").write_bytes(vendor.package(version, size))
    (vendor.folder / "3.0.0").rename(vendor.folder / "3.0.0-first")
    (made.packages / "3.0.0-other.mfpkg").write_bytes(vendor.package("3.0.0", 2000))
    (made.folder / "ann.token").write_text(vendor.token + "\n")
    made.variables = {
        "FULL_DISK": f"unix:{full.local_socket}", "REGISTRY_AWAY": f"unix:{away.local_socket}",
        "REGISTRY_HANGS": f"unix:{hangs.local_socket}", "PLATFORM_AWAY": f"http://{made.port(False)}",
        "PLATFORM_HANGS": f"http://{made.port(True)}", "PACKAGES": made.packages, "VENDOR_KEY": vendor.folder / "vendor.key",
        "CARD": vendor.folder / "card.json", "VENDOR_TOKEN": made.folder / "ann.token"}
    yield made
    made.end()
    small.stop()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("errors_*.txt")), ids=lambda path: path.stem)
def test_provoked_errors(path, own, faulty, tmp_path):
    variables = {**variables_of(own, tmp_path), **faulty.variables}
    transcripts.check(path, transcripts.played(path, tmp_path, variables, [own.folder, faulty.folder]))


ERRORS = {"wrong YAML", "unknown field", "missing document", "wrong card", "package cut", "wrong password", "no login",
          "same version with other bytes", "not accepted", "port taken", "port out of range", "right missing",
          "crash at start", "listens elsewhere", "never ready", "no caller key", "unknown prefix", "body too large", "disk full",
          "registry down", "registry hung", "engine down", "engine hung", "platform down", "platform hung", "Ctrl-C",
          "typo", "output formats"}


def test_the_list_of_errors():
    """README.md says where each stands; what is under a remark goes on to the next, and has both languages."""
    rows = [re.split(r" *\| *", line)[1:4] for line in (FOLDER / "README.md").read_text().split("## The errors")[1].splitlines()
            if line.startswith("| ")][1:]
    assert {error for error, _, _ in rows} == ERRORS
    for _, file, remark in rows:
        folder = FOLDER.parents[1] / "e2e/transcripts" if file.startswith("e2e/") else FOLDER
        text = (folder / (file.removeprefix("e2e/") + ".txt")).read_text()
        under = [part for part in re.split(r"^# ", text, flags=re.M) if part.startswith(remark)]
        assert len(under) == 1, (file, remark)
        assert {found[1] for found in map(transcripts.COMMAND.fullmatch, under[0].splitlines()) if found} == {"en", "zh"}, remark
    listed = {file for _, file, _ in rows}
    there = {path.stem for path in FOLDER.glob("errors_*.txt")} | {
        f"e2e/{path.stem}" for path in (FOLDER.parents[1] / "e2e/transcripts").glob("errors_*.txt")}
    assert there <= listed
