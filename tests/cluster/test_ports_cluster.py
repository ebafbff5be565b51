"""Node ports on a real cluster where others make Services too: whoever is second gets another port or is told whose it is,
and what the platform has written down is what the API server has."""
import cluster
import faulty_api
import hostile
import pytest
from installation import ApiError, wait_until
from neighbours import Scene

@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    place = tmp_path_factory.mktemp("ports")
    with cluster.start(what_for="node ports") as k8s, faulty_api.in_front_of(k8s, place) as front, \
            hostile.running(k8s, place, front.kubeconfig) as installation:
        yield Scene(k8s, installation, front)


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
    _, got = scene.race(("zhang", "li"), 7)
    scene.free(*(name for name, _ in got))
    scene.remove_all_but_the_first()
    left = wait_until(lambda: scene.overview() if sum(one["state"] != "free" for one in scene.overview().values()) == 1 else None,
                      30, "all ports but the first deployment's to be free")
    assert [one["state"] for one in left.values() if one["state"] != "free"] == ["used"]
