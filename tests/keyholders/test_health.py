"""/live, /ready and /metrics of a unit: answered by the guard's own process, from what it knows."""
import contextlib
import os
import resource
import signal
import socket

import pytest
from keyholders import wait_for

NGINX_CONNECTIONS = 1024  # of guard.conf.in


@pytest.fixture
def flood():
    """Connections that stay: flood(COUNT, BEGINNING) opens so many to the model's port and says so much on each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * NGINX_CONNECTIONS)), hard))
    held = []

    def connect(count, beginning):
        for _ in range(count):
            held.append(socket.create_connection(("127.0.0.1", 8080), timeout=2))
            held[-1].sendall(beginning)
        return held
    yield connect
    for connection in held:
        connection.close()


def test_no_flood_of_the_models_port_makes_it_look_dead(stage, flood):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    # Whole requests, as far as anybody can tell: their bodies are streamed, the model waits for them, and they never come.
    streamed = (b"POST /echo HTTP/1.1\r\nHost: x\r\nMifeng-Request-Id: " + b"0123456789abcdef" * 2 +
                b"\r\nMifeng-Request-Body: unbound\r\nContent-Length: 1000\r\n\r\nx")
    held = []

    def answered():
        try:
            return container.call("/weights").status
        except OSError:
            return None

    def is_full():
        with contextlib.suppress(OSError):  # nginx takes no more of them
            held[:] = container.inside(lambda: flood(50, streamed))
        return [answered() for _ in range(3)] == [None] * 3

    wait_for(is_full, "nginx to have no connection left", 30)
    assert "worker_connections are not enough" in container.log()
    for _ in range(20):
        assert container.health("/ready") == 200 and container.health("/live") == 200
    for connection in held:
        connection.close()
    wait_for(lambda: answered() == 200, "calls are answered again")


def test_a_flood_that_says_nothing_whole_leaves_room_for_calls_and_health(stage, flood):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    # Begun, so that nginx closes it for nobody else.
    container.inside(lambda: flood(NGINX_CONNECTIONS + 200, b"GET / HTTP/1.1\r\nHost: x\r\n"))
    container.wait_log("connections have said nothing yet")
    for _ in range(20):
        assert container.health("/ready") == 200 and container.health("/live") == 200
        assert container.call("/weights").status == 200


def test_ready_follows_the_models_own_word(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    word = container.shared["model"] / "unready"
    word.touch()
    wait_for(lambda: container.health("/ready") == 503, "not ready")
    container.wait_log("the model is not ready any more")
    assert container.health("/live") == 200
    assert container.call("/weights").status == 200  # who asks it all the same is answered
    assert container.health("/ready") == 503
    word.unlink()
    wait_for(lambda: container.health("/ready") == 200, "ready again")


def test_a_model_that_answers_nothing_for_long_is_not_ready(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    model = container.model_pid()
    os.kill(model, signal.SIGSTOP)
    assert container.health("/ready") == 200  # it may be busy
    wait_for(lambda: container.health("/ready") == 503, "not ready", 60)
    os.kill(model, signal.SIGCONT)
    wait_for(lambda: container.health("/ready") == 200, "ready again")


def test_without_a_worker_that_has_a_key_it_is_not_ready(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    master = next(pid for pid in container.pids()["nginx"] if parent_of(pid) == container.pid)
    os.kill(master, signal.SIGSTOP)  # it starts no other worker
    worker = next(pid for pid in container.pids()["nginx"] if parent_of(pid) == master)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: container.health("/ready") == 503, "not ready")
    assert container.health("/live") == 200
    os.kill(master, signal.SIGCONT)
    wait_for(lambda: container.health("/ready") == 200, "ready again")


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(") ")[2].split()[1])


def test_counts_are_told_without_content(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    assert container.call("/weights").status == 200
    assert container.call("/weights", fields=()).status == 400

    def metrics():
        return container.call("/metrics", port=15020, fields=()).body.decode().splitlines()

    wait_for(lambda: "mifeng_calls_total 1" in metrics() and "mifeng_refusals_total 1" in metrics(), f"the counts: {metrics()}")
    assert "mifeng_errors_total 0" in metrics()
