"""The platform is away until the gateway's snapshot ends: then it serves nothing any more, and says so; the model lives on
and is served again when the platform is back."""
import json

from away import answer, model_pid, platform_away, up
from installation import wait_until

LEASE, LIFETIME = 18, 25  # seconds


def test_until_the_snapshot_expires(folder):
    with up(folder, LEASE, LIFETIME) as installation:
        until_the_snapshot_expires(installation)


def until_the_snapshot_expires(installation):
    key = installation.caller_key()
    wait_until(lambda: answer(installation, key)[0] == 200, 30, "an answer")
    model = model_pid(installation)
    with platform_away(installation) as away:
        away.restart_gateway()
        wait_until(lambda: answer(installation, key)[0] == 200, 10, "an answer")
        said = []  # the first answer that is no 200

        def ended():
            said[:] = answer(installation, key)
            return said[0] != 200
        wait_until(ended, LIFETIME + 5, "the end of the snapshot")
        assert said[0] == 503
        error = json.loads(said[1])["error"]
        assert error["reason"] == "no-table" and "platform" in error["message"], error
        wait_until(lambda: "nothing is served any more" in away.log.read_text(), 15, "a line in its log")
        # A start does not bring it to life again.
        away.restart_gateway()
        wait_until(lambda: "has expired" in away.log.read_text() or "cannot be followed" in away.log.read_text(), 10,
                   "a line in its log")
        assert answer(installation, key)[0] in (503, None)
    # mifengd and the gateway have to start, the guard to ask, and the gateway to hear of it: where four others keep the
    # processors busy that took more than 40 s.
    wait_until(lambda: answer(installation, key)[0] == 200, 120, "an answer once the platform is back")
    assert model_pid(installation) == model
