"""What an operator, a vendor and an administrator do without the console: people, vendors, callers, tokens, gateways and
keys, each against a real platform."""

import json
import os
import stat
import subprocess

from conftest import BIN


def secret_of(done):
    assert done.returncode == 0, done.stderr
    line = done.stdout.decode()
    assert line.endswith("\n") and "\n" not in line[:-1] and len(line) > 12, "the secret alone, so that $(...) works"
    return line.strip()


def test_people(own, signed_in, tmp_path):
    first = secret_of(signed_in("person", "add", "wang", "--role", "operator", "--display-name", "王"))
    listed = {one["name"]: one for one in json.loads(signed_in("person", "list", "-o", "json").stdout)}
    assert listed["wang"]["roles"] == ["operator"] and listed["wang"]["display_name"] == "王"
    assert own.request("POST", "/session", body={"name": "wang", "password": first})[0] == 200

    done = signed_in("person", "disable", "wang", "-o", "json")
    changed = json.loads(done.stdout)
    assert changed["enabled"] is False and changed["roles"] == ["operator"] and changed["display_name"] == "王"
    assert own.request("POST", "/session", body={"name": "wang", "password": first})[0] == 401
    assert signed_in("people", "enable", listed["wang"]["id"]).returncode == 0

    done = signed_in("person", "reset", "wang", "--password-file", "wang.password")
    assert done.returncode == 0 and done.stdout == b""
    assert stat.S_IMODE((tmp_path / "wang.password").stat().st_mode) == 0o600
    fresh = (tmp_path / "wang.password").read_text().strip()
    assert fresh != first and fresh.encode() not in done.stderr
    assert own.request("POST", "/session", body={"name": "wang", "password": fresh})[0] == 200
    # A file that is there is not overwritten, and then nothing is changed either.
    assert signed_in("person", "reset", "wang", "--password-file", "wang.password").returncode == 5
    assert own.request("POST", "/session", body={"name": "wang", "password": fresh})[0] == 200

    assert signed_in("person", "add", "wang", "--role", "operator").returncode == 5
    assert signed_in("person", "add", "other", "--role", "king").returncode == 2
    assert signed_in("person", "disable", "nobody").returncode == 3
    assert signed_in("delete", "person", "wang").returncode == 0
    assert signed_in("person", "disable", "wang").returncode == 3


def test_a_vendors_person_changes_what_is_known_of_him(own, signed_in, run, tmp_path):
    assert signed_in("vendor", "add", "creek", "--name", "Creek 溪", "--telephone", "+86 10", "--address", "1 Road").returncode == 0
    first = secret_of(signed_in("person", "add", "chen", "--role", "vendor", "--vendor", "creek"))
    token = own.sign_in("chen", first)
    (tmp_path / "token").write_text(token)
    his = {"platform": own.url, "env": {"MIFENG_TOKEN_FILE": str(tmp_path / "token")}, "signed_in": False}

    done = run("vendor", "set", "creek", "--telephone", "+86 20", "--business", "rivers", "-o", "json", **his)
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    assert (changed["telephone"], changed["business"]) == ("+86 20", "rivers")
    assert (changed["name"], changed["address"]) == ("Creek 溪", "1 Road"), "what was not given stays"
    assert (changed["telephone_waits"], changed["known_telephone"]) == (True, "+86 10")
    assert b"asking at the former one" in done.stderr
    done = run("vendor", "set", "creek", "--name", "Another", **his)
    assert done.returncode == 4 and b"vendor-name-stays" in done.stderr, done.stderr
    assert run("vendor", "set", "brook", "--business", "mine", **his).returncode == 4
    assert run("vendor", "confirm-telephone", "creek", "--telephone", "+86 20", **his).returncode == 4

    assert signed_in("vendor", "confirm-telephone", "creek", "--telephone", "+86 30").returncode == 5
    done = signed_in("vendor", "confirm-telephone", "creek", "--telephone", "+86 20", "-o", "json")
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout)
    assert (changed["telephone_waits"], changed["known_telephone"]) == (False, "+86 20")


def test_a_vendor_his_key_and_its_succession(own, signed_in, tmp_path):
    assert signed_in("vendor", "add", "brook", "--name", "Brook 溪", "--telephone", "+86 10").returncode == 0
    assert signed_in("vendor", "add", "brook", "--name", "again").returncode == 5
    keys = {}
    for name in ("one", "two"):
        made = signed_in("key", "generate", "--output-file", f"{name}.pem", "--public", f"{name}.pub")
        assert made.returncode == 0
        keys[name] = made.stderr.decode().split("fingerprint:")[1].strip()
    done = signed_in("vendor", "propose-key", "brook", "one.pub")
    assert done.returncode == 0 and keys["one"].encode() in done.stderr
    wrong = signed_in("vendor", "confirm-key", "brook", "--fingerprint", keys["two"])
    assert wrong.returncode in (5, 6), wrong.stderr
    done = signed_in("vendor", "confirm-key", "brook", "--fingerprint", keys["one"], "-o", "json")
    assert json.loads(done.stdout)["confirmed"] is True
    # The key in force signs for the next: no telephone call.
    done = signed_in("vendor", "propose-key", "brook", "two.pub", "--sign", "one.pem")
    assert done.returncode == 0 and b"in force" in done.stderr, done.stderr
    shown = json.loads(signed_in("vendor", "show", "brook", "-o", "json").stdout)
    assert shown["fingerprint"] == keys["two"] and shown["name"] == "Brook 溪"
    # A stranger's key signs for nothing.
    assert signed_in("vendor", "propose-key", "brook", "one.pub", "--sign", "one.pem").returncode == 6
    assert json.loads(signed_in("vendor", "revoke-key", "brook", "-o", "json").stdout)["confirmed"] is False
    assert "brook" in signed_in("vendors", "list", "-o", "name").stdout.decode().split()
    assert signed_in("vendor", "show", "none").returncode == 3


