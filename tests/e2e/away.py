"""An installation whose platform goes away and comes back when a test says so. `mifeng up` would start mifengd again at
once: it stands still (SIGSTOP) while the platform is to be away."""
import contextlib
import os
import pathlib
import signal
import subprocess

from installation import Installation, wait_until


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
def up(folder, lease, lifetime):
    """An installation with the C++ example, whose leases and snapshots last that many seconds."""
    made = Installation(folder / "d", only=["tumor-cpp"])
    plain = made.command
    made.command = lambda *more: plain("--lease", str(lease), "--snapshot-lifetime", str(lifetime), *more)
    with made:
        yield made
    assert made.left_behind() == []


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
