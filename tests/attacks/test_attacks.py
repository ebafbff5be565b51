"""Attacks on a whole installation, each beside what shows that it could have worked: the genuine instance answers, the
answer is readable where it is opened, the model is found where it does run."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import threading

import pytest
from installation import BIN, processes, wait_until
from scene import FalsePlatform, body_of, replay


def files_below(root):
    """Regular files below it; not those of /proc and /sys."""
    for folder, below, names in os.walk(root):
        if pathlib.Path(folder) == pathlib.Path(root):
            below[:] = [one for one in below if one not in ("proc", "sys", "dev")]
        for name in names:
            path = pathlib.Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def windows_of(content, count=16, size=192):
    """Pieces of a file that hardly stand elsewhere by chance."""
    found = []
    for number in range(count * 8):
        at = number * max(1, len(content) - size) // (count * 8)
        piece = content[at:at + size]
        if len(set(piece)) > 40 and len(found) < count:
            found.append(piece)
    assert len(found) >= 4
    return found


def holding(root, pieces):
    """Files below `root` that hold one of the pieces."""
    found = []
    for path in files_below(root):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if any(piece in content for piece in pieces):
            found.append(path.relative_to(root).as_posix())
    return found


def own_pieces(scene):
    """Pieces of the model's payload which the image does not hold anyway, as library code that was linked in."""
    app = pathlib.Path(f"/proc/{scene.engine.pid(scene.name)}/root/app")
    pieces = [piece for path in files_below(app) for piece in windows_of(path.read_bytes())]
    assert len(pieces) >= 16
    return pieces


def ask_at(address, port, request):
    """Status and raw body of a prediction asked for past the gateway; None where nobody listens."""
    connection = http.client.HTTPConnection(address, int(port), timeout=20)
    try:
        connection.request("POST", "/predict", json.dumps(request), {
            "Content-Type": "application/json", "Mifeng-Request-Id": os.urandom(16).hex()})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None, b""
    finally:
        connection.close()


