"""Transcripts: files of what a person types and what comes back (tests/contract/transcripts/README.md has their form),
played against what a test has started, and compared."""
import contextlib
import difflib
import os
import pathlib
import pty
import re
import signal
import subprocess
import threading

BIN = pathlib.Path(os.environ["MIFENG_BIN"])
HELPERS = pathlib.Path(__file__).parent / "transcript_commands"
LANGUAGES = {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}
COMMAND = re.compile(r"(en|zh)(-tty)?\$ (.*)")
SECONDS = 240  # for a command: far more than any bound that a transcript shows

# (pattern, what stands for it), in the order in which they are looked for.
PLACEHOLDERS = [
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"(_ms\"?: )1\d{12}", r"\1<time>"),
    (r"127\.0\.0\.1(:| port )\d+", r"127.0.0.1\1<port>"),
    (r"\b(ca|pe|rt|to|in|mv|up|bp|ba)-[0-9a-f]{16}\b", r"\1-<hex>"),
    (r"\b((?:digits|unruly)[a-z-]*)-[0-9a-f]{6,}\b", r"\1-<hex>"),
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
    (r"(for|已有) \d+ (s; it is waited|秒没有应答)", r"\1 <n> \2"),  # how far it came is a matter of time
    (r"(\"version\": \")0\.\d+\.\d+", r"\1<version>"),
]


def neutral(text, folders, more):
    """`text` without what differs from run to run, and with two spaces between columns."""
    for folder in folders:
        text = text.replace(str(folder), "<folder>")
    text = re.sub(r"(?<=\S) {2,}", "  ", text)
    for pattern, placeholder in [*more, *PLACEHOLDERS]:
        text = re.sub(pattern, placeholder, text, flags=re.M)
    return text


def run(command, **how):
    """(exit status, standard output, standard error). What hangs ends with all that it has started."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True, **how) as running:
        try:
            out, said = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
        return running.returncode, out, said


def on_a_terminal(command, **how):
    """(exit status, what a terminal was sent)"""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
                          **how) as running:
        os.close(theirs)
        ends = threading.Timer(SECONDS, os.killpg, [running.pid, signal.SIGKILL])
        ends.start()
        sent = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while piece := os.read(ours, 65536):
                sent += piece
        os.close(ours)
        status = running.wait()
        ends.cancel()
        return status, sent.decode()


def seen(sent):
    """Lines as they stand on the terminal, `| ` before each, and `~ ` before one that the next took the place of."""
    sent = re.sub(r"\x1b\[3[13]m(.*?)\x1b\[0m", r"<colour>\1</colour>", sent.replace("\r\n", "\n"))
    lines = []
    for line in sent.split("\n"):
        *passing, last = line.split("\r\x1b[K")
        # How often it was written anew is a matter of time.
        for one in passing:
            if one and f"~ {one}" not in lines:
                lines.append(f"~ {one}")
        lines += [f"| {last}"] if last else []
    return lines


def played(path, folder, variables, hidden=(), placeholders=()):
    """The transcript as it is now: its commands, and what they say. `hidden`: folders that are called <folder>."""
    environment = {"HOME": "/nonexistent", "PATH": f"{HELPERS}:{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
                   **{name: str(value) for name, value in variables.items()}}
    hidden = sorted([*map(str, hidden), str(folder)], key=len, reverse=True)
    lines = []
    for line in path.read_text().splitlines():
        if line.startswith("# ") or line == "#":
            lines.append(line)
        if not (command := COMMAND.fullmatch(line)):
            continue
        lines.append(line)
        language, terminal, typed = command.groups()
        how = {"cwd": folder, "env": {**environment, "LANG": LANGUAGES[language]}}
        shell = ["bash", "-o", "pipefail", "-c", typed]
        if terminal:
            status, sent = on_a_terminal(shell, **how)
            lines += seen(neutral(sent, hidden, placeholders))
        else:
            status, out, said = run(shell, **how)
            lines += [one.rstrip() for one in neutral(out, hidden, placeholders).splitlines()]
            lines += [f"! {one}".rstrip() for one in neutral(said, hidden, placeholders).splitlines()]
        lines += [f"= {status}"] if status else []
    return "\n".join(lines) + "\n"


def check(path, now):
    """That it is what stands there, in both languages; with MIFENG_REGENERATE it is written instead."""
    if os.environ.get("MIFENG_REGENERATE"):
        path.write_text(now)
    stands = path.read_text()
    assert now == stands, "\n".join(difflib.unified_diff(stands.splitlines(), now.splitlines(), "as it stands", "now", n=1,
                                                          lineterm=""))
    # A text that is shown in one language only would go unnoticed.
    commands = [match for match in map(COMMAND.fullmatch, now.splitlines()) if match]
    assert {command[1] for command in commands} == {"en", "zh"}
