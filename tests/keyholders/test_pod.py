"""Guard and model as the containers of a pod: one network, folders that stay, and each started again in place."""
import os
import signal

from keyholders import wait_for


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_guard_that_is_started_again_in_place_begins_with_empty_folders(stage):
    stage.prepare()
    pod = stage.pod()
    pod.wait_ready()
    assert pod.call("/weights").status == 200
    before = names(pod.shared["app"])
    (pod.shared["app"] / "left-behind").write_text("of the guard before")
    (pod.shared["run"] / "left-behind").write_text("of the guard before")
    pod.kill(signal.SIGKILL)
    pod.wait_end()
    pod.start_guard()  # at once: the model before is still ending
    pod.start_model_again()
    pod.wait_ready()
    assert names(pod.shared["app"]) == before
    assert "left-behind" not in names(pod.shared["run"])
    assert pod.call("/weights").status == 200
    granted = stage.platform.count(lambda event: str(event.get("grant", "")).startswith("ins-"))
    assert granted == 2, "its keys are new, so it proves itself anew"


def test_it_waits_for_the_model_before_and_not_for_ever(stage):
    stage.prepare()
    pod = stage.pod()
    pod.wait_ready()
    held = names(pod.shared["app"])
    [first] = pod.model.pids()["mifeng-start"]
    os.kill(first, signal.SIGSTOP)  # from outside of the pod alone: it cannot end now
    pod.kill(signal.SIGKILL)
    pod.wait_end()
    pod.start_guard()
    assert pod.wait_end(60) == 1
    assert "the model of the guard before this one has not ended" in pod.guard.log()
    assert names(pod.shared["app"]) == held, "nothing was touched beside a model that runs"
    os.kill(first, signal.SIGCONT)
    pod.start_guard()
    pod.start_model_again()
    pod.wait_ready()


def test_a_model_that_ends_with_its_container_takes_the_guard_along_and_both_come_back(stage):
    stage.prepare()
    pod = stage.pod()
    pod.wait_ready()
    os.kill(pod.model.pid, signal.SIGKILL)
    assert pod.wait_end() == 3
    pod.start_guard()
    pod.start_model_again()
    pod.wait_ready()
    assert pod.call("/weights").status == 200


def test_a_model_that_listens_in_the_pods_network_is_stopped(stage):
    """Under its own user id, in the one network that both have."""
    stage.prepare()
    pod = stage.pod()
    pod.wait_ready()
    pod.call("/listen/9099")
    assert pod.wait_end() == 4
    wait_for(lambda: pod.model.process.poll() is not None, "the model's container has ended")
