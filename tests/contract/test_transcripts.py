"""Input and output of the command line as people see it: transcripts/*.txt (the README there says how to read and
regenerate them), each against one real platform."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BIN, Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

FOLDER = pathlib.Path(__file__).parent / "transcripts"
LANGUAGES = {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}
PLACEHOLDERS = [
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"(_ms\"?: )1\d{12}", r"\1<time>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"\b(ca|pe|rt|to|in|mv)-[0-9a-f]{16}\b", r"\1-<hex>"),
    (r"\b(digits[a-z-]*)-[0-9a-f]{6,}\b", r"\1-<hex>"),
    (r"(?:[0-9A-F]{4} ){15}[0-9A-F]{4}", "<fingerprint>"),
    (r"(?:[0-9A-F]{4} ){4}\.\.\.", "<key id>"),
    (r"^(header|头部)  \d+", r"\1  <length>"),  # its signature is a few bytes longer or shorter
    (r"\b([0-9a-f]{32}|[0-9a-f]{64})\b", "<hex>"),
    (r"\b3\d{4}\b", "<port>"),
    (r"(?<=  )\d{1,3}[sm](?=  |$)", "<age>"),
    # What a deployment waits for is something else a moment later.
    (r"(?<=  )(pending|starting|等待|启动中)(?=  |$)", "<state>"),
    (r"(?<=<age>  )\S.*$", "<reason>"),
    (r"^(REASON|原因)  (?!-$).*$", r"\1  <reason>"),
    (r"\bmifeng \d+\.\d+\.\d+", "mifeng <version>"),
    (r"(\"version\": \")0\.\d+\.\d+", r"\1<version>"),
]


@pytest.fixture(scope="module")
def own(tmp_path_factory, registry):  # noqa: F811
    running = Platform(tmp_path_factory.mktemp("transcripts"), "--registry", registry)
    running.vendor = Vendor(running, running.folder)
    for version in ("1.0.0", "2.0.0"):
        running.vendor.accepted(version)
    yield running
    assert running.stop() == 0


def session_of(platform):
    """A session of its own for each transcript: one of them ends it."""
    status, session, _ = platform.request("POST", "/session", body={"name": "admin", "password": "long enough for admin"})
    assert status == 200, session
    return json.dumps({"platform": platform.url, "ca_file": "", "pin": "", "token": session["token"]})


def neutral(text, *folders):
    """`text` without what differs from run to run, and with two spaces between columns."""
    for folder in folders:
        text = text.replace(str(folder), "<folder>")
    text = re.sub(r"(?<=\S) {2,}", "  ", text)
    for pattern, placeholder in PLACEHOLDERS:
        text = re.sub(pattern, placeholder, text, flags=re.M)
    return text


def played(path, platform, folder):
    """The transcript as it is now: its commands, and what they say."""
    config = folder / "config/mifeng"
    config.mkdir(parents=True)
    (config / "session.json").write_text(session_of(platform))
    (config / "session.json").chmod(0o600)
    home = {"XDG_CONFIG_HOME": str(config.parent), "HOME": "/nonexistent", "PATH": f"{BIN}:/usr/bin:/bin",
            "URL": platform.url, "SOCKET": f"unix:{platform.local_socket}"}
    lines = []
    for line in path.read_text().splitlines():
        if line.startswith("# ") or line == "#":
            lines.append(line)
        if line[:4] not in ("en$ ", "zh$ "):
            continue
        lines.append(line)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line[4:]], capture_output=True, text=True, timeout=60,
                              cwd=folder, env={**home, "LANG": LANGUAGES[line[:2]]})
        lines += [one.rstrip() for one in neutral(done.stdout, platform.folder, folder).splitlines()]
        lines += [f"! {one}".rstrip() for one in neutral(done.stderr, platform.folder, folder).splitlines()]
        lines += [f"= {done.returncode}"] if done.returncode else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path, own, tmp_path):
    now = played(path, own, tmp_path)
    if os.environ.get("MIFENG_REGENERATE"):
        path.write_text(now)
    assert now == path.read_text()
    # A text that is shown in one language only would go unnoticed.
    commands = re.findall(r"^(en|zh)\$ (.*)$", now, flags=re.M)
    assert {language for language, _ in commands} == {"en", "zh"}
