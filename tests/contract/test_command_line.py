"""The commands of `mifeng` that talk to a platform, against a real one: what they print, and how they end."""

import json
import os
import stat

import pytest
import yaml


def test_without_a_platform_it_says_what_to_do(run):
    done = run("get", "models", signed_in=False)
    assert done.returncode == 2 and b"mifeng login" in done.stderr and done.stdout == b""


def test_a_first_password_must_be_changed(own, run):
    if (own.folder / "config/mifeng/session.json").exists():
        pytest.fail("the order of the tests has changed: this one comes before any sign-in")
    done = run("login", "--platform", own.url, data=own.first["password"].encode(), signed_in=False)
    assert done.returncode == 4 and b"--new-password-file" in done.stderr
    done = run("login", "--platform", own.url, data=b"wrong password\n", signed_in=False)
    assert done.returncode == 4 and b"bad-sign-in" in done.stderr


def test_the_session_is_a_file_of_mode_0600_without_the_password(own, signed_in):
    session = own.folder / "config/mifeng/session.json"
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert "one's own" not in session.read_text() and json.loads(session.read_text())["platform"] == own.url


def test_output_formats(own, signed_in):
    body = {"id": "acme", "name": "Acme 智能", "address": "no: 1", "telephone": "+86 10", "business": ""}
    status, answer, _ = own.request("POST", "/vendors", body=body, local=True)
    assert status in (201, 409), answer
    table = signed_in("get", "vendors").stdout.decode()
    assert table.splitlines()[0].split() == ["ID", "NAME", "TELEPHONE", "CONFIRMED", "FINGERPRINT"] and "acme" in table
    listed = json.loads(signed_in("get", "vendors", "-o", "json").stdout)
    assert yaml.safe_load(signed_in("get", "vendors", "-o", "yaml").stdout) == listed
    assert listed[0]["name"] == "Acme 智能"
    assert signed_in("get", "vendors", "-o", "name").stdout == b"acme\n"
    assert json.loads(signed_in("get", "vendor", "acme", "-o", "json").stdout) == listed[0]
    for kind in ("models", "deployments", "routes", "ports", "callers", "gateways", "keys", "instances", "people",
                 "tokens", "configs", "images", "audit"):
        done = signed_in("get", kind, "-o", "json")
        assert done.returncode == 0 and isinstance(json.loads(done.stdout), list), (kind, done.stderr)


def test_exit_codes(own, signed_in):
    assert signed_in("get", "deployment", "none").returncode == 3
    assert signed_in("get", "nothing").returncode == 2
    assert signed_in("get").returncode == 2
    assert signed_in("accept", "acme/none@1.0").returncode == 3
    assert signed_in("accept", "acme-none@1.0").returncode == 2
    assert signed_in("push", "none.mfpkg").returncode == 3
    assert signed_in("deploy", "acme/none@1.0").returncode == 3
    assert signed_in("logs", "none").returncode == 3
    assert signed_in("scale", "none", "--replicas", "2").returncode == 3
    assert signed_in("get", "models", signed_in=False, platform=own.url).returncode == 4
    assert signed_in("get", "models", signed_in=False, platform="http://127.0.0.1:1").returncode == 1
    assert signed_in("get", "models", signed_in=False, platform="nonsense").returncode == 2


def test_the_local_socket_needs_no_sign_in(own, signed_in):
    done = signed_in("get", "people", "-o", "name", signed_in=False, platform=f"unix:{own.local_socket}")
    assert done.returncode == 0 and done.stdout.startswith(b"pe")


def test_delete_tells_what_of_a_batch_failed(own, signed_in):
    _, made, _ = own.request("POST", "/callers", body={"name": "ward-7"}, local=True)
    done = signed_in("delete", "caller", made["caller"]["id"], "none")
    assert done.returncode == 8 and b"none" in done.stderr
    assert signed_in("delete", "caller", made["caller"]["id"]).returncode == 3
    assert signed_in("delete", "keys", "x").returncode == 2


def test_push_tells_what_is_wrong_with_a_package(signed_in, tmp_path):
    (tmp_path / "broken.mfpkg").write_bytes(os.urandom(20_000_000))
    done = signed_in("push", "broken.mfpkg")
    assert done.returncode == 6 and b"bad-archive" in done.stderr, done.stderr


def test_the_card_and_the_audit_log(own, signed_in, tmp_path):
    assert signed_in("key", "export", "--output-file", "platform.card").returncode == 0
    assert json.loads((tmp_path / "platform.card").read_text())["format"] == "mifeng-card/1"
    assert signed_in("audit", "head", "--output-file", "head.json").returncode == 0
    done = signed_in("audit", "verify", "--head", "head.json", "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["intact"] is True
    lines = signed_in("audit", "export").stdout.splitlines()
    assert len(lines) > 3 and all(json.loads(line) for line in lines)
    head = json.loads((tmp_path / "head.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps(head).replace('"signature": "M', '"signature": "N'))
    assert signed_in("audit", "verify", "--head", "other.json").returncode in (2, 6)
    (tmp_path / "bad.json").write_text('{"a":1,"a":2}')
    done = signed_in("audit", "verify", "--head", "bad.json")
    assert done.returncode == 2 and b"twice" in done.stderr


def test_an_exported_log_is_verified_without_the_platform(signed_in, tmp_path):
    def verify(name, *more):
        return signed_in("audit", "verify", name, "--card", "platform.card", *more, "-o", "json", signed_in=False)

    for command in (("key", "export", "--output-file", "platform.card"), ("audit", "head", "--output-file", "head.json"),
                    ("audit", "export", "--output-file", "audit.jsonl")):
        assert signed_in(*command).returncode == 0
    done = verify("audit.jsonl", "--head", "head.json")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    lines = (tmp_path / "audit.jsonl").read_text().splitlines(keepends=True)
    entries = [line for line in lines if '"entry"' in line]
    assert verdict["intact"] is True and verdict["entries"] == len(entries)
    # It says what it could not check.
    assert b"Not checked: the MACs" in done.stderr and b"tail was cut" not in done.stderr
    assert b"whether the tail was cut off" in verify("audit.jsonl").stderr
    after = verdict["entries"] - verdict["signed_up_to"]
    assert (b"after the last signed head" in done.stderr) == (after > 0)

    cut = lines[:lines.index(entries[3])]
    (tmp_path / "cut.jsonl").write_text("".join(cut))
    done = verify("cut.jsonl")
    assert done.returncode == 0 and b"3 entries after the last signed head" in done.stderr, done.stderr
    done = verify("cut.jsonl", "--head", "head.json")
    assert done.returncode == 6 and b"tail was cut" in done.stderr
    (tmp_path / "changed.jsonl").write_text("".join(lines).replace(entries[1], entries[1].replace('"ok"', '"no"')))
    assert verify("changed.jsonl").returncode == 6
    (tmp_path / "missing.jsonl").write_text("".join(lines).replace(entries[1], ""))
    assert verify("missing.jsonl").returncode == 6
    (tmp_path / "rubbish.jsonl").write_text("rubbish\n")
    assert verify("rubbish.jsonl").returncode == 2
    done = signed_in("audit", "verify", "audit.jsonl", signed_in=False)
    assert done.returncode == 2 and b"--card" in done.stderr
    assert verify("none.jsonl").returncode == 3
