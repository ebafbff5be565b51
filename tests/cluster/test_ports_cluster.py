"""Node ports on a real cluster where others make Services too: whoever is second gets another port or is told whose it is,
and what the platform has written down is what the API server has."""
import contextlib
import threading

import cluster
import faulty_api
import hostile
import kubernetes
import pytest
from installation import ApiError, wait_until

ELSEWHERE = "/api/v1/namespaces/elsewhere/services"


class Scene:
    def __init__(self, k8s, front, installation):
        self.k8s, self.front, self.api = k8s, front, installation.api
        self.installation = installation
        (first,) = installation.deployments()
        self.version = first["version_id"]
        k8s.namespace("elsewhere")

    def deploy(self, name, **more):
        return self.api("POST", "/deployments", {"name": name, "cluster": "kubernetes", "version_id": self.version,
                                                 "replicas": 1, **more})

    def port(self, deployment):
        (port,) = self.api("GET", f"/deployments/{deployment}")["ports"]
        return port["node_port"]

    def service_port(self, deployment):
        """As the API server has it; None while there is none."""
        with contextlib.suppress(kubernetes.ApiError):
            return self.k8s.api.get(f"/api/v1/namespaces/models/services/mf-{deployment}")["spec"]["ports"][0]["nodePort"]
        return None

    def take(self, name, port):
        """Somebody else's Service; whether he got the port."""
        try:
            self.k8s.api.post(ELSEWHERE, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                                          "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]}})
            return True
        except kubernetes.ApiError as error:
            assert error.code == 422, error
            return False

    def free(self, *names):
        for name in names:
            self.k8s.api.delete(f"{ELSEWHERE}/{name}")

    def overview(self):
        return {one["port"]: one for one in self.api("GET", "/ports?cluster=kubernetes")["items"]}

    def recommended(self, count=1):
        return self.api("GET", f"/ports/recommendation?cluster=kubernetes&count={count}")["ports"]

    def remove_all_but_the_first(self):
        all_of_it = [one["id"] for one in self.installation.deployments() if one["name"] != "hostile"]
        for one in all_of_it:
            self.api("DELETE", f"/deployments/{one}")
        wait_until(lambda: len(self.installation.deployments()) == 1, 120, "their end")
        for one in all_of_it:
            assert self.service_port(one) is None


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    place = tmp_path_factory.mktemp("ports")
    with cluster.start(what_for="node ports") as k8s, faulty_api.in_front_of(k8s, place) as front, \
            hostile.running(k8s, place, front.kubeconfig) as installation:
        yield Scene(k8s, front, installation)


def services(ask):
    return ask.method == "PATCH" and "/services/" in ask.path


def test_services_of_all_namespaces_count_as_used_and_are_named(scene):
    port = scene.recommended()[0]
    assert scene.take("a-neighbour", port)
    held = wait_until(lambda: scene.overview()[port] if scene.overview()[port]["state"] != "free" else None, 30, "its being seen")
    assert held["state"] == "used-by-others" and "elsewhere/a-neighbour" in held["holder"], held
    assert scene.recommended()[0] > port
    with pytest.raises(ApiError) as refused:
        scene.deploy("second", ports=[port])
    assert refused.value.reason == "port-taken" and "elsewhere/a-neighbour" in refused.value.message
    scene.free("a-neighbour")
    wait_until(lambda: scene.recommended()[0] == port, 30, "its being free")


def test_a_recommended_port_that_somebody_was_quicker_with_is_exchanged(scene):
    rule = scene.front.refuse(services, 503, "a slow day", seconds_to_wait=1, times=2)
    made = scene.deploy("slow")
    port = scene.port(made["id"])
    assert scene.take("quick", port)
    wait_until(lambda: scene.service_port(made["id"]), 60, "its Service")
    now = wait_until(lambda: scene.port(made["id"]) if scene.port(made["id"]) == scene.service_port(made["id"]) else None,
                     30, "the same port on both sides")
    assert now != port and rule["used"] == 2
    moved = scene.api("GET", f"/audit?action=ports.move&subject={made['id']}")["items"]
    assert [str(now) in one["detail"] and str(port) in one["detail"] for one in moved] == [True]
    scene.free("quick")
    scene.remove_all_but_the_first()


def test_a_typed_port_stays_is_told_and_works_when_it_is_free(scene):
    port = scene.recommended(3)[2]
    scene.front.refuse(services, 503, "a slow day", seconds_to_wait=1, times=2)
    made = scene.deploy("typed", ports=[port])
    assert scene.take("quick", port)
    reason = wait_until(lambda: scene.api("GET", f"/deployments/{made['id']}")["reason"]
                        if str(port) in scene.api("GET", f"/deployments/{made['id']}")["reason"] else None, 60, "a reason")
    assert str(port) in reason and scene.port(made["id"]) == port
    scene.free("quick")
    wait_until(lambda: scene.service_port(made["id"]) == port, 90, "its Service at the port")
    scene.remove_all_but_the_first()


def test_two_operators_and_a_neighbour_race_for_the_same_ports(scene):
    """The neighbour tries every port that the platform recommends, all the while."""
    over, got, made, trouble = threading.Event(), [], [], []

    def neighbour():
        number = 0
        while not over.is_set() and len(got) < 40:
            for port in scene.recommended(2):
                number += 1
                if scene.take(f"racer-{number}", port):
                    got.append((f"racer-{number}", port))

    def operator(who):
        try:
            for number in range(7):
                made.append(scene.deploy(f"{who}-{number}")["id"])
        except Exception as error:
            trouble.append(error)
            raise
    threads = [threading.Thread(target=operator, args=(who,)) for who in ("zhang", "li")]
    racer = threading.Thread(target=neighbour)
    racer.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    over.set()
    racer.join(60)
    assert trouble == [] and len(made) == 14 and got

    def same_on_both_sides():
        return all(scene.service_port(one) == scene.port(one) for one in made)
    wait_until(same_on_both_sides, 120, "the same ports on both sides")
    ours = [scene.port(one) for one in made]
    assert len(set(ours)) == len(ours) and not set(ours) & {port for _, port in got}
    seen = wait_until(lambda: scene.overview() if all(scene.overview()[port]["state"] == "used-by-others" for _, port in got)
                      else None, 30, "the neighbour's ports")
    for one in made:
        assert (seen[scene.port(one)]["state"], seen[scene.port(one)]["holder"]) == ("used", one)
    scene.free(*(name for name, _ in got))
    scene.remove_all_but_the_first()
    left = wait_until(lambda: scene.overview() if sum(one["state"] != "free" for one in scene.overview().values()) == 1 else None,
                      30, "all ports but the first deployment's to be free")
    assert [one["state"] for one in left.values() if one["state"] != "free"] == ["used"]
