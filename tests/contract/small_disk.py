"""A disk of a test's own, which is full when the test says so."""
import errno
import os
import pathlib
import subprocess

from submitting import wait_for

MIB = 1 << 20
RESERVE = 64 * MIB  # what mifengd keeps of it for itself
SIZE = 3 * RESERVE


class SmallDisk:
    """A tmpfs that only who is in its namespace sees; we see it through /proc."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder  # as mifengd sees it
        self.holder = subprocess.Popen(["unshare", "--map-root-user", "--mount", "bash", "-c",
                                        f'mount -t tmpfs -o size={SIZE},mode=700 small "$1" && echo mounted && '
                                        'exec sleep infinity', "hold", folder], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "mounted\n"
        self.inside = ["nsenter", f"--target={self.holder.pid}", "--user", "--preserve-credentials", "--mount",
                       "--wdns=/", "--"]
        self.seen = pathlib.Path(f"/proc/{self.holder.pid}/root{folder}")
        self.filler = self.seen / "filler"
        self.filled = 0

    def free(self):
        space = os.statvfs(self.seen)
        return space.f_bavail * space.f_frsize

    def leave(self, room):
        """Fills it until no more than `room` bytes are free; 0: not one."""
        with open(self.filler, "ab", buffering=0) as filler:
            count = self.free() - room
            while count > 0:
                try:
                    count -= filler.write(bytes(min(count, MIB)))
                except OSError as failure:
                    assert failure.errno == errno.ENOSPC, failure
                    break
        assert self.free() <= room

    def wait_for_reserve(self):
        """Once there is room the platform takes again what it keeps for itself."""
        wait_for("the reserve", lambda: (self.seen / "reserve").stat().st_blocks * 512 >= RESERVE)

    def fill_wholly(self, vendor):
        """So that nothing can be written at all: the platform has what it keeps for itself, and that is taken as well."""
        self.wait_for_reserve()
        self.leave(0)
        self.filled += 1  # a gateway's name is used once
        vendor.administer("POST", "/gateways", {"id": f"fills-{self.filled}"}, 201)
        assert (self.seen / "reserve").stat().st_size == 0
        self.leave(0)

    def make_room(self):
        self.filler.unlink()

    def stop(self):
        self.holder.kill()
        self.holder.wait(10)
        self.holder.stdout.close()
