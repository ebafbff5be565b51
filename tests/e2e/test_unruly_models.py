"""Models that crash, hang and answer 500, a port that is taken: each is said in a sentence and harms nothing else."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import urllib.parse

import pytest

from installation import SOURCE, ApiError, Installation, UnixConnection, bind_once_free, wait_until


@pytest.fixture(scope="module")
def unruly():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        installation = Installation(os.path.join(path, "d"), examples=SOURCE / "tests/e2e/models")
        with installation:
            installation.wait_answer("/unruly")
            installation.key = installation.caller_key()
            wait_until(lambda: ask(installation, {"do": "nothing"})[0] == 200, 20, "an answer")
            yield installation
        assert installation.left_behind() == []


@pytest.fixture
def deploy(unruly):
    """Deploys the unruly model once more, with another MODE, and takes it away again."""
    made = []

    def run(name, mode="good", **more):
        version = next(one["version_id"] for one in unruly.deployments() if one["name"] == "unruly")
        deployment = unruly.api("POST", "/deployments", {
            "name": name, "version_id": version, "env": [{"name": "MODE", "value": mode}],
            "route": {"name": name, "prefix": "/" + name}, **more})
        made.append(deployment["id"])
        return deployment["id"]

    yield run
    for one in made:
        unruly.api("DELETE", "/deployments/" + one)
    wait_until(lambda: len(unruly.deployments()) == 1, 90, "the deletions")
    # The one that was there before still answers.
    assert ask(unruly, {"do": "nothing"})[0] == 200


def ask(installation, body, prefix="/unruly"):
    return installation.call(prefix + "/predict", body, key=installation.key)


def test_what_the_config_says_arrives_in_the_unit(unruly, deploy):
    deployment = deploy("arrives", mode="seen", replicas=2)
    unruly.wait_state(deployment, ["ready"])
    status, body = wait_until(lambda: (lambda answer: answer if answer[0] == 200 else None)(
        ask(unruly, {"do": "look"}, "/arrives")), 20, "an answer")
    seen = json.loads(body)
    user = seen.pop("uid")
    assert seen == {"mode": "seen", "lang": "C.UTF-8", "cache": True, "fast": True, "root": False}
    names = unruly.units(deployment)
    containers = set(unruly.containers())
    assert len(names) == 2 and set(names) <= containers
    # A user of its own for each deployment: what the kernel counts by user is no other's.
    status, body = ask(unruly, {"do": "look"})
    other = json.loads(body)["uid"]
    assert user >= 1_900_000_000 and other >= 1_900_000_000 and user != other


def test_a_model_that_crashes_at_its_start_is_explained(unruly, deploy):
    deployment = deploy("crashes", mode="crash")
    def reason():
        text = unruly.api("GET", f"/deployments/{deployment}")["reason"]
        return text if "another version" in text or "exit status" in text else None
    assert wait_until(reason, 60, "the reason")


def test_a_model_that_never_gets_ready_is_explained(unruly, deploy):
    deployment = deploy("hangs", mode="hang")
    def reason():
        now = unruly.api("GET", f"/deployments/{deployment}")
        assert now["state"] != "ready"
        return now["reason"] if "ready" in now["reason"] else None
    assert wait_until(reason, 60, "the reason")


def test_a_model_that_throws_is_a_500_without_its_secrets(unruly):
    status, body = ask(unruly, {"do": "throw"})
    assert status == 500
    assert b"secret" not in body
    status, body = ask(unruly, {"do": "refuse"})
    assert status == 400 and b"not for this model" in body


def test_a_model_that_dies_in_a_call_comes_back(unruly):
    assert ask(unruly, {"do": "crash"})[0] in (500, 502, 503, 504)

    def answers():
        try:
            return ask(unruly, {"do": "nothing"})[0] == 200
        except OSError:
            return False
    wait_until(answers, 90, "the model's return")


def test_a_model_that_eats_its_memory_comes_back_and_is_explained(unruly, deploy):
    deployment = deploy("eats")
    unruly.wait_state(deployment, ["ready"])
    wait_until(lambda: ask(unruly, {"do": "nothing"}, "/eats")[0] == 200, 20, "an answer")
    assert ask(unruly, {"do": "eat"}, "/eats")[0] >= 500
    wait_until(lambda: ask(unruly, {"do": "nothing"}, "/eats")[0] == 200, 90, "the model's return")


def test_a_model_that_hangs_in_a_call_holds_up_no_other_call(unruly):
    before = {one["id"] for one in unruly.api("GET", "/instances?page_size=100")["items"] if not one["ended_ms"]}
    where = urllib.parse.urlsplit(unruly.gateway)
    hanging = http.client.HTTPConnection(where.hostname, where.port, timeout=3)
    hanging.request("POST", "/unruly/predict", json.dumps({"do": "hang"}), {
        "Content-Type": "application/json", "Authorization": "Bearer " + unruly.key})
    for _ in range(5):
        assert ask(unruly, {"do": "nothing"})[0] == 200
    with pytest.raises(TimeoutError):
        hanging.getresponse()
    hanging.close()
    assert ask(unruly, {"do": "nothing"})[0] == 200
    after = {one["id"] for one in unruly.api("GET", "/instances?page_size=100")["items"] if not one["ended_ms"]}
    assert before <= after, "its unit was ended for it"


def test_a_model_that_is_never_ready_has_failed_at_the_deadline_of_its_config(unruly, deploy, folder):
    version = unruly.another_version("unruly", folder, "1.0.2", lambda text: text + "  progressDeadlineSeconds: 10\n")
    deployment = deploy("never", mode="hang", version_id=version)
    failed = unruly.wait_state(deployment, ["failed"])
    (unit,) = unruly.units(deployment)
    assert failed["reason"].startswith(f"none of its units was ready within 10 s; unit {unit}: "), failed["reason"]
    assert "mifeng logs" in failed["remedy"] and "progressDeadlineSeconds" in failed["remedy"], failed["remedy"]


def test_a_command_that_does_not_exist_is_explained_and_can_be_removed(unruly, deploy, folder):
    version = unruly.another_version("unruly", folder, "1.0.1", lambda text: text.replace("/app/model", "/app/not-there"))
    deployment = deploy("absent", version_id=version)

    def reason():
        now = unruly.api("GET", f"/deployments/{deployment}")
        assert now["state"] != "ready"
        return now["reason"] if "/app/not-there" in now["reason"] else None
    said = wait_until(reason, 60, "the reason")
    (unit,) = unruly.units(deployment)
    assert said.startswith(f"unit {unit}: ") and "\n" not in said, said
    assert ask(unruly, {"do": "nothing"}, "/absent")[0] in (404, 502, 503)


@contextlib.contextmanager
def frozen(installation):
    pid = installation.service_pid("mifengd")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def taken_before_the_start(unruly, deployment):
    """Planned, reserved, and in the moment before the container's start another program has its port; gives the port."""
    port = node_port(unruly, unruly.wait_state(deployment, ["ready"]))
    (name,) = unruly.units(deployment)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with frozen(unruly):
            connection = UnixConnection(unruly.data / "run/podman.sock")
            connection.request("POST", f"/v4.0.0/libpod/containers/{name}/stop?t=0")
            assert connection.getresponse().status < 400
            connection.close()
            bind_once_free(holder, port)
            holder.listen()
        yield port