def address_of(scene, name):
    (network,) = scene.engine.inspect(name)["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


@pytest.fixture(scope="module")
def copied(scene):
    """A copy of the image that somebody runs elsewhere, before a platform of his own that gives nothing; and the grant
    request which it made, in the name of the genuine container."""
    folder = scene.folder / "elsewhere"
    folder.mkdir()
    false = FalsePlatform(folder / "platform.sock")
    name = scene.copy(folder)
    assert false.arrived.wait(30)
    yield name, false.requests[0]
    scene.engine.remove(name)
    false.close()


def test_a_copied_image_started_elsewhere_holds_and_answers_nothing(scene, genuine, copied):
    name, _ = copied
    said = scene.engine.wait_log(name, "Asking again")
    assert "mifengd runs" in said, said
    pieces = own_pieces(scene)
    inside = f"/proc/{scene.engine.pid(scene.name)}/root"
    assert {"app/model"} <= set(holding(inside, pieces))
    assert holding(f"/proc/{scene.engine.pid(name)}/root", pieces) == []
    # Nor on this machine's disk, where the image of both lies unpacked.
    assert holding(scene.data / "podman/storage", pieces) == []
    assert holding(scene.data / "podman/volumes", pieces) == []

    address = address_of(scene, name)
    status, body = ask_at(address_of(scene, scene.name), 8080, scene.request)
    assert status == 200 and body.startswith(b"MFS")
    for port in (8080, 15020):
        status, body = ask_at(address, port, scene.request)
        assert status != 200 and b"probability" not in body
    assert scene.engine.inspect(name)["Id"] not in scene.granted_containers()
    assert scene.engine.inspect(scene.name)["Id"] in scene.granted_containers()


def test_a_copy_with_a_genuine_containers_socket_is_refused(scene, genuine):
    before = len(scene.refusals("not-first-process", scene.name))
    name = scene.copy(scene.sockets / scene.name)
    try:
        said = scene.engine.wait_log(name, "The platform refused the request")
        assert "audit log" in said
        assert len(scene.refusals("not-first-process", scene.name)) > before
        assert scene.engine.inspect(name)["Id"] not in scene.granted_containers()
        assert holding(f"/proc/{scene.engine.pid(name)}/root/app", own_pieces(scene)) == []
    finally:
        scene.engine.remove(name)


def refused(answer):
    status, body = answer
    assert status == 403, answer
    assert json.loads(body)["reason"] == "refused"
    return True


def test_another_process_with_a_fresh_request_is_refused(scene, genuine, copied):
    _, fresh = copied
    before = len(scene.refusals("not-first-process", scene.name))
    assert refused(replay(scene.socket, fresh))
    assert refused(scene.replay_inside(fresh))
    assert len(scene.refusals("not-first-process", scene.name)) == before + 2


@contextlib.contextmanager
def read_only(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module")
def recorded(scene):
    """The bytes of a grant request of the genuine container's first process, which were granted after that."""
    real = scene.socket.with_name("real")
    with scene.frozen_platform():
        scene.socket.rename(real)
        between = FalsePlatform(scene.socket)
        scene.engine.ask("POST", f"/containers/{scene.name}/restart?t=0")
        assert between.arrived.wait(30)
        between.close()
        real.rename(scene.socket)
    stored = hashlib.new("sm3", body_of(between.requests[0])).hexdigest()

    def granted():
        with read_only(scene.data / "mifengd/mifeng.db") as database:
            rows = database.execute("SELECT answer FROM instances WHERE request_sm3 = ? AND ended_ms = 0", [stored])
            return rows.fetchone()
    answer = wait_until(granted, 60, "the grant of the recorded request")[0]
    scene.installation.wait_state(scene.deployment, ["ready"])
    wait_until(lambda: scene.predict()[0] == 200, 30, "an answer")
    return between.requests[0], answer


def test_a_replayed_request_yields_nothing_and_stops_nobody(scene, recorded, genuine):
    request, stored_answer = recorded
    assert refused(replay(scene.socket, request))
    assert refused(scene.replay_inside(request))

    # Whoever reads the answer out of the database has a stream that is sealed to the guard's key in its memory.
    mine, public = scene.folder / "mine.pem", scene.folder / "mine.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "SM2", "-out", mine], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", mine, "-pubout", "-out", public], check=True)
    answer, opened = scene.folder / "answer", scene.folder / "opened"
    answer.write_bytes(base64.b64decode(stored_answer))
    tried = subprocess.run([BIN / "mifeng", "open", "--key", mine, "-o", opened], input=answer.read_bytes(),
                           capture_output=True)
    assert tried.returncode == 6 and b"no-recipient" in tried.stderr and not opened.exists()
    sealed = subprocess.run([BIN / "mifeng", "seal", "--kind", "grant", "--to", public], input=b"for me",
                            capture_output=True, check=True).stdout
    again = subprocess.run([BIN / "mifeng", "open", "--key", mine], input=sealed, capture_output=True, check=True)
    assert again.stdout == b"for me"


def changed_command(spec):
    spec["command"] = ["--", "/app/model", "--verbose"]
    return "Args"


def changed_environment(spec):
    spec["env"]["LD_PRELOAD"] = "/cache/thief.so"
    return "Config.Env"


def changed_mount(spec):
    spec["mounts"].append({"destination": "/etc/thief", "type": "bind", "source": "/etc", "options": ["ro", "rprivate"]})
    return "Mounts"


@pytest.fixture(scope="module")
def victim(scene):
    version = scene.installation.deployments()[0]["version_id"]
    made = scene.api("POST", "/deployments", {"name": "victim", "version_id": version,
                                              "route": {"name": "victim", "prefix": "/victim"}})["id"]
    scene.installation.wait_state(made, ["ready"])
    wait_until(lambda: scene.predict("/victim")[0] == 200, 30, "an answer")
    yield made
    scene.api("DELETE", "/deployments/" + made)
    wait_until(lambda: len(scene.installation.deployments()) == 1, 60, "the deletion")


def make_again(scene, name, change):
    """Makes the container anew under its name, past the platform; its id, and what was changed."""
    with scene.frozen_platform():
        spec = scene.engine.spec_of(name)
        scene.engine.remove(name)
        what = change(spec)
        made = scene.engine.run(spec)
        connected = pathlib.Path(f"/proc/{scene.engine.pid(made)}/net/unix")
        # So that it is heard before it is replaced.
        wait_until(lambda: f"{name}/platform.sock" in connected.read_text(), 30, "the guard's connection")
        return made, what


