"""Attacks on a whole installation with copied, changed and strange containers and processes, each beside what shows that it
could have worked: the genuine instance answers, the answer is readable where it is opened, the model is found where it
does run."""
import base64
import hashlib
import json
import pathlib
import subprocess
import time

import pytest
from installation import BIN, wait_until
from looking import address_of, ask_at, holding, own_pieces, read_only
from scene import FalsePlatform, body_of, replay


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
    scene.engine.remove_unit(name)
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
    volumes = scene.data / "podman/volumes"
    assert holding(volumes, pieces, on_its_disk=True) == []
    assert holding(volumes, pieces), "the opened payload's folder in memory is among them"

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
        scene.engine.remove_unit(name)


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


@pytest.fixture(scope="module")
def recorded(scene):
    """The bytes of a grant request of the genuine container's first process, which were granted after that."""
    real = scene.socket.with_name("real")
    with scene.frozen_platform():
        scene.socket.rename(real)
        between = FalsePlatform(scene.socket)
        for name in (scene.name, scene.name + ".model"):
            scene.engine.ask("POST", f"/containers/{name}/stop?timeout=0")
        for name in (scene.name + ".model", scene.name):
            scene.engine.ask("POST", f"/containers/{name}/start")
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
    tried = subprocess.run([BIN / "mifeng", "open", "--key", mine, "--output-file", opened], input=answer.read_bytes(),
                           capture_output=True)
    assert tried.returncode == 6 and b"no-recipient" in tried.stderr and not opened.exists()
    sealed = subprocess.run([BIN / "mifeng", "seal", "--kind", "grant", "--to", public], input=b"for me",
                            capture_output=True, check=True).stdout
    again = subprocess.run([BIN / "mifeng", "open", "--key", mine], input=sealed, capture_output=True, check=True)
    assert again.stdout == b"for me"


def argument_of_the_guard(spec, sockets):
    spec["command"] = [*spec["command"], "--run", "/mifeng/run"]
    return "Args"


def environment_of_the_guard(spec, sockets):
    spec["env"]["LD_PRELOAD"] = "/mifeng/model/thief.so"
    return "Config.Env"


def mount_of_the_guard(spec, sockets):
    spec["mounts"].append({"destination": "/etc/thief", "type": "bind", "source": "/etc", "options": ["ro", "rprivate"]})
    return "Mounts"


def command_of_the_model(spec, sockets):
    spec["command"] = [*spec["command"], "--verbose"]
    return "model: Args"


def environment_of_the_model(spec, sockets):
    spec["env"]["LD_PRELOAD"] = "/mifeng/model/thief.so"
    return "model: Config.Env"


def network_of_the_model(spec, sockets):
    spec["netns"] = {"nsmode": "bridge"}
    return "model: HostConfig.NetworkMode"


def app_that_the_model_can_write(spec, sockets):
    for volume in spec["volumes"]:
        if volume["Dest"] == "/app":
            volume["Options"] = ["rw" if one == "ro" else one for one in volume["Options"]]
    return "model: Mounts./app.RW"


def platforms_socket_in_the_models_container(spec, sockets):
    spec["mounts"].append({"destination": "/mifeng/platform", "type": "bind", "source": str(sockets),
                           "options": ["ro", "rprivate"]})
    return "model: Mounts"


@pytest.fixture
def victim(scene):
    """A deployment of its own for each attack: a unit is granted its key five times in ten minutes at most."""
    version = scene.installation.deployments()[0]["version_id"]
    made = scene.api("POST", "/deployments", {"name": "victim", "version_id": version,
                                              "route": {"name": "victim", "prefix": "/victim"}})["id"]
    scene.installation.wait_state(made, ["ready"])
    wait_until(lambda: scene.predict("/victim")[0] == 200, 30, "an answer")
    yield made
    scene.api("DELETE", "/deployments/" + made)
    wait_until(lambda: len(scene.installation.deployments()) == 1, 60, "the deletion")


CHANGES = [("guard", argument_of_the_guard), ("guard", environment_of_the_guard), ("guard", mount_of_the_guard),
           ("model", command_of_the_model), ("model", environment_of_the_model), ("model", network_of_the_model),
           ("model", app_that_the_model_can_write), ("model", platforms_socket_in_the_models_container)]


def make_again(scene, name, change):
    """Makes the unit anew under its names, past the platform; the id of its guard's container, and what was changed."""
    what = []
    changes = {}
    if change:
        container, how = change
        changes["change_" + container] = lambda spec: what.append(how(spec, scene.sockets / name))
    with scene.frozen_platform():
        made = scene.engine.make_again(name, **changes)
        connected = pathlib.Path(f"/proc/{scene.engine.pid(made)}/net/unix")
        # So that it is heard before it is replaced.
        wait_until(lambda: f"{name}/platform.sock" in connected.read_text(), 30, "the guard's connection")
    return made, what


@pytest.mark.parametrize("change", [None, *CHANGES], ids=lambda change: change[1].__name__ if change else "unchanged")
def test_a_unit_that_was_made_again_with_a_change_is_refused(scene, genuine, victim, change):
    (name,) = scene.installation.units(victim)
    before = len(scene.refusals("drifted", name))
    made, what = make_again(scene, name, change)
    if change is None:  # so it is the change, and nothing else of how it was made, that is refused below
        wait_until(lambda: made in scene.granted_containers(), 30, "the grant of the unchanged unit")
    else:
        found = wait_until(lambda: scene.refusals("drifted", name)[:-before or None], 30, "the refusal")
        assert what[0] in found[0]["detail"], found
        wait_until(lambda: made not in scene.engine.ids().values(), 60, "the end of the changed unit")
        assert made not in scene.granted_containers()
    scene.installation.wait_state(victim, ["ready"])
    wait_until(lambda: scene.predict("/victim")[0] == 200, 30, "an answer")


def test_a_model_under_the_guards_own_user_is_not_even_heard(scene, genuine, victim):
    """With it, it could read and change what is the guard's. The guard takes no connection of any user but the model's."""
    (name,) = scene.installation.units(victim)
    with scene.frozen_platform():
        made = scene.engine.make_again(name, change_model=lambda spec: spec.update(user="65532:65532"))
        # It tries for as long as its patience lasts, and is never taken.
        time.sleep(3)
        assert "granted" not in scene.engine.log(name) and "payload" not in scene.engine.log(name)
        connected = pathlib.Path(f"/proc/{scene.engine.pid(made)}/net/unix").read_text()
        assert f"{name}/platform.sock" not in connected
    wait_until(lambda: made not in scene.engine.ids().values(), 60, "the end of the changed unit")
    assert made not in scene.granted_containers()
    scene.installation.wait_state(victim, ["ready"])
    wait_until(lambda: scene.predict("/victim")[0] == 200, 30, "an answer")
