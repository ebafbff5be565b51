"""A model that ends is started again in its container: when, and with whose word."""
import os
import signal

from keyholders import wait_for


def kill_model(container):
    """The number that the next one has."""
    model = container.model_pid()
    os.kill(model, signal.SIGKILL)

    def next_model():
        pid = container.model_pid()
        return pid if pid != model else None
    return wait_for(next_model, "the next model", 20)


def test_a_model_that_crashed_is_started_again_and_nothing_is_opened_again(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    guard, started = container.pid, container.pids()["mifeng-start"]
    for number in (2, 3):
        kill_model(container)
        platform.wait(lambda e, n=number: e.get("start") == n, "the renewal that asks")
        container.wait_ready()
        assert container.call("/weights").status == 200
    assert "the model's process ended (killed by signal 9, most likely because it needed more than its memory limit" in container.log()
    assert "), and is to be started again" in container.log()
    assert container.log().count("payload opened into memory") == 1
    assert (container.pid, container.pids()["mifeng-start"]) == (guard, started)
    # Each start was asked for once, the first not at all.
    assert sorted(e["start"] for e in platform.events() if "start" in e and not e["again"]) == [2, 3]
    assert platform.count(lambda e: str(e.get("grant", "")).startswith("ins-")) == 1


def test_without_the_platforms_word_it_does_not_start(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("lose 1000")
    model = container.model_pid()
    os.kill(model, signal.SIGKILL)
    platform.wait(lambda e: e.get("start") == 2 and e.get("again"), "the renewal that asks, for the second time", 20)
    assert "model" not in container.pids()
    assert container.health("/ready") == 503 and container.health("/live") == 200
    assert container.call("/weights").status == 502
    platform.command("lose 0")
    container.wait_ready()


def test_where_the_platform_says_no_the_unit_ends(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("starts 0")
    os.kill(container.model_pid(), signal.SIGKILL)
    assert container.wait_end() == 3
    assert "the platform does not let the model start again" in container.log()
    assert container.log().count("probe: serving") == 1


def test_a_revoked_unit_starts_nothing(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("status revoked")
    os.kill(container.model_pid(), signal.SIGKILL)
    assert container.wait_end() == 5
    assert container.log().count("probe: serving") == 1


def test_one_that_ends_again_and_again_is_asked_to_stop_between_two_starts(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    for _ in range(4):
        kill_model(container)
    os.kill(container.model_pid(), signal.SIGKILL)
    wait_for(lambda: "model" not in container.pids(), "no model")
    container.kill(signal.SIGTERM)
    assert container.wait_end() == 0
