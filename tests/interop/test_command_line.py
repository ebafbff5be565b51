"""mifeng key, seal, open, inspect, as people use them."""
import json
import os
import pathlib
import subprocess

import pytest


@pytest.fixture
def sealed(mifeng, tmp_path):
    mifeng.generate_key("receiver")
    mifeng.generate_key("signer")
    plaintext = os.urandom(200_000)
    stream = mifeng("seal", "--kind", "payload", "--to", "receiver.pub.pem", "--sign", "signer.pem", data=plaintext)
    return plaintext, stream


def test_files_and_pipes_give_the_same(mifeng, tmp_path, sealed):
    plaintext, stream = sealed
    (tmp_path / "in").write_bytes(stream)
    mifeng("open", "-k", "receiver.pem", "-i", "in", "--output-file", "out")
    assert (tmp_path / "out").read_bytes() == plaintext
    assert mifeng("open", "-k", "receiver.pem", data=stream) == plaintext


@pytest.mark.parametrize("change,failure", [
    (lambda s: s[:-1], b"[truncated]"), (lambda s: s + b"x", b"[trailing-data]"), (lambda s: b"", b"[truncated]"),
    (lambda s: s[:-1] + bytes([s[-1] ^ 1]), b"[bad-tag]"), (lambda s: b"X" + s[1:], b"[bad-magic]")])
def test_a_refused_stream_leaves_no_file(mifeng, tmp_path, sealed, change, failure):
    before = set(os.listdir(tmp_path))
    done = mifeng.run("open", "-k", "receiver.pem", "--output-file", "out", data=change(sealed[1]))
    assert done.returncode == 6
    assert failure in done.stderr
    assert done.stdout == b""
    assert set(os.listdir(tmp_path)) == before


def test_a_refused_stream_leaves_the_old_file(mifeng, tmp_path, sealed):
    (tmp_path / "out").write_bytes(b"old")
    assert mifeng.run("open", "-k", "receiver.pem", "--output-file", "out", data=sealed[1][:-1]).returncode == 6
    assert (tmp_path / "out").read_bytes() == b"old"


def test_standard_output_has_only_what_verified(mifeng, sealed):
    plaintext, stream = sealed
    done = mifeng.run("open", "-k", "receiver.pem", data=stream[:-1])
    assert done.returncode == 6
    assert done.stdout == plaintext[:len(plaintext) // 65536 * 65536]


def test_policy(mifeng, sealed):
    _, stream = sealed

    def failure(*arguments, data=stream):
        done = mifeng.run("open", "-k", "receiver.pem", *arguments, data=data)
        return done.returncode, done.stderr.decode().rpartition("[")[2].rstrip("]\n")

    assert failure("--kind", "grant") == (6, "bad-kind")
    assert failure("--signer", "receiver.pub.pem") == (6, "bad-signature")
    assert failure("--context-hex", "00") == (6, "bad-header-mac")
    unsigned = mifeng("seal", "--kind", "response", "--to", "receiver.pub.pem", data=b"x")
    assert failure("--require-signature", data=unsigned) == (6, "missing-signature")
    done = mifeng.run("open", "-k", "signer.pem", data=stream)
    assert done.returncode == 6 and b"[no-recipient]" in done.stderr


@pytest.mark.parametrize("arguments,status,word", [
    ([], 2, b"Usage"), (["nonsense"], 2, b"nonsense"), (["seal", "--kind", "payload"], 2, b"--to"),
    (["seal", "--kind", "nonsense", "--to", "receiver.pub.pem"], 2, b"nonsense"),
    (["seal", "--kind", "payload", "--to", "missing.pem"], 3, b"missing.pem"),
    (["seal", "--kind", "payload", "--to", "receiver.pem"], 2, b"[bad-public-key]"),
    (["seal", "--kind", "payload", "--to", "receiver.pub.pem", "--context-hex", "0"], 2, b"[bad-hex]"),
    (["seal", "--kind", "payload", "--to", "receiver.pub.pem", "--to", "receiver.pub.pem"], 2,
     b"[duplicate-recipient]"),
    (["seal", "--kind", "payload", "--to", "receiver.pub.pem", "--sign", "receiver.pem"], 2,
     b"[signer-is-recipient]"),
    (["open", "-k", "receiver.pub.pem"], 2, b"[bad-private-key]"),
    (["open", "-k", "receiver.pem", "-i", "missing"], 3, b"missing"),
    (["key", "generate", "--output-file", "receiver.pem"], 5, b"[file-exists]"),
    (["key", "generate", "--output-file", "no/such/folder/x.pem"], 3, b"no/such/folder"),
    (["inspect", "/etc/os-release"], 2, b"[unknown-form]")])
def test_mistakes_get_their_status_and_a_sentence(mifeng, sealed, tmp_path, arguments, status, word):
    before = set(os.listdir(tmp_path))
    done = mifeng.run(*arguments)
    assert done.returncode == status, done.stderr
    assert word in done.stderr
    assert set(os.listdir(tmp_path)) == before


def test_inspect(mifeng, sealed, tmp_path):
    _, stream = sealed
    (tmp_path / "stream").write_bytes(stream)
    shown = json.loads(mifeng("inspect", "-o", "json", "stream"))
    assert shown["form"] == "sealed-stream" and shown["kind"] == "payload" and shown["fixedSegments"] is True
    fingerprint = mifeng("key", "fingerprint", "receiver.pub.pem").decode()
    assert shown["recipients"] == [fingerprint.replace(" ", "").lower()[:16]]
    table = mifeng("inspect", data=stream).decode()
    assert "payload" in table and fingerprint[:19] + " ..." in table
    done = mifeng.run("inspect", data=stream[:100])
    assert done.returncode == 6 and b"[truncated]" in done.stderr


def test_a_pipe_that_closes_early_says_nothing(mifeng, sealed, tmp_path):
    """As behind `| head`: no message, and the exit status of a program that SIGPIPE ended."""
    (tmp_path / "stream").write_bytes(sealed[1])
    from conftest import BIN
    for arguments in (["open", "-k", "receiver.pem", "-i", "stream"], ["inspect", "stream"], ["help"],
                      ["completion", "bash"]):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([BIN / "mifeng", *arguments], cwd=tmp_path, stdout=write_end, stderr=subprocess.PIPE,
                              timeout=60)
        os.close(write_end)
        assert (done.returncode, done.stderr) == (141, b""), arguments


def test_an_output_that_is_full_is_an_error(mifeng, sealed, tmp_path):
    (tmp_path / "stream").write_bytes(sealed[1])
    from conftest import BIN
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN / "mifeng", "open", "-k", "receiver.pem", "-i", "stream"], cwd=tmp_path, stdout=full,
                              stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"standard output" in done.stderr


def test_help_has_examples(mifeng):
    for command in (["key"], ["key", "generate"], ["seal"], ["open"], ["inspect"], ["completion"]):
        text = mifeng(*command, "--help").decode()
        assert "Examples:" in text and "mifeng " + command[0] in text


def test_completion_is_shell(mifeng, tmp_path):
    script = mifeng("completion", "bash")
    pathlib.Path(tmp_path / "completion").write_bytes(script)
    done = subprocess.run(
        ["bash", "-c", "source ./completion; COMP_WORDS=(mifeng key ''); COMP_CWORD=2; _mifeng; echo ${COMPREPLY[@]}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert {"generate", "public", "fingerprint"} <= set(done.stdout.split())
