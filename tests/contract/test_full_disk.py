"""A disk that is full while a package comes in: the vendor is told what to do, what was stored before is there and can
be read, and once there is room the same submit works. mifengd's data folder is a small tmpfs in a mount namespace of its
own; the registry, a real one, has its room elsewhere, so that it is mifengd's disk alone that is full."""

import http.client
import json
import subprocess
import sys

import pytest

from conftest import Platform
from small_disk import MIB, RESERVE, SmallDisk
from submitting import Vendor, registry, wait_for  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    made = SmallDisk(tmp_path_factory.mktemp("small") / "data")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def vendor(disk, registry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    running = Platform(folder, "--registry", registry, data=disk.folder, inside=disk.inside)
    made = Vendor(running, folder)
    status, answer = made.submit(made.package("1.0.0", 1000))
    assert status == 201, answer
    yield made
    assert running.stop() == 0


def refused(answer):
    status, error = answer
    assert status == 507, (status, error)
    assert (error["code"], error["reason"]) == ("resource-exhausted", "disk-full")
    assert "full" in error["message"] and "Make room" in error["message"], error


@pytest.fixture
def stored(vendor, disk):
    """Before each test there is room, and after it there is again what there was: gives the number of versions."""
    assert disk.free() > RESERVE
    before = vendor.ask("GET", "/models")[1]["total"]
    yield before
    assert vendor.ask("GET", "/models")[1]["total"] == before + 1, "the one that was refused first"
    assert not list(disk.seen.glob("uploads/*")), "nothing is left of what was refused"


def check_readable(vendor, version):
    """What was stored before, with its documents, and who I am."""
    status, found = vendor.ask("GET", f"/vendors/acme/models/digits/versions/{version}")
    assert status == 200 and found["version"] == version, found
    status, document = vendor.ask("GET", f"/models/{found['id']}/documents/usage")
    assert status == 200 and b"Call /predict." in document, document
    assert vendor.ask("GET", "/session")[1]["name"] == "ann"


def test_a_package_that_does_not_fit_is_refused_before_it_is_sent(vendor, disk, stored):
    package = vendor.package("1.1.0", 1000)
    disk.leave(16 << 10)
    try:
        refused(vendor.submit(package))
        refused(vendor.ask("POST", "/uploads", {"size": len(package)}))
        assert vendor.ask("GET", "/vendors/acme/models/digits/versions/1.1.0")[0] == 404
        check_readable(vendor, "1.0.0")
    finally:
        disk.make_room()
    assert vendor.submit(package)[0] == 201
    check_readable(vendor, "1.1.0")


def test_the_disk_fills_while_the_package_comes_in(vendor, disk, stored):
    package = vendor.package("2.0.0", 3 * MIB)
    connection = http.client.HTTPConnection("127.0.0.1", vendor.platform.port, timeout=60)
    connection.putrequest("POST", "/api/v1/packages")
    for field, value in (("Authorization", "Bearer " + vendor.token), ("Content-Length", len(package)),
                         ("Content-Type", "application/vnd.mifeng.package")):
        connection.putheader(field, str(value))
    connection.endheaders(package[:MIB])
    wait_for("the first piece on the disk",
             lambda: [path.stat().st_size for path in disk.seen.glob("uploads/*.mfpkg")] == [MIB])
    disk.leave(0)
    try:
        connection.send(package[MIB:])
        answer = connection.getresponse()
        refused((answer.status, json.loads(answer.read())))
        check_readable(vendor, "1.0.0")
    finally:
        connection.close()
        disk.make_room()
    assert vendor.submit(package)[0] == 201
    check_readable(vendor, "2.0.0")


def test_an_upload_goes_on_where_the_disk_was_full(vendor, disk, stored):
    package = vendor.package("3.0.0", 3 * MIB)
    status, upload = vendor.ask("POST", "/uploads", {"size": len(package)})
    assert status == 201, upload
    path = f"/uploads/{upload['id']}"
    assert vendor.ask("PATCH", path + "?offset=0", package[:MIB])[1]["received"] == MIB
    disk.leave(0)
    try:
        refused(vendor.ask("PATCH", f"{path}?offset={MIB}", package[MIB:]))
        status, upload = vendor.ask("GET", path)
        assert status == 200 and MIB <= upload["received"] < len(package), upload
        check_readable(vendor, "1.0.0")
    finally:
        disk.make_room()
    at = upload["received"]
    assert vendor.ask("PATCH", f"{path}?offset={at}", package[at:])[1]["received"] == len(package)
    assert vendor.ask("POST", path + "/submission")[0] == 201
    check_readable(vendor, "3.0.0")


@pytest.mark.parametrize("version,room", [("4.0.0", 0), ("4.0.1", MIB), ("4.0.2", 64 << 10)])
def test_the_disk_is_full_when_it_is_submitted(vendor, disk, stored, version, room):
    package = vendor.package(version, 3 * MIB)
    upload = vendor.ask("POST", "/uploads", {"size": len(package)})[1]
    path = f"/uploads/{upload['id']}"
    assert vendor.ask("PATCH", path + "?offset=0", package)[1]["received"] == len(package)
    disk.leave(room)
    try:
        refused(vendor.ask("POST", path + "/submission"))
        assert vendor.ask("GET", path)[1]["received"] == len(package), "it need not be sent again"
        assert vendor.ask("GET", f"/vendors/acme/models/digits/versions/{version}")[0] == 404
        check_readable(vendor, "1.0.0")
    finally:
        disk.make_room()
    assert vendor.ask("POST", path + "/submission")[0] == 201
    check_readable(vendor, version)


LAST_USED = """
import sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True, timeout=30)
database.execute("UPDATE sessions SET last_used_ms = last_used_ms + ?", [int(sys.argv[2])])
database.commit()
print(database.execute("SELECT max(last_used_ms) FROM sessions WHERE person_id = (SELECT id FROM people WHERE name = 'ann')")
      .fetchone()[0])
"""


def test_a_session_lets_in_although_its_use_cannot_be_noted(vendor, disk):
    """When a session was last used is written down once a minute; on a full disk it is not, and that keeps nobody out."""
    def last_used(change=0):
        # In its namespace: SQLite looks for the real path, which leads out of /proc.
        done = subprocess.run([*disk.inside, sys.executable, "-c", LAST_USED, disk.folder / "mifeng.db", str(change)],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    before = last_used(-120_000)
    disk.fill_wholly(vendor)
    try:
        check_readable(vendor, "1.0.0")
    finally:
        disk.make_room()
    assert last_used() == before, "it could not be written"
    check_readable(vendor, "1.0.0")
    assert last_used() > before


def test_what_the_platform_itself_writes_goes_on(vendor, disk):
    """With not a byte left: people sign in, keys rotate, gateways are revoked, and the audit log has it all; a vendor's
    package is refused. Once there is room the platform takes again what it keeps for itself."""
    reserve = disk.seen / "reserve"
    disk.wait_for_reserve()
    upload = vendor.ask("POST", "/uploads", {"size": 2 * MIB})[1]
    disk.leave(0)
    try:
        status, session, _ = vendor.platform.request("POST", "/session", body={"name": "ann", "password": "long enough for ann"})
        assert status == 200, session
        rotated = vendor.administer("POST", "/keys/rotation", {"purpose": "output", "now": True}, 200)
        assert rotated["state"] == "in-force"
        vendor.administer("POST", "/gateways", {"id": "while-full"}, 201)
        vendor.administer("DELETE", "/gateways/while-full", None, 204)
        assert vendor.administer("POST", "/audit/verification", {}, 200)["intact"]
        refused(vendor.ask("PATCH", f"/uploads/{upload['id']}?offset=0", b"x" * MIB))
        refused(vendor.ask("POST", "/uploads", {"size": 1000}))
        assert reserve.stat().st_size == 0
    finally:
        disk.make_room()
    assert vendor.ask("DELETE", f"/uploads/{upload['id']}")[0] == 204
    disk.wait_for_reserve()


def test_a_restart_with_a_full_disk(vendor, disk):
    versions = [one["version"] for one in vendor.ask("GET", "/models?page_size=200")[1]["items"]]
    assert "1.0.0" in versions
    signing_in = lambda: vendor.platform.request("POST", "/session",
                                                 body={"name": "ann", "password": "long enough for ann"})[:2]
    disk.fill_wholly(vendor)
    try:
        assert vendor.platform.stop() == 0
        vendor.platform.start()
        for version in versions:
            check_readable(vendor, version)
        refused(signing_in())
    finally:
        disk.make_room()
    assert signing_in()[0] == 200
    assert vendor.administer("POST", "/audit/verification", {}, 200)["intact"]
