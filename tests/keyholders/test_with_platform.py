"""mifeng-gateway against the real mifengd."""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess

import pytest
from keyholders import BIN, Gateway, wait_for  # and with it tests/support
from unix_http import UnixConnection


class Network:
    """A network of its own, with one address that is not on loopback: 192.0.2.1 (RFC 5737)."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.pid = self.holder.pid
        ours = os.stat("/proc/self/ns/net").st_ino
        wait_for(lambda: os.stat(f"/proc/{self.pid}/ns/net").st_ino != ours, "the network")
        for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", "192.0.2.1/32", "dev", "lo"]):
            subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", *command], check=True)

    def call(self, port, target):
        done = subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", "curl", "-s", "-o", "/dev/null", "-w",
                               "%{http_code}", f"http://127.0.0.1:{port}{target}"], capture_output=True, text=True)
        return int(done.stdout)

    def stop(self):
        self.holder.kill()
        self.holder.wait()


class Mifengd:
    def __init__(self, folder, port=0, address="127.0.0.1", network=None):
        self.folder, self.local = folder, folder / "local.sock"
        read_end, write_end = os.pipe()
        self.log = open(folder / "mifengd.log", "ab")
        inside = ["nsenter", f"--net=/proc/{network.pid}/ns/net"] if network else []
        self.process = subprocess.Popen(
            [str(a) for a in (*inside, BIN / "mifengd", "--data", folder / "data", "--master-key", folder / "platform.key",
                              "--listen", f"{address}:{port}", "--local-socket", self.local, "--sockets",
                              folder / "sockets", "--installation", "0" * 32, "--ready-fd", write_end)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        assert line, (folder / "mifengd.log").read_text()
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def ask(self, method, path, body=None):
        connection = UnixConnection(self.local)
        connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, json.loads(content) if content else None

    def gateway(self, name):
        status, listed = self.ask("GET", "/gateways")
        assert status == 200, listed
        return next((g for g in listed["items"] if g["id"] == name), None)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        self.log.close()


@pytest.fixture
def platform(folder):
    started = Mifengd(folder)
    yield started
    started.stop()


def join_file(platform, folder, name="gw-1"):
    status, answer = platform.ask("POST", "/gateways", {"id": name, "platform_url": platform.url})
    assert status in (200, 201), answer
    path = folder / "join.json"
    path.write_text(json.dumps(answer))
    path.chmod(0o600)
    return path


def test_a_gateway_enrols_follows_and_confirms(platform, folder):
    gateway = Gateway(folder, join_file(platform, folder))
    try:
        gateway.wait_ready()
        wait_for(lambda: platform.gateway("gw-1")["connected"], "the connection to follow", 15)
        known = platform.gateway("gw-1")
        assert known["state"] == "enrolled"
        wait_for(lambda: platform.gateway("gw-1")["serial_confirmed"] == platform.gateway("gw-1")["serial_sent"],
                 "a confirmation", 15)
        first = platform.gateway("gw-1")["serial_confirmed"]
        # Something that the gateway has to know: within seconds it does.
        status, caller = platform.ask("POST", "/callers", {"name": "a caller"})
        assert status in (200, 201), caller
        wait_for(lambda: platform.gateway("gw-1")["serial_confirmed"] > first, "the next snapshot", 10)
        assert gateway.call("/no-such-route").status == 404
    finally:
        gateway.stop()


def spoil(platform, statements):
    """Puts into the database, under a platform that is stopped, what no call of its API would put there."""
    with contextlib.closing(sqlite3.connect(platform.folder / "data/mifeng.db")) as database, database:
        for statement in (*statements, "UPDATE counters SET value = value + 1 WHERE name = 'changes'"):
            database.execute(statement)


def insert(platform, table, **fields):
    with contextlib.closing(sqlite3.connect(platform.folder / "data/mifeng.db")) as database:
        columns = [(name, kind) for _, name, kind, *_ in database.execute(f"PRAGMA table_info({table})")]
    assert set(fields) <= {name for name, _ in columns}, columns
    values = [fields.get(name, "" if kind == "TEXT" else 0) for name, kind in columns]
    return f"INSERT INTO {table} VALUES ({', '.join(repr(value) for value in values)})"


def route(platform, number, prefix):
    return insert(platform, "route_information", id=f"rt-{number}", name=f"route {number}", prefix=prefix,
                  forward="mifeng://digits", enabled=1, open_to_all=1, callers_json="[]", pass_headers_json="[]")


def test_what_it_cannot_take_costs_it_nothing_else_and_is_shown(platform, folder):
    gateway = Gateway(folder, join_file(platform, folder))
    running = platform

    def restarted_with(*statements):
        nonlocal running
        running.stop()
        spoil(running, statements)
        running = Mifengd(folder, running.port)

    def trouble():
        return running.gateway("gw-1")["trouble"]

    def answers(target, status, reason):
        answer = gateway.call(target)
        return answer.status == status and json.loads(answer.body)["error"]["reason"] == reason

    try:
        gateway.wait_ready()
        restarted_with(route(platform, 1, "/good"), route(platform, 2, "/not//good"))
        wait_for(lambda: trouble() == "entries-left-out", "what it left out", 30)
        shown = running.gateway("gw-1")
        assert shown["trouble_detail"].startswith("route rt-2: its prefix: "), shown
        assert shown["serial_confirmed"] == shown["serial_sent"], shown
        assert answers("/good/x", 503, "no-endpoint") and answers("/bad/x", 404, "unknown-prefix")
        # One that it cannot read at all: it goes on with the one before, and says so.
        restarted_with("UPDATE route_information SET prefix = 'bad' WHERE id = 'rt-2'")
        wait_for(lambda: trouble() == "bad-message", "that it refused a snapshot", 30)
        shown = running.gateway("gw-1")
        assert "prefix" in shown["trouble_detail"] and shown["serial_confirmed"] < shown["serial_sent"], shown
        assert answers("/good/x", 503, "no-endpoint")
        # Mended.
        restarted_with("UPDATE route_information SET prefix = '/bad' WHERE id = 'rt-2'")
        wait_for(lambda: trouble() == "", "the end of it", 30)
        assert answers("/bad/x", 503, "no-endpoint")
    finally:
        gateway.stop()
        running.stop()


def test_it_outlives_the_platform_and_finds_it_again(platform, folder):
    gateway = Gateway(folder, join_file(platform, folder))
    try:
        gateway.wait_ready()
        wait_for(lambda: platform.gateway("gw-1")["connected"], "the connection to follow", 15)
        port = platform.port
        platform.stop(signal.SIGKILL)
        gateway.wait_log("the platform cannot be followed")
        assert gateway.call("/no-such-route").status == 404
        again = Mifengd(folder, port)
        try:
            wait_for(lambda: again.gateway("gw-1")["connected"], "the connection to follow", 20)
            status, caller = again.ask("POST", "/callers", {"name": "a caller"})
            assert status in (200, 201), caller
            wait_for(lambda: again.gateway("gw-1")["serial_confirmed"] == again.gateway("gw-1")["serial_sent"],
                     "a confirmation", 15)
        finally:
            again.stop()
    finally:
        gateway.stop()


@pytest.fixture
def network():
    made = Network()
    yield made
    made.stop()


def test_off_loopback_the_platforms_certificate_is_pinned(folder, network):
    platform = Mifengd(folder, address="192.0.2.1", network=network)
    gateways = []

    def start(join, name="gateway"):
        gateways.append(Gateway(folder, join, network, name=name))
        return gateways[-1]

    try:
        assert platform.url.startswith("https://192.0.2.1:")
        join = join_file(platform, folder)
        facts = json.loads(join.read_text())
        assert len(facts["tls_certificate_sm3"]) == 64
        # Another certificate than the join file names, such as that of somebody in between.
        wrong = folder / "wrong.json"
        wrong.write_text(json.dumps({**facts, "tls_certificate_sm3": "0" * 64}))
        refusing = start(wrong, "refusing")
        refusing.wait_log("The certificate of 192.0.2.1 is not the one that was expected")
        assert "ready" not in refusing.log() and platform.gateway("gw-1")["state"] == "invited"
        refusing.stop()
        # One that nobody pins has no issuer whom this machine trusts.
        unpinned = {name: value for name, value in facts.items() if name != "tls_certificate_sm3"}
        wrong.write_text(json.dumps(unpinned))
        trusting = start(wrong, "trusting")
        trusting.wait_log("certificate")
        assert "ready" not in trusting.log() and platform.gateway("gw-1")["state"] == "invited"
        trusting.stop()
        # The right one.
        gateway = start(join)
        gateway.wait_ready()
        wait_for(lambda: platform.gateway("gw-1")["connected"], "the connection to follow", 15)
        assert network.call(gateway.port, "/no-such-route") == 404
        # The platform comes back with another one: it is not followed, and the gateway serves from what it has.
        platform.stop()
        (folder / "data/tls").rename(folder / "old-tls")
        platform = Mifengd(folder, platform.port, "192.0.2.1", network)
        gateway.wait_log("The certificate of 192.0.2.1 is not the one that was expected", 20)
        assert not platform.gateway("gw-1")["connected"]
        assert network.call(gateway.port, "/no-such-route") == 404
        # And with its own again.
        platform.stop()
        (folder / "data/tls").rename(folder / "other-tls")
        (folder / "old-tls").rename(folder / "data/tls")
        platform = Mifengd(folder, platform.port, "192.0.2.1", network)
        wait_for(lambda: platform.gateway("gw-1")["connected"], "the connection to follow", 20)
    finally:
        for gateway in gateways:
            gateway.stop()
        platform.stop()


def test_a_used_join_file_is_of_no_use_to_another(platform, folder):
    join = join_file(platform, folder)
    gateway = Gateway(folder, join)
    try:
        gateway.wait_ready()
    finally:
        gateway.stop()
    thief = Gateway(folder, join, name="thief")
    try:
        thief.wait_log("its code works once")
        assert thief.process.poll() is None
    finally:
        thief.stop()