@pytest.mark.parametrize("change", [None, changed_command, changed_environment, changed_mount])
def test_a_container_that_was_made_again_with_a_change_is_refused(scene, genuine, victim, change):
    name = f"mf-{scene.installation.id[:8]}-{victim}-0"
    before = len(scene.refusals("drifted", name))
    made, what = make_again(scene, name, change or (lambda spec: None))
    if change is None:  # so it is the change, and nothing else of how it was made, that is refused below
        wait_until(lambda: made in scene.granted_containers(), 30, "the grant of the unchanged container")
    else:
        found = wait_until(lambda: scene.refusals("drifted", name)[:-before or None], 30, "the refusal")
        assert what in found[0]["detail"], found
        wait_until(lambda: scene.engine.ids().get(name, made) != made, 60,
                   "the platform's own container in its place")
        assert made not in scene.granted_containers()
    scene.installation.wait_state(victim, ["ready"])
    wait_until(lambda: scene.predict("/victim")[0] == 200, 30, "an answer")


def test_an_answer_at_the_node_port_is_sealed(scene, genuine):
    status, body = ask_at("127.0.0.1", scene.node_port, scene.request)
    assert status == 200 and body.startswith(b"MFS")
    status, opened = scene.predict()
    assert status == 200
    answer = json.loads(opened)
    assert set(answer) == {"malignant", "probability"}
    for text in (b"malignant", b"probability", opened, repr(answer["probability"][0]).encode()):
        assert text not in body


def test_what_answers_at_the_node_port_in_a_models_place_is_not_believed(scene):
    assert scene.predict()[0] == 200
    _, recorded_answer = ask_at("127.0.0.1", scene.node_port, scene.request)
    plain = b'{"malignant":[false],"probability":[0.25]}'
    reached = []

    def serve(server, body):
        try:
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    reached.append(body)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                                       b"Connection: close\r\n\r\n" % len(body) + body)
        except OSError:
            return

    with scene.frozen_platform():
        scene.engine.ask("POST", f"/containers/{scene.name}/stop?t=0")
        for body in (plain, recorded_answer):
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind(("127.0.0.1", int(scene.node_port)))
                server.listen()
                threading.Thread(target=serve, args=(server, body), daemon=True).start()
                status, got = scene.predict()
                assert status == 502 and b"probability" not in got, got
                assert body in reached
                server.shutdown(socket.SHUT_RDWR)
    scene.installation.wait_state(scene.deployment, ["ready"])
    wait_until(lambda: scene.predict()[0] == 200, 60, "an answer of the model again")


def test_the_gateway_knows_routes_and_callers(scene, genuine):
    other = scene.installation.caller_key("other")
    ids = {one["name"]: one["id"] for one in scene.api("GET", "/callers?page_size=100")["items"]}
    scene.api("POST", "/routes", {"name": "mine", "prefix": "/mine", "forward": "mifeng://" + scene.deployment,
                                  "callers": [ids["tests"]]})
    wait_until(lambda: scene.predict("/mine")[0] == 200, 20, "the new route")
    assert scene.predict(key=other)[0] == 200
    assert scene.predict("/mine", key=other)[0] == 403
    assert scene.predict("/nowhere")[0] == 404
    assert scene.installation.call("/tumor/predict", scene.request)[0] == 401
    assert scene.predict(key=scene.key[:-1] + ("A" if scene.key[-1] != "A" else "B"))[0] == 401
    renewed = scene.installation.caller_key("other")
    wait_until(lambda: scene.predict(key=other)[0] == 401, 20, "the end of the old key")
    assert scene.predict(key=renewed)[0] == 200


def related(scene):
    """Processes of the installation: what descends from `mifeng up`, and what runs in or watches its containers."""
    ours = {scene.installation.process.pid}
    containers = list(scene.engine.ids().values())
    for pid, parent, command in sorted(processes()):
        try:
            group = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            continue
        if parent in ours or any(one in group or one in " ".join(command) for one in containers):
            ours.add(pid)
    return ours


