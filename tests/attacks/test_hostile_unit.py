"""A model that turns on its own guard, in a unit as the platform makes it. Each attempt stands beside one of the same kind
that works, so that it is the unit that forbids it and not the attempt that is wrong."""
import contextlib
import http.client
import json
import os
import pty
import shutil
import socket
import subprocess

import pytest
from installation import BIN, SOURCE, ApiError, Installation, wait_until


class Hostile:
    def __init__(self, installation, key, deployment, prefix):
        self.installation, self.key, self.deployment, self.prefix = installation, key, deployment, prefix
        (self.unit,) = installation.units(self.deployment)

    def call(self, what):
        return self.installation.call(self.prefix + "/predict", what, key=self.key)

    def tries(self, what):
        status, body = self.call(what)
        assert status == 200, (what, status, body)
        return json.loads(body)

    def guards_address(self):
        (network,) = self.installation.guard_of(self.unit)["NetworkSettings"]["Networks"].values()
        return network["IPAddress"], network["Gateway"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    place = tmp_path_factory.mktemp("hostile")
    shutil.copytree(SOURCE / "packs", place / "packs")
    shutil.copytree(SOURCE / "tests/e2e/packs/plain-c", place / "packs/plain-c")
    shutil.copytree(SOURCE / "tests/attacks/hostile", place / "models/hostile")
    installation = Installation(place / "d", examples=place / "models", packs=place / "packs")
    with installation:
        installation.wait_answer("/hostile")
        model = Hostile(installation, installation.caller_key(), installation.deployments()[0]["id"], "/hostile")
        wait_until(lambda: model.call("write /tmp/x")[0] == 200, 20, "an answer")
        yield model
    assert installation.left_behind() == []


def test_it_writes_where_it_may_and_nowhere_else(hostile):
    for path in ("/tmp/x", "/mifeng/model/x"):
        assert hostile.tries("write " + path) == "done"
    # Its own code, which it could change under a later start; the guard's folder; the first process; the image.
    for path in ("/app/model", "/app/new", "/mifeng/guard/new", "/mifeng/guard/start.sock", "/mifeng/start/mifeng-start",
                 "/mifeng/start/new", "/etc/passwd", "/new"):
        assert hostile.tries("write " + path) in ("EACCES", "EROFS", "ENXIO"), path
    # The guard's settings, keys and the platform are not even there.
    for path in ("/mifeng/run/nginx.conf", "/mifeng/run/key.sock", "/mifeng/platform/platform.sock", "/mifeng/bin/mifeng-guard"):
        assert hostile.tries("read " + path) in ("ENOENT", "EACCES"), path
    assert hostile.tries("read /app/model") == "done"
    for path in ("/app/model", "/mifeng/guard/start.sock"):
        assert hostile.tries("remove " + path) in ("EACCES", "EROFS", "ENOENT", "EPERM"), path


def test_it_reaches_its_own_socket_and_none_of_its_guards(hostile):
    assert hostile.tries("stream /mifeng/model/model.sock") == "done"
    for kind in ("stream", "packets"):
        for path in ("/mifeng/guard/start.sock", "/mifeng/run/key.sock", "/mifeng/platform/platform.sock"):
            assert hostile.tries(f"{kind} {path}") in ("ENOENT", "EACCES", "ECONNREFUSED"), (kind, path)


def test_it_sees_its_own_processes_and_ends_none_that_is_not(hostile):
    names = hostile.tries("processes").split()
    assert set(names) <= {"mifeng-start", "model"} and "model" in names, names
    # Process 1 is the platform's: signals to it come to nothing, or go on to the model where they are meant for it.
    for number in (9, 19, 15, 2):
        hostile.tries(f"signal {number}")
    assert hostile.tries("write /tmp/x") == "done"
    for user in (0, 65532, 1_900_000_000 + 12345):
        assert hostile.tries(f"user {user}") == "EPERM", user


def test_it_carries_nothing_away(hostile):
    guard, host = hostile.guards_address()
    ports = json.loads((hostile.installation.data / "ports.json").read_text())
    for kind in ("tcp", "udp"):
        for address in (guard, host, "192.0.2.1", "223.5.5.5"):
            assert hostile.tries(f"{kind} {address} 53") == "ENETUNREACH", (kind, address)
    # The host's loopback, where registry, platform and gateway listen, is another one than its own.
    for port in [*ports.values(), 8123, 15020]:
        assert hostile.tries(f"tcp 127.0.0.1 {port}") == "ECONNREFUSED", port


def test_what_it_answers_in_clear_reaches_nobody(hostile):
    port = 9123
    assert hostile.tries(f"serve-tcp {port}") == "done"
    assert hostile.tries(f"serve-udp {port}") == "done"
    assert hostile.tries(f"tcp 127.0.0.1 {port}") == "done", "it does listen"
    guard, host = hostile.guards_address()
    # Where the guard listens is reached from here; where the model does is not.
    with socket.create_connection((guard, 8123), timeout=5):
        pass
    for address in (guard, host, "127.0.0.1"):
        with pytest.raises(OSError):
            socket.create_connection((address, port), timeout=5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(1)
            datagrams.connect((address, port))
            with pytest.raises(OSError):
                datagrams.send(b"x")
                datagrams.recv(100)
    # And it did nothing to the one way that there is.
    connection = http.client.HTTPConnection(guard, 8123, timeout=20)
    connection.request("POST", "/predict", '"write /tmp/x"', {"Content-Type": "application/json", "Mifeng-Request-Id": "0" * 32})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200 and body.startswith(b"MFS") and b"done" not in body
    assert hostile.tries("write /tmp/x") == "done"


def test_a_flood_of_its_ports_ends_no_guard_and_hides_none(hostile):
    """More connections than its nginx takes, and bodies that fill the folder where nginx keeps them: within the memory that
    the guard was given, and beside its health, which nginx does not answer."""
    before = hostile.installation.guard_of(hostile.unit)
    guard, _ = hostile.guards_address()
    open_ones = []
    try:
        for _ in range(1200):
            open_ones.append(socket.create_connection((guard, 8123), timeout=10))
            open_ones[-1].sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        size = 16 << 20
        for connection in open_ones[:4]:
            connection.settimeout(20)
            with contextlib.suppress(OSError):  # it may say that it has no room
                connection.sendall(b"Mifeng-Request-Id: " + b"0" * 32 + b"\r\nContent-Length: %d\r\n\r\n" % (size + 1))
                connection.sendall(bytes(size))
        for _ in range(3):
            health = http.client.HTTPConnection(guard, 15020, timeout=5)
            health.request("GET", "/live")
            assert health.getresponse().status == 200
            health.close()
    finally:
        for connection in open_ones:
            connection.close()
    wait_until(lambda: hostile.call("write /tmp/x")[0] == 200, 30, "an answer after the flood")
    after = hostile.installation.guard_of(hostile.unit)
    assert (after["Id"], after["State"]["Pid"]) == (before["Id"], before["State"]["Pid"])
    assert hostile.installation.units(hostile.deployment) == [hostile.unit]


def mifeng(hostile, *words, **where):
    platform = f"unix:{hostile.installation.data}/run/mifengd.sock"
    return subprocess.Popen([BIN / "mifeng", *words], stdin=subprocess.DEVNULL,
                            env={**os.environ, "MIFENG_PLATFORM": platform}, **where)


def on_a_terminal(hostile, *words):
    """What `mifeng` writes where its output is a terminal."""
    ours, its = pty.openpty()
    with mifeng(hostile, *words, stdout=its, stderr=its) as ran:
        os.close(its)
        text = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while piece := os.read(ours, 65536):
                text += piece
        os.close(ours)
        assert ran.wait(timeout=60) == 0, text
    return text


def test_what_it_writes_acts_on_nobodys_terminal(hostile):
    """A title, a clipboard (OSC 52), a cleared screen, an answer to be typed in (DECRQSS), colours, C1, a text turned round."""
    sequences = [b"\x1b]0;owned\x07", b"\x1b]52;c;cm0gLXJm\x07", b"\x1b[2J\x1b[H", b"\x1bP$q\x1b\\", b"\x1b[31m",
                 "\u009b2J \u202etxt".encode(), b"\x9b2J", b"over\rwritten", b"\x08\x08"]
    for sequence in sequences:
        assert hostile.tries("say " + (b"here " + sequence).hex()) == "done"
    words = ("logs", hostile.deployment, "--tail", "-1")

    def to_a_program():
        with mifeng(hostile, *words, stdout=subprocess.PIPE) as ran:
            return ran.communicate(timeout=60)[0]
    wait_until(lambda: to_a_program().count(b"here ") == len(sequences), 20, "all of it is in the log")
    written = to_a_program()
    assert b"\x1b]0;owned\x07" in written, "to a file or a program it goes as it is"
    shown = on_a_terminal(hostile, *words)
    # The terminal's own driver makes CR LF of each line's end.
    body = shown.replace(b"\r\n", b"\n")
    assert body.count(b"here ") == len(sequences)
    assert not [byte for byte in body if byte < 0x20 and byte not in b"\n\t"], body
    assert "\u009b" not in body.decode() and "\u202e" not in body.decode()
    assert rb"here \x1b]0;owned\x07" in body and rb"here \x9b2J" in body and rb"here over\x0dwritten" in body
    assert b"\x1b]0;owned\x07" in on_a_terminal(hostile, *words, "--raw"), "who asks for it gets it"


PACKET_FILTER = ("/usr/sbin/iptables", "-w", "5", "-t", "mangle")


def own_rules():
    listed = subprocess.run([*PACKET_FILTER, "-S", "FORWARD"], check=True, capture_output=True, text=True).stdout
    return [line.split()[1:] for line in listed.splitlines()
            if line.startswith(("-A FORWARD -i mf", "-A FORWARD -o mf")) and line.endswith("-j DROP")]


def dropped_packets():
    """On their way to guards' bridges, by the platform's own rules: one for models', one for everybody."""
    listed = subprocess.run([*PACKET_FILTER, "-nvxL", "FORWARD"], check=True, capture_output=True, text=True).stdout
    rules = [line.split() for line in listed.splitlines() if " mf-+ " in line]
    towards_guards = [rule for rule in rules if rule[6] == "mf-+"]
    assert len(towards_guards) == 2, listed
    return sum(int(rule[0]) for rule in towards_guards)


def test_a_network_is_allowed_by_an_operator_and_leads_outwards_alone(hostile, tmp_path):
    project = tmp_path / "outgoing"
    shutil.copytree(SOURCE / "tests/attacks/hostile", project)
    for name, old, new in (("mifeng.yaml", 'version: "1.0.0"', 'version: "1.1.0"'),
                           ("deployment.yaml", 'version: "1.0.0"}', 'version: "1.1.0"}\n  network: outgoing')):
        text = (project / name).read_text()
        assert old in text
        (project / name).write_text(text.replace(old, new))
    installation = hostile.installation
    wanted = {"name": "outgoing", "version_id": installation.pack_and_accept(project),
              "route": {"name": "outgoing", "prefix": "/outgoing"}}
    plan = installation.api("POST", "/deployments/plan", wanted)
    assert any("spec.network: outgoing" in text for text in plan["warnings"])
    assert any("--allow-network" in text for text in plan["warnings"])
    with pytest.raises(ApiError) as refused:
        installation.api("POST", "/deployments", wanted)
    assert refused.value.reason == "network-not-allowed"
    made = installation.api("POST", "/deployments", {**wanted, "allow_network": True})["id"]
    try:
        installation.wait_state(made, ["ready"])
        other = Hostile(installation, hostile.key, made, "/outgoing")
        wait_until(lambda: other.call("write /tmp/x")[0] == 200, 20, "an answer")
        (network,) = installation.model_of(other.unit)["NetworkSettings"]["Networks"].values()
        address, host = network["IPAddress"], network["Gateway"]
        with socket.create_server((host, 0)) as server:
            assert other.tries(f"tcp {host} {server.getsockname()[1]}") == "done"
        # Neither its own guard, around which it would answer or ask, nor another's.
        def keeps_off_the_guards():
            for guard in (hostile.guards_address()[0], other.guards_address()[0]):
                for port in (8123, 15020):
                    with socket.create_connection((guard, port), timeout=5):
                        pass
                    dropped = dropped_packets()
                    assert other.tries(f"tcp {guard} {port}") != "done", (guard, port)
                    assert dropped_packets() > dropped, "what kept it away was not the platform's own rule"
        keeps_off_the_guards()
        # Nor another model that may use the network; and with the last container of any isolated network of the machine
        # netavark takes the way to its isolation of all of them away.
        beside = installation.api("POST", "/deployments", {**wanted, "name": "beside", "allow_network": True,
                                                           "route": {"name": "beside", "prefix": "/beside"}})["id"]
        installation.wait_state(beside, ["ready"])
        third = Hostile(installation, hostile.key, beside, "/beside")
        wait_until(lambda: third.call("serve-tcp 9123")[0] == 200, 20, "an answer")
        (network,) = installation.model_of(third.unit)["NetworkSettings"]["Networks"].values()
        with socket.create_connection((network["IPAddress"], 9123), timeout=5):
            pass
        assert other.tries(f"tcp {network['IPAddress']} 9123") != "done"
        installation.api("DELETE", "/deployments/" + beside)
        wait_until(lambda: len(installation.deployments()) == 2, 60, "the deletion")
        keeps_off_the_guards()
        # Rules that somebody's program swept away come back without anything being deployed.
        for rule in own_rules():
            subprocess.run([*PACKET_FILTER, "-D", *rule], check=True)
        wait_until(lambda: len(own_rules()) == 4, 60, "the rules")
        keeps_off_the_guards()
        # Another model with no network of its own does not reach it, and no port of the host's leads to it.
        assert other.tries("serve-tcp 9123") == "done"
        assert hostile.tries(f"tcp {address} 9123") == "ENETUNREACH"
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", 9123), timeout=2)
        assert not installation.model_of(other.unit)["HostConfig"]["PortBindings"]
    finally:
        installation.api("DELETE", "/deployments/" + made)
        wait_until(lambda: len(installation.deployments()) == 1, 60, "the deletion")
    assert not [one for one in installation.engine("/networks/json") if made in one["name"]]
