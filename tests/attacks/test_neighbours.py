"""Whoever else is on the machine: another container beside a unit, and programs that only take up room."""
import contextlib
import os
import resource
import socket
import subprocess
import time

import pytest
from installation import wait_until  # and with it tests/support

# The cable's two ends: private addresses (RFC 1918) of a range that installations do not choose theirs from.
NEAR, FAR = "172.31.255.253", "172.31.255.254"
MODEL, HEALTH = 8080, 15020  # a guard's ports in its container


class Neighbour:
    """A container of somebody else's on the same machine: a network of its own, behind a cable to the host."""

    def __init__(self):
        self.name = f"mft{os.getpid()}"[:12]
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        ours = os.stat("/proc/self/ns/net").st_ino
        wait_until(lambda: os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino != ours, 10, "the network")
        run = lambda *argv: subprocess.run(argv, check=True, capture_output=True)  # noqa: E731
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "address", "add", f"{NEAR}/30", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        self.inside("ip", "address", "add", f"{FAR}/30", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "route", "add", "default", "via", NEAR)

    def inside(self, *argv):
        return subprocess.run(["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *argv], check=True, capture_output=True)

    def reaches(self, address, port):
        try:
            self.inside("timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}")
        except subprocess.CalledProcessError:
            return False
        return True

    def close(self):
        self.holder.kill()
        self.holder.wait()
        subprocess.run(["ip", "link", "delete", self.name], check=False, capture_output=True)


@pytest.fixture
def neighbour():
    with contextlib.closing(Neighbour()) as made:
        yield made


def guards_address(scene):
    (network,) = scene.engine.inspect(scene.name)["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


def test_a_neighbours_container_reaches_no_guard(scene, genuine, neighbour):
    # It does reach what this machine forwards to: the attempt is not what is wrong.
    with socket.create_server((NEAR, 0)) as server:
        assert neighbour.reaches(NEAR, server.getsockname()[1])
    guard = guards_address(scene)
    ports = (MODEL, HEALTH)
    for port in ports:
        with socket.create_connection((guard, port), timeout=5):
            pass
        assert not neighbour.reaches(guard, port), port
    # Were the rule not there, it would: so it is the rule that keeps it away.
    rule = ["FORWARD", "-o", "mf-+", "-m", "conntrack", "--ctstate", "NEW", "-m", "conntrack", "!", "--ctstate", "DNAT",
            "-j", "DROP"]
    with scene.frozen_platform():
        subprocess.run(["iptables", "-w", "5", "-t", "mangle", "-D", *rule], check=True)
        try:
            assert all(neighbour.reaches(guard, port) for port in ports)
        finally:
            subprocess.run(["iptables", "-w", "5", "-t", "mangle", "-I", *rule], check=True)
    assert not neighbour.reaches(guard, HEALTH)


def crowd(stack, address, port, count, beginnings):
    """So many connections, that stay; each says one of the beginnings, in turn."""
    for i in range(count):
        connection = stack.enter_context(socket.create_connection((address, port), timeout=10))
        connection.sendall(beginnings[i % len(beginnings)])


def test_connections_that_say_little_leave_room_for_the_gateway_and_for_health(scene, genuine):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    states = set()
    with contextlib.ExitStack() as stack:
        crowd(stack, "127.0.0.1", scene.node_port, 1400, [b""] + 9 * [b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Half: "])
        crowd(stack, guards_address(scene), HEALTH, 300, [b"", b"GET /ready HTT"])
        end = time.monotonic() + 8  # several rounds of looking at health, with and without it
        while time.monotonic() < end:
            assert scene.predict()[0] == 200
            states.add(scene.installation.api("GET", f"/deployments/{scene.deployment}")["state"])
            crowd(stack, guards_address(scene), HEALTH, 20, [b"GET /ready HTT"])
    assert states == {"ready"}
