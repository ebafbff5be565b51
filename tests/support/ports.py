"""Ports for tests that run beside one another, and beside whatever else the machine does."""
import contextlib
import fcntl
import pathlib
import random
import socket

LOCKS = pathlib.Path("/run/lock")
RANGE = 200  # node ports of one installation


def free_port():
    """One that stays free for a while: no node port, and none that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class NodePorts:
    """A range of node ports that no other test has as long as this object lives: installations choose the lowest that are
    free, so two that share a range would now and then choose the same."""

    def __init__(self):
        firsts = list(range(30_000, 32_768 - RANGE, RANGE))
        random.shuffle(firsts)
        for self.first in firsts:
            self.lock = open(LOCKS / f"mifeng-test-ports-{self.first}", "w")
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            self.lock.close()
        raise AssertionError("as many installations run as there are ranges of node ports")

    @property
    def last(self):
        return self.first + RANGE - 1

    def __str__(self):
        return f"{self.first}-{self.last}"
