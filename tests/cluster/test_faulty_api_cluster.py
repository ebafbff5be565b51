"""An API server that is slow, refuses, breaks off, forgets, or is gone: nothing of the deployments on it is lost, calls to
their models go on, and a cluster beside it does not notice. Each fault is put between the platform and the real one."""
import os
import threading
import time

import cluster
import faulty_api
import hostile
import pytest
from installation import wait_until

GONE_SECONDS = int(os.environ.get("MIFENG_TEST_GONE_SECONDS", "45"))


class Scene:
    """A platform with two clusters, `kubernetes` behind the front, with a model that answers, and `beside`, without it."""

    def __init__(self, k8s, front, installation):
        self.k8s, self.front, self.installation = k8s, front, installation
        self.key = installation.caller_key()
        (self.deployment,) = [one["id"] for one in installation.deployments()]
        self.version = installation.api("GET", f"/deployments/{self.deployment}")["version_id"]
        installation.mifeng("cluster", "add", "beside", "--no-rehearsal", "--kubeconfig", k8s.kubeconfig, "--namespace", "beside",
                            "--registry", k8s.registry)
        self.made = 0

    def now(self):
        return self.installation.api("GET", f"/deployments/{self.deployment}")

    def scale(self, replicas):
        return self.installation.api("PUT", f"/deployments/{self.deployment}/replicas", {"replicas": replicas})

    def pods(self):
        listed = self.k8s.api.get(f"/api/v1/namespaces/models/pods?labelSelector=mifeng.io/deployment={self.deployment}")
        return sorted(pod["metadata"]["name"] for pod in listed["items"] if "deletionTimestamp" not in pod["metadata"])

    def is_as_wanted(self, replicas):
        state = self.now()
        return state["state"] == "ready" and state["ready"] == replicas and \
            sorted(unit["name"] for unit in state["units"]) == self.pods() and len(self.pods()) == replicas

    def wait_as_wanted(self, replicas, seconds=90):
        deadline = time.monotonic() + seconds
        while not self.is_as_wanted(replicas):
            assert time.monotonic() < deadline, (replicas, self.now(), self.pods())
            time.sleep(0.1)

    def works_beside(self):
        """A deployment on the other cluster comes up, and goes, in its usual time."""
        self.made += 1
        made = self.installation.api("POST", "/deployments", {"name": f"beside-{self.made}", "cluster": "beside",
                                                              "version_id": self.version, "replicas": 1})
        begin = time.monotonic()
        self.installation.wait_state(made["id"], ["ready"], 60)
        took = time.monotonic() - begin
        self.installation.api("DELETE", f"/deployments/{made['id']}")
        return took

    def answer(self):
        return self.installation.call("/hostile/predict", "write /tmp/x", key=self.key)


class Caller:
    """Calls the model through the gateway, one call after the other, all the while."""

    def __init__(self, scene):
        self.scene, self.over, self.calls, self.failed = scene, threading.Event(), 0, []

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.over.is_set():
            status, body = self.scene.answer()
            self.calls += 1
            if status != 200:
                self.failed.append((status, body))
            time.sleep(0.02)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(90)
        assert not self.thread.is_alive()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    place = tmp_path_factory.mktemp("faulty")
    with cluster.start(what_for="an API server's bad days") as k8s, faulty_api.in_front_of(k8s, place) as front, \
            hostile.running(k8s, place, front.kubeconfig) as installation:
        yield Scene(k8s, front, installation)


@pytest.fixture(autouse=True)
def two_units(scene):
    scene.scale(2)
    scene.wait_as_wanted(2)
    yield
    for rule in list(scene.front.rules):  # of one that failed
        scene.front.end(rule)


def writes(ask):
    return ask.method in ("PATCH", "POST", "DELETE")


def test_too_many_requests_are_asked_again_when_the_server_says(scene):
    rule = scene.front.refuse(writes, 429, "too many requests", seconds_to_wait=1, times=6)
    scene.scale(3)
    scene.wait_as_wanted(3)
    assert rule["used"] == 6
    scene.front.end(rule)


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_that_fails_is_told_of_and_come_back_to(scene, code):
    rule = scene.front.refuse(writes, code, "etcdserver: request timed out")
    with Caller(scene) as caller:
        scene.scale(1)
        wait_until(lambda: rule["used"] >= 3, 60, "its trying")
        assert "etcdserver: request timed out" in wait_until(lambda: scene.now()["reason"], 60, "the reason")
        assert scene.works_beside() < 45
        scene.front.end(rule)
        scene.wait_as_wanted(1)
    assert caller.failed == [] and caller.calls > 20


def test_an_answer_that_is_lost_leaves_nothing_twice(scene):
    rule = scene.front.break_off(writes, times=4)
    scene.scale(3)
    scene.wait_as_wanted(3)
    assert rule["used"] == 4
    scene.front.end(rule)


def test_watches_that_are_cut_miss_nothing(scene):
    for replicas in (1, 3, 2):
        scene.scale(replicas)
        for _ in faulty_api.during(4):
            scene.front.cut_watches()
            time.sleep(0.4)
        scene.wait_as_wanted(replicas)
    # Also what nobody of the platform has done.
    gone = scene.pods()[0]
    scene.k8s.kubectl("-n", "models", "delete", "pod", gone, "--wait=false")
    scene.front.cut_watches()
    wait_until(lambda: gone not in scene.pods(), 60, "its end")
    scene.wait_as_wanted(2)


@pytest.mark.parametrize("how", ["status", "news"])
def test_what_the_server_has_forgotten_is_listed_anew(scene, how):
    refuse = scene.front.news_of_410 if how == "news" else \
        lambda matches, times: scene.front.refuse(matches, 410, "too old resource version", times=times)
    rule = refuse(lambda ask: ask.is_watch and ask.path.endswith("/pods"), times=2)
    scene.front.cut_watches()
    scene.k8s.kubectl("-n", "models", "delete", "pod", scene.pods()[0], "--wait=false")
    wait_until(lambda: rule["used"] == 2, 60, "both refusals")
    scene.wait_as_wanted(2)
    scene.front.end(rule)


def test_a_server_that_never_answers_holds_up_nobody(scene):
    rule = scene.front.hang(lambda ask: True)
    with Caller(scene) as caller:
        scene.front.cut_watches()
        scene.scale(1)
        wait_until(lambda: rule["used"] >= 4, 60, "requests that hang")
        assert scene.works_beside() < 45
        for path in ("/deployments", "/clusters", "/ports/ranges?cluster=kubernetes"):
            begin = time.monotonic()
            scene.installation.api("GET", path)
            assert time.monotonic() - begin < 3, path
        state = scene.now()
        assert state["state"] in ("ready", "degraded", "unknown"), (state["state"], state["reason"])
        scene.front.end(rule)
        scene.wait_as_wanted(1, 150)
    assert caller.failed == [] and caller.calls > 20


def test_one_that_is_gone_for_long_is_found_again_and_calls_go_on(scene):
    before = scene.pods()
    with Caller(scene) as caller:
        scene.k8s.stop("apiserver")
        begin = time.monotonic()
        scene.scale(3)
        wait_until(lambda: scene.now()["reason"], 60, "a reason")
        while time.monotonic() - begin < GONE_SECONDS:
            state = scene.now()
            assert state["state"] != "failed", state["reason"]
            time.sleep(1)
        scene.k8s.start("apiserver")
        scene.k8s.wait_api()
        scene.wait_as_wanted(3, 150)
    assert caller.failed == [] and caller.calls > GONE_SECONDS * 5
    assert set(before) <= set(scene.pods()), "none was made anew for it"