def test_callers(own, signed_in, tmp_path):
    key = secret_of(signed_in("caller", "add", "ward-1"))
    assert signed_in("caller", "add", "ward-2", "--key-file", "ward-2.key").returncode == 0
    assert stat.S_IMODE((tmp_path / "ward-2.key").stat().st_mode) == 0o600
    assert secret_of(signed_in("caller", "key", "ward-1")) != key
    assert json.loads(signed_in("caller", "revoke", "ward-1", "-o", "json").stdout)["enabled"] is False
    assert json.loads(signed_in("caller", "enable", "ward-1", "-o", "json").stdout)["enabled"] is True
    names = [one["name"] for one in json.loads(signed_in("caller", "list", "-o", "json").stdout)]
    assert {"ward-1", "ward-2"} <= set(names)
    assert signed_in("delete", "caller", "ward-1").returncode == 0
    assert signed_in("caller", "revoke", "ward-1").returncode == 3
    text = (own.folder / "mifengd.log").read_text()
    assert key not in text


def test_tokens_work_in_place_of_a_session(own, signed_in, tmp_path):
    made = signed_in("token", "add", "ci", "--role", "administrator", "--days", "1", "--secret-file", "ci.token")
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((tmp_path / "ci.token").stat().st_mode) == 0o600
    token = [one for one in json.loads(signed_in("token", "list", "-o", "json").stdout) if one["name"] == "ci"][0]
    assert token["expires_ms"] > 0
    use = lambda: signed_in("get", "people", "--token-file", tmp_path / "ci.token", signed_in=False, platform=own.url)
    assert use().returncode == 0
    assert signed_in("token", "revoke", token["id"]).returncode == 0
    assert use().returncode == 4
    assert signed_in("token", "revoke", token["id"]).returncode == 3


def test_a_token_belongs_to_a_person(own, signed_in):
    done = signed_in("token", "add", "ci", "--role", "administrator", signed_in=False,
                     platform=f"unix:{own.local_socket}")
    assert done.returncode == 4 and b"sign in" in done.stderr, done.stderr


def test_a_gateway_is_invited_with_a_join_file(own, signed_in, tmp_path):
    assert signed_in("gateway", "invite", "gw-9", "--join-file", "gw-9.join").returncode == 0
    join = tmp_path / "gw-9.join"
    assert stat.S_IMODE(join.stat().st_mode) == 0o600
    file = json.loads(join.read_text())
    assert file["format"] == "mifeng-join/1" and file["gateway"] == "gw-9" and file["platform"] == own.url
    # The program that the file is for takes it and enrols.
    reader, writer = os.pipe()
    gateway = subprocess.Popen([BIN / "mifeng-gateway", "--state", tmp_path / "state", "--join", join, "--listen",
                                "127.0.0.1:0", "--ready-fd", str(writer)], pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as ready:
        assert ready.readline().startswith("{"), "the gateway is not ready"
    listed = {one["id"]: one for one in json.loads(signed_in("gateway", "list", "-o", "json").stdout)}
    assert listed["gw-9"]["state"] == "enrolled"
    assert signed_in("gateway", "revoke", "gw-9").returncode == 0
    gateway.terminate()
    assert gateway.wait(timeout=20) == 0
    assert signed_in("gateway", "invite", "GW 9").returncode == 2
    assert signed_in("gateway", "revoke", "none").returncode == 3


def test_the_platforms_keys_rotate(own, signed_in):
    before = {one["id"] for one in json.loads(signed_in("key", "list", "-o", "json").stdout)}
    for purpose in ("delivery", "identity"):
        done = signed_in("key", "rotate", purpose, "-o", "json")
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        assert made["purpose"] == purpose and made["id"] not in before
        before.add(made["id"])
    # The next output key is made a day ahead, so one is on its way already; that keeps nobody from another.
    for more, state in ((), "future"), (("--now",), "in-force"):
        done = signed_in("key", "rotate", "output", *more, "-o", "json")
        assert done.returncode == 0 and json.loads(done.stdout)["state"] == state, (done.stdout, done.stderr)
    done = signed_in("key", "rotate", "delivery", "--now")
    assert done.returncode == 2 and b"not-at-once" in done.stderr, done.stderr
    assert signed_in("key", "rotate", "master").returncode == 2
    assert signed_in("key", "revoke", "none", "--reason", "gone").returncode == 3
    assert signed_in("key", "revoke", "none").returncode == 2


def test_restart_and_scale_name_what_is_not_there(signed_in):
    assert signed_in("restart", "none").returncode == 3
    assert signed_in("scale", "none", "--replicas", "1").returncode == 3


def test_signing_out_of_a_platform_that_is_away(run, tmp_path):
    """Here the session is over all the same, and that the platform does not know is said."""
    session = tmp_path / "mifeng/session.json"
    session.parent.mkdir()
    session.write_text(json.dumps({"platform": "http://127.0.0.1:1", "ca_file": "", "pin": "", "token": "x"}))
    done = run("logout", signed_in=False)
    assert done.returncode == 0 and b"http://127.0.0.1:1 could not be told" in done.stderr and not session.exists()
    session.write_text("{")
    assert run("logout", signed_in=False).returncode == 2 and session.exists()
