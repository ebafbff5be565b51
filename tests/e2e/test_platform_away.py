"""The platform is away for longer than every lease: the model and the gateway go on with what they have, also a gateway
that is started meanwhile, until its snapshot ends; and when the platform is back nobody has to pay for its absence.

`mifeng up` would start mifengd again at once: it stands still (SIGSTOP) while the platform is to be away."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest
from installation import Installation, wait_until

# Seconds. A guard asks again every 15 s where the platform is away for long: one of these falls in the first lease period.
LEASE, LIFETIME = 18, 80


@pytest.fixture(scope="module")
def installation():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        made = Installation(pathlib.Path(path) / "d", only=["tumor-cpp"])
        plain = made.command
        made.command = lambda *more: plain("--lease", str(LEASE), "--snapshot-lifetime", str(LIFETIME), *more)
        with made:
            yield made
        assert made.left_behind() == []


class Away:
    """mifengd is killed, and nobody starts it again before come_back()."""

    def __init__(self, installation):
        self.installation = installation
        self.gateways = []
        self.arguments = None
        self.up = installation.process.pid
        os.kill(self.up, signal.SIGSTOP)
        os.kill(installation.service_pid("mifengd"), signal.SIGKILL)

    def restart_gateway(self):
        """Kills the gateway and starts it with the same options, as a supervisor would."""
        pid = self.gateways[-1].pid if self.gateways else self.installation.service_pid("mifeng-gateway")
        if self.arguments is None:
            self.arguments = [part.decode() for part in command_of(pathlib.Path(f"/proc/{pid}")).split(b"\0")[:-1]]
            at = self.arguments.index("--ready-fd")
            del self.arguments[at:at + 2]
        os.kill(pid, signal.SIGKILL)
        if self.gateways:
            self.gateways[-1].wait()
        # Its nginx dies with it; the next one needs the port.
        wait_until(lambda: not self.answers_at_all(), 10, "the end of the gateway")
        self.log = self.installation.data / f"logs/gateway-{len(self.gateways)}.log"
        with open(self.log, "wb") as log:
            self.gateways.append(subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def answers_at_all(self):
        with contextlib.suppress(OSError):
            self.installation.call("/no-such-prefix")
            return True
        return False

    def come_back(self):
        for gateway in self.gateways:
            if gateway.poll() is None:
                gateway.terminate()
                gateway.wait(20)
        os.kill(self.up, signal.SIGCONT)


@contextlib.contextmanager
def platform_away(installation):
    away = Away(installation)
    try:
        yield away
    finally:
        away.come_back()


def instances(installation):
    """Live instances, by id."""
    return {one["id"]: one for one in installation.api("GET", "/instances?page_size=100")["items"] if not one["ended_ms"]}


def answer(installation, key):
    with contextlib.suppress(OSError):
        return installation.call("/tumor/v2/health/ready", key=key)
    return None, b""


def model_pid(installation):
    """Of the unit's first process: the model lives as long as it."""
    (unit,) = installation.units(installation.deployments()[0]["id"])
    found = [pid for pid in pathlib.Path("/proc").iterdir() if pid.name.isdigit()
             and (pid / "cgroup").exists() and unit in environment_of(pid)
             and b"mifeng-guard" in command_of(pid)]
    assert len(found) == 1, found
    return found[0].name


def command_of(process):
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


def environment_of(process):
    with contextlib.suppress(OSError):
        return (process / "environ").read_bytes().decode(errors="replace")
    return ""


def test_longer_than_every_lease(installation):
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


def test_until_the_snapshot_expires(installation):
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
    wait_until(lambda: answer(installation, key)[0] == 200, 40, "an answer once the platform is back")
    assert model_pid(installation) == model
