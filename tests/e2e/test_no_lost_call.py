"""What an operator does to a running deployment costs its callers nothing: 64 connections go on posting meanwhile, none of
them repeats a call, and every one is answered."""
import json
import os
import shutil
import signal
import sys

import pytest

from installation import SOURCE, Installation, wait_until

sys.path.insert(0, str(SOURCE / "tests/support"))

import calls  # noqa: E402

CONNECTIONS = 64
CALLS = 20_000
OUTPUT_KEY_SECONDS = 20
EXAMPLE = SOURCE / "examples/tumor-cpp"


def other_version(installation, folder, version):
    """The example as another version, packed by its vendor and accepted."""
    project = folder / f"tumor-{version}"
    shutil.copytree(EXAMPLE, project, symlinks=True)
    for name in ("mifeng.yaml", "deployment.yaml"):
        text = (project / name).read_text().replace('version: "1.0.0"', f'version: "{version}"')
        (project / name).write_text(text.replace("prepare: [sh, training/prepare.sh]\n", ""))
    return installation.pack_and_accept(project)


class Site:
    def __init__(self, installation, folder):
        self.installation = installation
        self.id = installation.deployments()[0]["id"]
        self.first = installation.deployments()[0]["version_id"]
        self.second = other_version(installation, folder, "2.0.0")
        first_call = json.loads((EXAMPLE / "build/calls.jsonl").read_text().splitlines()[0])
        self.body = json.dumps(first_call["request"]).encode()
        self.path = first_call["path"]
        installation.api("PUT", f"/deployments/{self.id}/replicas", {"replicas": 2})
        self.settled()
        self.key = installation.caller_key()
        wait_until(lambda: installation.call("/tumor/v2/health/ready", key=self.key)[0] == 200, 60, "an answer")

    def get(self):
        return self.installation.api("GET", f"/deployments/{self.id}")

    def output_key(self):
        return next(one["id"] for one in self.installation.api("GET", "/keys")["items"]
                    if one["purpose"] == "output" and one["state"] == "in-force")

    def settled(self, replicas=2, **more):
        """Until it is ready with so many units and none that is going."""
        def done():
            now = self.get()
            same = all(now[name] == value for name, value in more.items())
            return same and now["state"] == "ready" and len(now["units"]) == replicas and \
                all(one["state"] == "ready" for one in now["units"])
        wait_until(done, 240, f"{self.id} with {replicas} ready unit(s) {more}")

    def lost(self, what):
        """What callers saw while `what` happened: at least CALLS calls, some before and some after."""
        where = self.installation.gateway + "/tumor" + self.path
        load = calls.start(where, CONNECTIONS, body=self.body, check="same",
                           headers={"Authorization": "Bearer " + self.key, "Content-Type": "application/json"})
        try:
            load.wait_more(500)
            what()
            load.wait_more(500)
            load.wait_calls(CALLS, 300)
            result = load.stop()
        finally:
            load.kill()
        assert result["calls"] >= CALLS
        print(f"{result['calls']} calls, {result['failed']} failed")
        return result


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    # Short, so that output keys change again and again under all of this.
    installation = Installation(tmp_path_factory.mktemp("d") / "d", only=["tumor-cpp"],
                                environment={"MIFENG_OUTPUT_KEY_LIFETIME": str(OUTPUT_KEY_SECONDS)})
    plain = installation.command
    installation.command = lambda *more: plain("--snapshot-lifetime", str(OUTPUT_KEY_SECONDS), *more)
    with installation:
        yield Site(installation, tmp_path_factory.mktemp("versions"))


def restart(site):
    site.installation.api("POST", f"/deployments/{site.id}/restart")
    site.settled()


def update(site):
    site.installation.api("POST", f"/deployments/{site.id}/revisions", {"version_id": site.second})
    site.settled(version="2.0.0")


def roll_back(site):
    site.installation.api("POST", f"/deployments/{site.id}/rollback", {})
    site.settled(version="1.0.0")


def scale_up_and_down(site):
    for replicas in (4, 1, 2):
        site.installation.api("PUT", f"/deployments/{site.id}/replicas", {"replicas": replicas})
        site.settled(replicas)


def rotate_output_key(site):
    former = site.output_key()
    wait_until(lambda: site.output_key() != former, 3 * OUTPUT_KEY_SECONDS, "the next output key")


def kill_mifengd(site):
    pid = site.installation.service_pid("mifengd")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: site.installation.service_pid("mifengd") not in (None, pid), 60, "another mifengd")
    site.settled()


@pytest.mark.parametrize("what", [restart, update, roll_back, scale_up_and_down, rotate_output_key, kill_mifengd])
def test_no_call_is_lost(site, what):
    result = site.lost(lambda: what(site))
    assert result["failed"] == 0, result


def test_an_update_that_does_not_come_up_costs_nothing_either(site):
    """The new revision asks for hardware that this machine has not: the old one goes on, and says so."""
    def fail():
        hardware = {"example.com/accelerator": "1"}
        site.installation.api("POST", f"/deployments/{site.id}/revisions", {"requests": hardware, "limits": hardware})
        failed = wait_until(lambda: (lambda now: now if now["update_failed"] else None)(site.get()), 120, "the failure")
        # An accelerator is one unit's alone, so an old unit went first; the other serves.
        assert failed["ready"] == 1 and failed["state"] == "degraded", failed
        assert "goes on serving" in failed["reason"] and "example.com/accelerator" in failed["reason"], failed
        site.installation.api("POST", f"/deployments/{site.id}/rollback", {})
        site.settled()

    result = site.lost(fail)
    assert result["failed"] == 0, result
