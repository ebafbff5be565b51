"""mifeng-gateway: enrolment, snapshots, what it refuses, and what it does while the platform is away."""
import os
import pathlib
import pwd
import re
import signal
import socket
import ssl
import subprocess
import time

from keyholders import MARKER, wait_for


def pair(stage, **options):
    """A container that serves, and a gateway in its network that can open its answers."""
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("endpoint 127.0.0.1:8080")
    gateway = stage.gateway(container=container, **options)
    gateway.wait_ready()
    return platform, container, gateway


def serials(platform):
    return [e["confirmed"] for e in platform.events() if "confirmed" in e]


def published(platform):
    """A new snapshot, confirmed."""
    platform.command("publish")
    serial = [e["published"] for e in platform.events() if "published" in e][-1]
    wait_for(lambda: serial in serials(platform), "a confirmation")


def test_opens_what_the_guard_has_sealed(stage):
    platform, _, gateway = pair(stage)
    answer = gateway.call("/probe/weights")
    assert answer.status == 200 and answer.body == MARKER.encode()
    assert answer.field("content-type") == "text/plain"
    for size in (0, 1, 900):
        assert gateway.call("/probe/" + "x" * size).body == b"/" + b"x" * size
    assert gateway.call("/other").status == 404
    # What it counted reaches the platform, with the serial in force.
    platform.wait(lambda e: e.get("calls", 0) >= 4 and e.get("counter", 0) > 0, "a report with calls", 15)
    # Another output key, while it serves.
    platform.command("rotate")
    published(platform)
    platform.wait(lambda e: "renewal" in e)
    for _ in range(20):
        assert gateway.call("/probe/weights").status == 200


def test_a_snapshot_that_is_old_forged_or_altered_changes_nothing(stage):
    platform, _, gateway = pair(stage)
    published(platform)
    in_force = max(serials(platform))
    for kind, reason in (("old", "snapshot-rollback"), ("forged", "bad-signature"), ("altered", "bad-tag")):
        platform.command(f"send {kind}")
        gateway.wait_log(f"a snapshot was refused ({reason})")
        assert gateway.call("/probe/weights").status == 200
    assert max(serials(platform)) == in_force
    refused = platform.wait(lambda e: "snapshot-rollback" in e.get("refusals", {}), "the report of it", 15)
    assert refused["confirmed"] == in_force
    # Not after a restart either: the serial in force is that of the stored snapshot.
    gateway.kill()
    followed = platform.count(lambda e: "following" in e)
    again = stage.gateway(join=False, container=gateway.container)
    again.wait_ready()
    wait_for(lambda: platform.count(lambda e: "following" in e) > followed, "the gateway to follow again")
    assert [e["following"] for e in platform.events() if "following" in e][-1] == in_force
    platform.command("send old")
    again.wait_log("a snapshot was refused (snapshot-rollback)")
    assert again.call("/probe/weights").status == 200
    # And without the platform.
    again.kill()
    platform.stop()
    third = stage.gateway(join=False, container=gateway.container)
    third.wait_ready()
    assert third.call("/probe/weights").body == MARKER.encode()


def test_serves_while_the_platform_is_away_until_its_snapshot_expires(stage):
    platform, _, gateway = pair(stage)
    platform.command("expire 6000")
    published(platform)
    platform.process.send_signal(signal.SIGSTOP)  # away: it neither answers nor ends its connections
    try:
        gateway.wait_log("the platform cannot be followed")
        wait_for(lambda: gateway.call("/probe/weights").status == 503, "refusal after expiry", 10)
        assert gateway.call("/probe/weights").body.find(MARKER.encode()) < 0
        gateway.kill()
        # An expired one is not used after a restart.
        again = stage.gateway(join=False, container=gateway.container)
        again.wait_log("the platform cannot be followed")
        assert not again.log().count("ready: serving")
    finally:
        platform.process.send_signal(signal.SIGCONT)
    platform.command("expire 60000")
    platform.command("publish")
    again.wait_ready()
    assert again.call("/probe/weights").body == MARKER.encode()


def test_a_lost_answer_to_the_enrolment_is_asked_for_again(stage):
    platform = stage.prepare()
    platform.command("lose 2")
    gateway = stage.gateway()
    gateway.wait_ready()
    assert platform.count(lambda e: e.get("enrolled") == "gw-1") == 1
    assert platform.count(lambda e: e.get("enrolled") == "again") == 2


def test_a_false_platform_cannot_enrol_it(stage):
    platform = stage.prepare()
    platform.command("false 1")
    gateway = stage.gateway()
    gateway.wait_log("whoever answered is not the platform of the join file")
    assert "ready" not in gateway.log()


def test_without_a_join_file_it_says_what_is_missing(stage):
    stage.prepare()
    gateway = stage.gateway(join=False)
    assert gateway.process.wait(10) == 1
    assert "start it once with --join" in gateway.log()


def test_keys_and_code_are_nowhere_in_clear(stage):
    stage.prepare()
    gateway = stage.gateway()
    gateway.wait_ready()
    for file in (stage.folder / "gateway").rglob("*"):
        if file.is_file():
            assert b"K7QW-2M9D" not in file.read_bytes(), file
            assert file.stat().st_mode & 0o077 == 0 or file.name == "access.log", file
    environment = pathlib.Path(f"/proc/{gateway.process.pid}/environ")
    assert os.stat(environment).st_uid == 0
    assert "K7QW" not in pathlib.Path(f"/proc/{gateway.process.pid}/cmdline").read_text()