def places(scene):
    """Everything that is written down or shown about the installation, by name."""
    for folder in ("mifengd", "gateway", "logs", "run"):
        for path in files_below(scene.data / folder):
            yield str(path.relative_to(scene.data)), path.read_bytes()
    yield "up.stderr", (scene.data / "up.stderr").read_bytes()
    for name in scene.engine.ids():
        yield "podman inspect " + name, json.dumps(scene.engine.inspect(name)).encode()
        yield "podman logs " + name, scene.engine.log(name).encode()
    for pid in related(scene):
        for kind in ("environ", "cmdline"):
            try:
                yield f"{kind} of {pid}", pathlib.Path(f"/proc/{pid}/{kind}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue


def spellings(secret):
    yield secret
    for text in (secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode().rstrip("=")):
        yield text.encode()


def vendors_scalar(scene):
    shown = subprocess.run(["openssl", "pkey", "-in", scene.data / "vendor/examples.key", "-text", "-noout"],
                           capture_output=True, text=True, check=True).stdout
    digits = re.search(r"priv:\s+([0-9a-f:\s]+)", shown)[1]
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))


def as_person(scene, bearer, method, path, body=None):
    where = scene.installation.line("console and API").removeprefix("http://")
    connection = http.client.HTTPConnection(where, timeout=30)
    connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                       {"Content-Type": "application/json", "Authorization": "Bearer " + bearer})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert response.status < 300, (response.status, text)
    return json.loads(text) if text else None


def test_no_secret_stands_where_it_can_be_read(scene, genuine):
    words = scene.installation.line("administrator").split()
    password = words[words.index("password") + 1]
    chosen = "another one entirely " + os.urandom(8).hex()
    session = scene.api("POST", "/session", {"name": "admin", "password": password})["token"]
    as_person(scene, session, "PUT", "/session/password", {"old_password": password, "new_password": chosen})
    token = as_person(scene, session, "POST", "/tokens", {"name": "ci", "roles": ["administrator"]})["token"]
    assert as_person(scene, token, "GET", "/routes")["items"]
    key_file = scene.data.parent / "d.key"
    assert key_file.stat().st_mode & 0o077 == 0
    secrets = {"master key": bytes.fromhex(key_file.read_text().strip()), "password": password.encode(),
               "session": session.encode(), "vendor's private key": vendors_scalar(scene),
               "caller's key": scene.key.encode(), "API token": token.encode(), "chosen password": chosen.encode(),
               "example caller's key": scene.installation.line("try it").split("Bearer ")[1].split("'")[0].encode()}
    everything = dict(places(scene))
    assert {"mifengd/mifeng.db", "logs/mifengd.log", "up.stderr", "podman inspect " + scene.name} <= set(everything)
    assert f"environ of {scene.installation.service_pid('mifengd')}" in everything
    assert f"environ of {scene.engine.pid(scene.name)}" in everything
    for what, secret in secrets.items():
        assert len(secret) >= 16, what
        for spelling in spellings(secret):
            for place, content in everything.items():
                assert spelling not in content, f"{what} stands in {place}"
    # What is searched is readable: the deployment's name, and the digest by which a caller's key is known.
    assert scene.deployment.encode() in everything["mifengd/mifeng.db"] + everything["mifengd/mifeng.db-wal"]
    assert any(scene.name.encode() in content for place, content in everything.items() if place.startswith("environ"))


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
    last, = database.execute("SELECT max(seq) FROM audit_log").fetchone()
    database.execute("DELETE FROM audit_log WHERE seq > ?", [last - 3])
    database.execute("DELETE FROM audit_heads WHERE seq > ?", [last - 3])


def sql(text):
    def run(database):
        assert database.execute(text).rowcount == 1
    return run


@pytest.mark.parametrize("name, change, found", [
    ("unchanged", lambda database: None, False),
    ("outcome", sql("UPDATE audit_log SET outcome = 'ok' WHERE seq = "
                    "(SELECT min(seq) FROM audit_log WHERE outcome = 'not-first-process')"), True),
    ("removed", sql("DELETE FROM audit_log WHERE seq = "
                    "(SELECT min(seq) FROM audit_log WHERE outcome = 'drifted')"), True),
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
