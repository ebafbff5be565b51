"""mifengd killed with -9 at fifty moments of deployments: it goes on each time, and nothing is left without an owner."""
import os
import random
import time

from installation import ApiError, Installation, wait_until
from killer import Killer

KILLS = 50
AWAY = 60  # seconds that a request waits at most: it may meet several short lives


def test_fifty_kills_during_deployments(folder):
    seed = int(os.environ.get("MIFENG_SEED", "20240611"))
    chosen = random.Random(seed)
    installation = Installation(folder / "d", only=["tumor-cpp"])
    plain = installation.command
    installation.command = lambda *more: plain("--restart-pause", "1", *more)
    with installation:
        version = installation.deployments()[0]["version_id"]
        killer = Killer(installation, seed, KILLS)
        killer.start()
        number = 0
        mine = []
        while killer.is_alive():
            number += 1
            try:
                if len(mine) < 3 and chosen.random() < 0.6:
                    name = f"k{number}"
                    made = installation.api("POST", "/deployments", {
                        "name": name, "version_id": version, "replicas": chosen.choice([1, 2]),
                        "route": {"name": name, "prefix": "/" + name}}, timeout=AWAY)
                    mine.append(made["id"])
                elif mine:
                    installation.api("DELETE", "/deployments/" + mine.pop(chosen.randrange(len(mine))), timeout=AWAY)
            except ApiError as error:
                # The first try was stored, and its answer lost: the second finds the name taken.
                assert error.reason in ("name-taken", "prefix-taken", "not-found", "no-such-deployment"), error
            time.sleep(chosen.uniform(0, 0.3))
        killer.join()
        assert killer.kills == KILLS

        # Quiet now: all that is wanted gets ready, and there is not one container or port more.
        for deployment in installation.deployments():
            if deployment["state"] != "deleting":
                installation.wait_state(deployment["id"], ["ready"], 180)
        wait_until(lambda: all(one["state"] == "ready" for one in installation.deployments()), 120, "the deletions")
        wanted = installation.deployments()
        number = sum(one["replicas"] for one in wanted)

        def nothing_more():
            names = sorted(name for one in wanted for name in installation.units(one["id"]))
            return len(names) == number and installation.containers() == names
        wait_until(nothing_more, 60, f"{number} containers, each of them a unit")
        used = {port["holder"] for port in installation.api("GET", "/ports")["items"] if port["state"] == "used"}
        assert used == {one["id"] for one in wanted}
        key = installation.caller_key()
        for one in wanted:
            prefix = "/" + one["name"]
            wait_until(lambda: installation.call(prefix + "/v2/health/ready", key=key)[0] == 200, 60, f"an answer of {prefix}")
        assert installation.api("POST", "/audit/verification", {})["intact"]
    assert installation.left_behind() == []
