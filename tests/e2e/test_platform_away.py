"""The platform is away for longer than every lease: the model and the gateway go on with what they have, also a gateway
that is started meanwhile, and when the platform is back nobody has to pay for its absence. What ends when a snapshot does is
in test_snapshot_expires.py."""
import time

from away import answer, instances, model_pid, platform_away, up
from installation import wait_until

# Seconds. A guard asks again every 15 s where the platform is away for long: one of these falls in the first lease period.
LEASE, LIFETIME = 18, 80


def test_longer_than_every_lease(folder):
    with up(folder, LEASE, LIFETIME) as installation:
        longer_than_every_lease(installation)


def longer_than_every_lease(installation):
    key = installation.caller_key()
    wait_until(lambda: answer(installation, key)[0] == 200, 30, "an answer")
    model, before = model_pid(installation), instances(installation)
    assert len(before) == 1
    with platform_away(installation) as away:
        gone = time.monotonic()
        longest = max(one["lease_until_ms"] for one in before.values())
        # Every lease that the platform ever gave has ended, and calls go on all the time.
        while time.time() * 1000 < longest + 1000 or time.monotonic() < gone + 1.4 * LEASE:
            assert answer(installation, key)[0] == 200
            time.sleep(0.1)
        # The gateway is started anew: it serves from the snapshot that it stored.
        away.restart_gateway()
        wait_until(lambda: answer(installation, key)[0] == 200, 10, "an answer of the gateway that was started anew")
        wait_until(lambda: "the platform cannot be followed" in away.log.read_text(), 5, "a line in its log")
        for _ in range(20):
            assert answer(installation, key)[0] == 200
        assert time.monotonic() - gone < LIFETIME / 2
    # It is back: nobody is delisted in its first lease period, guards renew, and it is the same instance.
    wait_until(lambda: instances(installation), 30, "the platform")
    back = time.monotonic()
    wait_until(lambda: installation.service_pid("mifeng-gateway"), 30, "the gateway")
    assert set(instances(installation)) == set(before)
    wait_until(lambda: [one["lease_until_ms"] > time.time() * 1000 for one in instances(installation).values()] == [True],
               LEASE, "a renewal")
    wait_until(lambda: answer(installation, key)[0] == 200, 20, "an answer")
    while time.monotonic() < back + 2.2 * LEASE:
        assert answer(installation, key)[0] == 200
        time.sleep(0.1)
    assert set(instances(installation)) == set(before)
    assert model_pid(installation) == model
