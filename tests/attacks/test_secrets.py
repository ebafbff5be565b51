"""Secrets: people's, vendors', callers' and the platform's own, looked for wherever they could have been written."""
import http.client
import json
import os
import pathlib
import re
import subprocess

from installation import BUILD, wait_until
from looking import files_below, places, related, spellings


def vendors_scalar(scene):
    shown = subprocess.run(["openssl", "pkey", "-in", scene.data / "vendor/examples.key", "-text", "-noout"],
                           capture_output=True, text=True, check=True).stdout
    digits = re.search(r"priv:\s+([0-9a-f:\s]+)", shown)[1]
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))


def as_person(scene, bearer, method, path, body=None):
    where = scene.installation.line("platform").removeprefix("http://")
    connection = http.client.HTTPConnection(where, timeout=30)
    connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                       {"Content-Type": "application/json", "Authorization": "Bearer " + bearer})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert response.status < 300, (response.status, text)
    return json.loads(text) if text else None


def platforms_own(scene):
    """The private scalars and the audit key, opened with the master key as the platform opens them."""
    opener = BUILD / "tests/attacks/platform_secrets"
    shown = subprocess.run([opener, scene.data / "mifengd", scene.data.parent / "d.key"], capture_output=True, text=True,
                           check=True).stdout
    found = {}
    for line in shown.splitlines():
        one = json.loads(line)
        found[f"{one['purpose']} key {one['id']}".strip()] = bytes.fromhex(one["secret"])
    assert {name.split()[0] for name in found} == {"identity", "delivery", "output", "audit", "door-tags"}
    return found


def test_no_secret_stands_where_it_can_be_read(scene, genuine):
    words = scene.installation.line("administrator").split()
    password = words[words.index("password") + 1]
    chosen = "another one entirely " + os.urandom(8).hex()
    session = scene.api("POST", "/session", {"name": "admin", "password": password})["token"]
    as_person(scene, session, "PUT", "/session/password", {"old_password": password, "new_password": chosen})
    token = as_person(scene, session, "POST", "/tokens", {"name": "ci", "roles": ["administrator"]})["token"]
    assert as_person(scene, token, "GET", "/routes")["items"]
    key_file = scene.data.parent / "d.key"
    assert key_file.stat().st_mode & 0o077 == 0
    secrets = {"master key": bytes.fromhex(key_file.read_text().strip()),
               "password": password.encode(),
               "session": session.encode(), "vendor's private key": vendors_scalar(scene),
               "caller's key": scene.key.encode(), "API token": token.encode(), "chosen password": chosen.encode(),
               "example caller's key": scene.installation.line("try it").split("Bearer ")[1].split("'")[0].encode()}
    # A second one of each, so that retired keys are there as well. The next output key is made ahead of its time.
    for purpose in ("identity", "delivery"):
        scene.api("POST", "/keys/rotation", {"purpose": purpose})
    wait_until(lambda: scene.predict()[0] == 200, 20, "an answer after the rotation")
    secrets |= platforms_own(scene)
    assert len([name for name in secrets if " key " in name]) >= 6
    everything = dict(places(scene))
    assert {"mifengd/mifeng.db", "logs/mifengd.log", "up.stderr", "podman inspect " + scene.name} <= set(everything)
    assert f"environ of {scene.installation.service_pid('mifengd')}" in everything
    assert f"environ of {scene.engine.pid(scene.name)}" in everything
    for what, secret in secrets.items():
        assert len(secret) >= 16, what
        for spelling in spellings(secret):
            for place, content in everything.items():
                assert spelling not in content, f"{what} stands in {place}"
    # What is searched is readable: the deployment's name, and the digest by which a caller's key is known.
    assert scene.deployment.encode() in everything["mifengd/mifeng.db"] + everything["mifengd/mifeng.db-wal"]
    assert any(scene.name.encode() in content for place, content in everything.items() if place.startswith("environ"))


def test_the_platforms_keys_are_in_no_file_of_a_container(scene, genuine):
    secrets = platforms_own(scene)
    secrets["master key"] = bytes.fromhex((scene.data.parent / "d.key").read_text().strip())
    wanted = {spelling: what for what, secret in secrets.items() for spelling in spellings(secret)}
    looked, readable = 0, set()
    for name in scene.engine.ids():
        pid = scene.engine.pid(name)
        if not pid:
            continue
        for path in files_below(f"/proc/{pid}/root"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            looked += 1
            # Of the guard's container its nginx' settings, of the model's the sealed payload.
            readable |= {"guard"} if b"mifeng_link" in content else {"model"} if content.startswith(b"MFS") else set()
            for spelling, what in wanted.items():
                assert spelling not in content, f"{what} stands in {path}"
    assert looked > 20 and readable == {"guard", "model"}


def test_who_holds_keys_leaves_no_core_file(scene, genuine):
    holders = {"mifengd", "mifeng-gateway", "mifeng-guard", "nginx", "model"}
    seen = set()
    for pid in related(scene):
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        except OSError:
            continue
        if name not in holders:
            continue
        seen.add(name)
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], f"{name}: {core}"
    assert {"mifengd", "mifeng-gateway", "nginx"} <= seen, seen
    assert {"mifeng-guard", "model"} & seen, seen