def node_port(unruly, deployment):
    return deployment["units"][0]["ports"][0]["node_port"]


def test_a_chosen_port_that_is_taken_before_the_container_starts_is_explained_and_used_once_it_is_free(unruly, deploy):
    ports = unruly.api("GET", "/ports/recommendation?count=1")["ports"]
    deployment = deploy("chosen", ports=ports)
    with taken_before_the_start(unruly, deployment) as port:
        assert [port] == ports

        def reason():
            text = unruly.api("GET", f"/deployments/{deployment}")["reason"]
            return text if str(port) in text else None
        said = wait_until(reason, 60, "the reason")
        assert "is held by another program: free it, or deploy to another port" in said, said
        assert ask(unruly, {"do": "nothing"})[0] == 200
    assert node_port(unruly, unruly.wait_state(deployment, ["ready"])) == port
    wait_until(lambda: ask(unruly, {"do": "nothing"}, "/chosen")[0] == 200, 30, "an answer")


def test_a_recommended_port_that_is_taken_before_the_container_starts_is_exchanged(unruly, deploy):
    deployment = deploy("late")
    with taken_before_the_start(unruly, deployment) as port:
        moved = wait_until(lambda: (lambda number: number if number != port else None)(
            node_port(unruly, unruly.api("GET", f"/deployments/{deployment}"))), 60, "another port")
        assert node_port(unruly, unruly.wait_state(deployment, ["ready"])) == moved
        wait_until(lambda: ask(unruly, {"do": "nothing"}, "/late")[0] == 200, 30, "an answer")
        (event,) = unruly.api("GET", "/audit?action=ports.move")["items"]
        assert event["subject"] == deployment and f"{moved} instead of {port}" in event["detail"]


def test_a_port_that_another_program_holds_is_a_conflict_that_names_it(unruly):
    with socket.socket() as holder:
        port = unruly.node_ports.last
        holder.bind(("127.0.0.1", port))
        holder.listen()
        version = unruly.deployments()[0]["version_id"]
        with pytest.raises(ApiError) as refused:
            unruly.api("POST", "/deployments", {"name": "port", "version_id": version, "ports": [port]})
        assert refused.value.status == 409
        assert refused.value.reason == "port-taken" and str(port) in refused.value.message


def test_a_port_that_a_dead_installation_left_in_the_packet_filter_is_a_conflict_that_names_its_network(unruly):
    """Killed with its containers' monitors it listens nowhere any more, and its rules take the calls all the same."""
    port = unruly.node_ports.last - 1
    rule = ["NETAVARK-HOSTPORT-DNAT", "-p", "tcp", "--dport", str(port),
            "-m", "comment", "--comment", "dnat name: mf-gone id: 0", "-j", "RETURN"]
    subprocess.run(["iptables", "-w", "10", "-t", "nat", "-A", *rule], check=True)
    try:
        version = unruly.deployments()[0]["version_id"]
        with pytest.raises(ApiError) as refused:
            unruly.api("POST", "/deployments", {"name": "port", "version_id": version, "ports": [port]})
        assert refused.value.status == 409
        assert refused.value.reason == "port-taken" and "mf-gone" in refused.value.message
    finally:
        subprocess.run(["iptables", "-w", "10", "-t", "nat", "-D", *rule], check=True)
