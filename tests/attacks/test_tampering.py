"""Changes of the audit log behind the platform's back, in a copy of its database."""
import json
import os
import sqlite3
import subprocess

import pytest
from installation import BIN
from looking import read_only


def audit(socket_path, *more):
    return subprocess.run([BIN / "mifeng", "audit", "verify", "--platform", f"unix:{socket_path}", *more],
                          capture_output=True, text=True, timeout=60)


class CopiedPlatform:
    """A mifengd on a copy of the database, with the same master key and no engine, after `change` was done to it."""

    def __init__(self, scene, folder, change):
        folder.mkdir()
        with read_only(scene.data / "mifengd/mifeng.db") as source:
            copied_to = sqlite3.connect(folder / "mifeng.db")
            source.backup(copied_to)
            change(copied_to)
            copied_to.commit()
            copied_to.close()
        self.socket = folder / "local.sock"
        read_end, write_end = os.pipe()
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            [str(one) for one in (BIN / "mifengd", "--data", folder, "--master-key", scene.data.parent / "d.key",
                                  "--listen", "127.0.0.1:0", "--local-socket", self.socket, "--installation", "0" * 32,
                                  "--ready-fd", write_end)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            assert ready.readline(), (folder / "log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def cut_tail(database):
    """Three entries before the last head, and all after it."""
    last, = database.execute("SELECT max(seq) FROM audit_heads").fetchone()
    assert database.execute("DELETE FROM audit_log WHERE seq > ?", [last - 3]).rowcount >= 3
    database.execute("DELETE FROM audit_heads WHERE seq > ?", [last - 3])


# An entry with others on both sides of it.
MIDDLE = "(SELECT max(seq) / 2 FROM audit_log)"


def sql(text):
    def run(database):
        assert database.execute(text).rowcount == 1
    return run


@pytest.mark.parametrize("name, change, found", [
    ("unchanged", lambda database: None, False),
    ("outcome", sql(f"UPDATE audit_log SET outcome = 'never-was' WHERE seq = {MIDDLE}"), True),
    ("removed", sql(f"DELETE FROM audit_log WHERE seq = {MIDDLE}"), True),
    ("tail", cut_tail, True)])
def test_the_audit_log_tells_when_it_was_changed(scene, genuine, name, change, found):
    assert audit(scene.data / "run/mifengd.sock").returncode == 0
    head = scene.folder / f"head-{name}"
    head.write_text(json.dumps(scene.api("GET", "/audit/head")))
    copied_platform = CopiedPlatform(scene, scene.folder / f"copy-{name}", change)
    try:
        done = audit(copied_platform.socket, "--head", str(head))
        assert done.returncode == (6 if found else 0), done.stdout + done.stderr
    finally:
        copied_platform.stop()