def test_killed_at_any_time_it_continues(stage):
    platform, container, gateway = pair(stage)
    for _ in range(5):
        platform.command("publish")
        gateway.kill()
        gateway = stage.gateway(join=False, container=container)
        gateway.wait_ready()
        assert gateway.call("/probe/weights").body == MARKER.encode()
    # Its nginx went with each.
    def listeners():
        shown = container.inside(lambda: subprocess.run(["ss", "-ltnH"], capture_output=True, text=True)).stdout
        return [line for line in shown.splitlines() if "127.0.0.1" in line]
    wait_for(lambda: len(listeners()) == 1, "one listener alone")
    # nginx alone.
    nginx = subprocess.run(["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(nginx[0]), signal.SIGKILL)
    wait_for(lambda: gateway.call("/probe/weights").status == 200, "nginx again")


def test_off_loopback_it_speaks_tls_with_http_2(stage):
    platform = stage.prepare()
    gateway = stage.gateway(options=["--listen", "0.0.0.0:0"])
    assert gateway.wait_ready().startswith("https://")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            assert tls.selected_alpn_protocol() == "h2"
            assert tls.version() in ("TLSv1.2", "TLSv1.3")
    answer = subprocess.run(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                             f"https://127.0.0.1:{gateway.port}/other"], capture_output=True, text=True).stdout
    assert answer == "2 404"
    assert platform.count(lambda e: "refused" in e) == 0


def test_stops_within_ten_seconds(stage):
    platform = stage.prepare()
    gateway = stage.gateway()
    gateway.wait_ready()
    started = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - started < 10
    assert not re.search(r"error|exception", gateway.log(), re.I), gateway.log()
    assert platform.process.poll() is None


def test_its_access_log_stays_bounded(stage):
    stage.prepare()
    gateway = stage.gateway(options=["--access-log-max", "1000"])
    gateway.wait_ready()
    state = stage.folder / "gateway"
    for _ in range(20):
        gateway.call("/other")
    old = state / "access.log.1"
    wait_for(lambda: old.exists() and "/other" in old.read_text(), "the old log", 15)
    gateway.call("/later")
    wait_for(lambda: "/later" in (state / "access.log").read_text(), "a line in the new log")


HELLO = bytes.fromhex("00000007 01 02 01 00000001")
STRANGER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
try:
    s.sendall(bytes.fromhex(sys.argv[2]))
    print(len(s.recv(100000)))
except ConnectionError:
    print(0)
"""


def children(pid):
    return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run_folder(master):
    """nginx writes its title over its arguments; its configuration stands in its run folder."""
    title = pathlib.Path(f"/proc/{master}/cmdline").read_text().replace("\0", " ")
    return pathlib.Path(re.search(r" -p (\S+)", title)[1])


def ask_key_socket(path, user, group):
    """How many bytes it gives to a process of this user; None where it cannot even connect."""
    done = subprocess.run(["/usr/bin/python3", "-I", "-c", STRANGER, path, HELLO.hex()], user=user, group=group, extra_groups=[],
                          capture_output=True, text=True, timeout=30)
    return int(done.stdout) if done.returncode == 0 else None


def test_workers_of_a_gateway_that_root_started_are_not_root(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("endpoint 127.0.0.1:8080")
    state = stage.folder / "gateway"
    state.mkdir(mode=0o755)
    gateway = stage.gateway(container=container)
    gateway.wait_ready()
    nobody = pwd.getpwnam("mifeng" if any(u.pw_name == "mifeng" for u in pwd.getpwall()) else "nobody")
    [master] = children(gateway.process.pid)
    workers = children(master)
    assert workers
    for worker in workers:
        status = pathlib.Path(f"/proc/{worker}/status").read_text()
        assert re.search(rf"^Uid:\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}$", status, re.M)
        assert re.search(rf"^Gid:\s+{nobody.pw_gid}\s", status, re.M)
        assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^CapPrm:\s+0+$", status, re.M), status
        assert os.stat(f"/proc/{worker}/environ").st_uid == 0  # not dumpable
    # It can do its work: open answers, and spill a large body.
    assert gateway.call("/probe/weights").body == MARKER.encode()
    assert gateway.call("/probe/large", method="POST", body=os.urandom(3 << 20)).body == b"/large"
    # What is the keyholder's stays so.
    assert state.stat().st_mode & 0o777 == 0o700
    run = run_folder(master)
    assert (run.stat().st_mode & 0o777, run.stat().st_uid, run.stat().st_gid) == (0o710, 0, nobody.pw_gid)
    socket_path = run / "key.sock"
    assert (socket_path.stat().st_mode & 0o777, socket_path.stat().st_gid) == (0o660, nobody.pw_gid)
    # Another process of the same user is turned away, one of another user does not even reach it; nor is root a worker.
    assert ask_key_socket(socket_path, nobody.pw_uid, nobody.pw_gid) == 0
    gateway.wait_log("a process that is no worker of ours asked at the key socket")
    assert ask_key_socket(socket_path, 65533, 65533) is None
    assert ask_key_socket(socket_path, 0, 0) == 0
    assert gateway.call("/probe/weights").status == 200
    # A worker that is replaced gets in again.
    os.kill(workers[0], signal.SIGKILL)
    wait_for(lambda: children(master) not in ([], workers), "a new worker")
    wait_for(lambda: gateway.call("/probe/weights").status == 200, "an answer by it")


def test_workers_as_root_are_refused_with_a_sentence(stage):
    stage.prepare()
    gateway = stage.gateway(options=["--user", "root"])
    assert gateway.process.wait(10) == 1
    assert "nginx' workers do not run as root; give --user NAME" in gateway.log()
