"""Ports for tests that run beside one another, and beside whatever else the machine does. A port that was only looked at is
anybody's until it is bound, so each process takes ranges under a lock, and chooses within them alone. All lie outside of
what the kernel gives to outgoing connections. 28,000 to 29,999 are tests/engine's."""
import contextlib
import fcntl
import itertools
import pathlib
import random
import socket

LOCKS = pathlib.Path("/run/lock")


class PortRange:
    """`size` ports of those from `first` to `last` that no other test has as long as this object lives."""

    def __init__(self, first, last, size):
        firsts = list(range(first, last + 2 - size, size))
        random.shuffle(firsts)
        for self.first in firsts:
            self.lock = open(LOCKS / f"mifeng-test-ports-{self.first}", "w")
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.last = self.first + size - 1
                return
            self.lock.close()
        raise AssertionError(f"every range of ports between {first} and {last} is taken by a test")

    def __str__(self):
        return f"{self.first}-{self.last}"


class NodePorts(PortRange):
    """Of one installation: installations choose the lowest that are free, so two that share a range would now and then
    choose the same."""

    def __init__(self):
        super().__init__(30_000, 32_767, 200)


class _FreePorts:
    def __init__(self):
        self.range = None

    def take(self):
        """Each one once, and then from the first on: what was given 100 ports ago has long been bound, or is not wanted."""
        if self.range is None:
            self.range = PortRange(20_000, 27_999, 100)
            self.next = itertools.cycle(range(self.range.first, self.range.last + 1))
        for port in itertools.islice(self.next, 100):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
        raise AssertionError(f"no port of {self.range} is free")


_free_ports = _FreePorts()


def free_port():
    """One that nobody has, and no other test will."""
    return _free_ports.take()
