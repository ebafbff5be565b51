"""Output keys, over their whole life: what makes them more, and what is left of them in the end."""
import sqlite3
import time

import pytest

from gateway_member import Member
from installation import wait_until
from one_platform import Platform


def output_keys_begun(platform):
    """Those that have come in force. The platform makes the next one ahead of its time, whenever it keeps house."""
    keys = platform.request("GET", "/keys", platform.administrator)[1]["items"]
    now_ms = time.time() * 1000
    return [key for key in keys if key["purpose"] == "output" and key["not_before_ms"] <= now_ms]


def invite(platform, gateway):
    status, join, _ = platform.request("POST", "/gateways", platform.administrator, {"id": gateway})
    assert status == 201, join
    return join


def enrolled(platform, gateway, folder):
    member = Member(invite(platform, gateway), folder)
    fields, body = member.enrolment()
    status, answer, _ = platform.request("POST", f"/gateways/{gateway}/enrolment", body=body, headers=fields)
    assert status == 200, answer
    return member


def test_revoking_what_was_only_invited_makes_no_key(platform, tmp_path):
    before = len(output_keys_begun(platform))
    invite(platform, "ward")
    for _ in range(70):
        assert platform.request("DELETE", "/gateways/ward", platform.administrator)[0] == 204
    assert len(output_keys_begun(platform)) == before
    enrolled(platform, "lab", tmp_path)
    for _ in range(70):
        assert platform.request("DELETE", "/gateways/lab", platform.administrator)[0] == 204
    assert len(output_keys_begun(platform)) == before + 1


@pytest.fixture
def short_lived(tmp_path):
    """Keys of such a platform are destroyed half a minute after they were made."""
    running = Platform(tmp_path, "--lease", "5", "--snapshot-lifetime", "10", "--output-key-lifetime", "10")
    first = running.request("POST", "/system/first-administrator", local=True)[1]
    running.administrator = running.sign_in(first["name"], first["password"])
    yield running
    assert running.stop() == 0


def stored(platform):
    """What the database holds of private output keys: wrapped, and in the snapshots that are kept for gateways."""
    with sqlite3.connect(f"file:{platform.data}/mifeng.db?mode=ro", uri=True) as database:
        keys = database.execute("SELECT id, wrapped FROM platform_keys WHERE purpose = 'output' AND wrapped <> ''")
        found = dict(keys.fetchall())
        gateways = database.execute("SELECT id, snapshot, enrolment_answer FROM gateways").fetchall()
    database.close()
    for gateway, snapshot, answer in gateways:
        found.update({f"snapshot of {gateway}": snapshot, f"first answer to {gateway}": answer})
    return found


def standing(folder, values):
    """The names of those of which any part stands in a file of the folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {name for name, value in values.items()
            if any(value[at:at + 40].encode() in content for at in range(0, len(value) - 39, 40) for content in files)}


def test_a_destroyed_key_stands_in_no_file(short_lived, tmp_path):
    folder = tmp_path / "gateway"
    folder.mkdir()
    enrolled(short_lived, "gone", folder)  # and never heard of again
    values = stored(short_lived)
    # A second one may have been made ahead of its time already.
    first = min(output_keys_begun(short_lived), key=lambda key: key["not_before_ms"])["id"]
    kept = {first, "snapshot of gone", "first answer to gone"}
    values = {name: values[name] for name in kept}
    assert standing(short_lived.data, values) == kept, "or this would find nothing"

    def destroyed():
        return next(key for key in output_keys_begun(short_lived) if key["id"] == first)["state"] == "destroyed"
    wait_until(destroyed, 120, "the key is destroyed")
    wait_until(lambda: not standing(short_lived.data, values), 30, lambda: f"{standing(short_lived.data, values)} gone")
