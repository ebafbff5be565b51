"""While units are replaced, keys rotate or a process is killed, callers go on posting. What is planned loses none of their
calls; a process that is killed takes along at most what was in flight in it."""
import os
import pathlib
import signal
import sys

import pytest
from keyholders import Hub, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
import calls  # noqa: E402

CONNECTIONS = 64
CALLS = 20_000
BODY = b"{n} " + b"what a caller asks, and what only the answer to this call holds; " * 8


class Site:
    """Units in networks of their own, and a gateway that reaches them."""

    def __init__(self, stage):
        self.stage = stage
        self.platform = stage.prepare()
        self.hub = stage.keep(Hub())
        self.units = {}  # by address

    def add(self, **options):
        """One more unit that is ready; its address."""
        unit = self.stage.container(**{"lame_duck": 5, **options})
        address = self.hub.attach(unit)
        unit.wait_ready()
        self.units[address] = unit
        return address

    def list(self, *addresses):
        """The gateway knows of these from now on."""
        self.platform.command("endpoint " + ",".join(f"{address}:8080" for address in addresses))
        self.publish()

    def publish(self):
        self.platform.command("publish")
        serial = [e["published"] for e in self.platform.events() if "published" in e][-1]
        self.platform.wait(lambda e: e.get("confirmed", 0) >= serial, "a confirmation")

    def start_gateway(self, *addresses):
        self.platform.command("endpoint " + ",".join(f"{address}:8080" for address in addresses))
        self.gateway = self.stage.gateway(container=self.hub)
        self.gateway.wait_ready()

    def load(self):
        load = calls.start(f"http://127.0.0.1:{self.gateway.port}/probe/echo", CONNECTIONS, body=BODY,
                           prefix=("nsenter", f"--net=/proc/{self.hub.pid}/ns/net"))
        self.stage.callback(load.kill)
        load.wait_calls(1000)
        return load


@pytest.fixture
def site(stage):
    return Site(stage)


def finish(load, failed_max=0):
    load.wait_calls(CALLS)
    result = load.stop()
    print(result)
    assert result["calls"] >= CALLS
    assert result["failed"] <= failed_max, result
    assert "wrong-body" not in result["kinds"], result
    return result


def children(pid):
    return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def nginx_workers(keyholder):
    """Of the nginx that this process has started."""
    return [worker for master in children(keyholder) for worker in children(master)
            if "nginx" in pathlib.Path(f"/proc/{master}/comm").read_text()]


def kill_worker(keyholder):
    [worker] = nginx_workers(keyholder)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: nginx_workers(keyholder) not in ([], [worker]), "a new worker")


@pytest.mark.parametrize("lame_duck", [5, 0])
def test_units_that_are_replaced_one_after_the_other_lose_no_call(site, lame_duck):
    first, second = site.add(lame_duck=lame_duck), site.add(lame_duck=lame_duck)
    site.start_gateway(first, second)
    load = site.load()
    # It ends, and the gateway hears of it late: what the unit does alone has to be enough.
    site.units[first].kill(signal.SIGTERM)
    assert site.units[first].wait_end() == 0
    site.list(second)
    third = site.add()
    site.list(second, third)
    load.wait_more(500)
    # And as the platform does it: a new unit, then the end of an old one that is listed no more.
    fourth = site.add()
    site.list(third, fourth)
    site.units[second].kill(signal.SIGTERM)
    assert site.units[second].wait_end() == 0
    for unit in (first, second):
        assert "cut off" not in site.units[unit].log()
    load.wait_more(500)
    finish(load)


def test_a_unit_that_is_killed_takes_along_what_was_in_flight_in_it(site):
    first, second = site.add(), site.add()
    site.start_gateway(first, second)
    load = site.load()
    site.units[first].kill(signal.SIGKILL)
    site.units[first].wait_end()
    load.wait_more(500)
    third = site.add()
    site.list(second, third)
    load.wait_more(500)
    # Its nginx worker alone: the guard goes on.
    before = load.progress()["failed"]
    kill_worker(site.units[third].pid)
    load.wait_more(500)
    assert load.progress()["failed"] - before <= CONNECTIONS
    finish(load, 2 * CONNECTIONS)


def test_a_gateways_worker_that_is_killed_takes_along_what_was_in_flight_in_it(site):
    first, second = site.add(), site.add()
    site.start_gateway(first, second)
    load = site.load()
    kill_worker(site.gateway.process.pid)
    load.wait_more(1000)
    result = finish(load, CONNECTIONS)
    # Whoever came to the new one was answered, not told that it has no table.
    assert set(result["kinds"]) <= {"broken"}, result


def test_keys_that_rotate_lose_no_call(site):
    often = ["MIFENG_SEAL_KEY_ANSWERS=1000"]
    first, second = site.add(environment=often), site.add(environment=often)
    site.start_gateway(first, second)
    load = site.load()
    for _ in range(3):
        site.platform.command("stage")
        site.publish()
        site.platform.command("name")
        for address in (first, second):
            logged = site.units[address].log().count("another output key is in force")
            wait_for(lambda: site.units[address].log().count("another output key is in force") > logged or
                     site.units[address].log().count("another output key is in force") >= 3, "the new output key")
        load.wait_more(1000)
    finish(load)
