"""Every key of the platform changes while a model runs and is called: each answer still opens, and nobody starts anew."""
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import pytest

from installation import BIN, SOURCE, Installation, wait_until
from second_gateway import second_gateway

# Short, so that keys come, retire and are destroyed while the tests look on. An output key is with the gateways one
# snapshot lifetime before it is used, and stays for a lease and a snapshot lifetime after the next one began.
LEASE, SNAPSHOT = 10, 12
ENVIRONMENT = {"MIFENG_OUTPUT_KEY_LIFETIME": str(SNAPSHOT), "MIFENG_DELIVERY_KEY_GRACE": "1"}


class Caller(threading.Thread):
    """Calls the model without a pause until it is told to stop, and keeps what was not as it should be."""

    def __init__(self, installation, key):
        super().__init__(daemon=True)
        self.installation, self.key = installation, key
        self.calls, self.failures, self.ended = 0, [], threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            try:
                status, body = self.installation.call("/tumor/predict", self.installation.request, key=self.key)
                if status != 200 or b"probability" not in body:
                    self.failures.append((time.time(), status, body))
            except OSError as error:
                self.failures.append((time.time(), 0, repr(error)))
            self.calls += 1

    def stop(self):
        self.ended.set()
        self.join(30)


class Site:
    def __init__(self, installation):
        self.installation = installation
        self.deployment = installation.deployments()[0]
        self.key = installation.caller_key()
        self.former_join = self.invite("former")

    def invite(self, name):
        where = self.installation.line("platform")
        return self.installation.api("POST", "/gateways", {"id": name, "platform_url": where})

    def keys(self, purpose):
        return [one for one in self.installation.api("GET", "/keys")["items"] if one["purpose"] == purpose]

    def in_force(self):
        return next(one["id"] for one in self.keys("output") if one["state"] == "in-force")

    def rotate(self, purpose):
        return self.installation.api("POST", "/keys/rotation", {"purpose": purpose})["id"]

    def live(self, deployment=None):
        listed = self.installation.api("GET", "/instances?page_size=100")["items"]
        wanted = deployment or self.deployment["id"]
        return [one["id"] for one in listed if one["deployment_id"] == wanted and not one["ended_ms"]]

    def sealed_to(self):
        """The key id to which the model's guard seals now, read off an answer at its node port."""
        port = self.installation.api("GET", "/deployments/" + self.deployment["id"])["units"][0]["ports"][0]["node_port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/predict", json.dumps(self.installation.request), {
            "Content-Type": "application/json", "Mifeng-Request-Id": os.urandom(16).hex()})
        answer = connection.getresponse().read()
        connection.close()
        shown = subprocess.run([BIN / "mifeng", "inspect", "-o", "json"], input=answer, capture_output=True, check=True)
        recipients = json.loads(shown.stdout)["recipients"]
        assert len(recipients) == 1, recipients
        return recipients[0]


@pytest.fixture(scope="module")
def site():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        installation = Installation(pathlib.Path(path) / "d", only=["tumor-cpp"], environment=ENVIRONMENT)
        plain = installation.command
        installation.command = lambda *more: plain("--lease", str(LEASE), "--snapshot-lifetime", str(SNAPSHOT), *more)
        with installation:
            installation.request = next(json.loads(line)["request"] for line in (
                SOURCE / "examples/tumor-cpp/build/calls.jsonl").read_text().splitlines())
            installation.wait_answer("/tumor")
            made = Site(installation)
            wait_until(lambda: installation.call("/tumor/predict", installation.request, key=made.key)[0] == 200, 20,
                       "the first answer")
            yield made
        assert installation.left_behind() == []


@pytest.fixture
def called(site):
    """The model is called all the while; at the end every answer was right, and its instance is the one it was."""
    before = site.live()
    caller = Caller(site.installation, site.key)
    caller.start()
    yield caller
    wait_until(lambda: caller.calls > 20, 60, "enough calls to tell")
    caller.stop()
    assert caller.failures == []
    assert site.live() == before, "the guard has asked for another grant"


def test_output_keys_come_serve_retire_and_are_destroyed(site, called):
    def sealed_to_the_one_in_force():
        key = site.in_force()
        return key if site.sealed_to() == key else None
    # A guard learns of it with its next renewal.
    first = wait_until(sealed_to_the_one_in_force, 10, "an answer that is sealed to the key in force")
    following = wait_until(lambda: [one for one in site.keys("output") if one["state"] == "future"], 30,
                           "the next output key")[0]
    # Not before its time.
    while time.time() * 1000 < following["not_before_ms"] - 500:
        assert site.sealed_to() != following["id"]
        time.sleep(0.2)
    wait_until(lambda: site.sealed_to() == following["id"], 10, "an answer that is sealed to the new key")
    assert time.time() * 1000 >= following["not_before_ms"]

    def destroyed():
        return next(one for one in site.keys("output") if one["id"] == first)["state"] == "destroyed"
    assert not destroyed(), "guards and gateways may still need it"
    wait_until(destroyed, 2 * (LEASE + SNAPSHOT) + 10, "the old key's end")
    gone = next(one for one in site.keys("output") if one["id"] == first)
    successor = next(one for one in site.keys("output") if one["serial"] == gone["serial"] + 1)
    assert gone["destroyed_ms"] >= successor["not_before_ms"] + 1000 * (LEASE + SNAPSHOT)


def test_identity_and_delivery_keys_change_under_running_models(site, called):
    fingerprint = site.installation.api("GET", "/card/fingerprint")["fingerprint"]
    for purpose in ("delivery", "identity", "identity", "delivery"):
        site.rotate(purpose)
    assert site.installation.api("GET", "/card/fingerprint")["fingerprint"] != fingerprint
    # Renewals are sealed to the former delivery key and answered under the new identity key: a lease passes, and the
    # instance is the same (see the fixture). The gateway that has the former card goes on as well.
    begun = called.calls
    end = time.time() + LEASE + 3
    wait_until(lambda: time.time() > end and called.calls > begun + 20, LEASE + 30, "calls over a whole lease")
    states = {one["state"] for one in site.keys("delivery")}
    assert "destroyed" not in {one["state"] for one in site.keys("delivery")[:1]}, states
    # A container that starts now, from a package that was made for the former card.
    made = site.installation.api("POST", "/deployments", {
        "name": "later", "version_id": site.deployment["version_id"], "route": {"name": "later", "prefix": "/later"}})["id"]
    site.installation.wait_state(made, ["ready"])
    wait_until(lambda: site.installation.call("/later/predict", site.installation.request, key=site.key)[0] == 200, 20,
               "an answer")
    site.installation.api("DELETE", "/deployments/" + made)
    wait_until(lambda: len(site.installation.deployments()) == 1, 60, "the deletion")


def test_a_gateway_with_the_former_card_enrols_and_serves(site, called, folder):
    assert site.keys("identity")[0]["state"] == "retired", "the join file's card has a former identity key"
    with second_gateway(folder / "gateway", site.former_join, site.installation.request, site.key) as call:
        status, body = call("/tumor/predict")
        assert status == 200 and b"probability" in body


def test_the_audit_log_has_every_change_and_holds(site):
    listed = site.installation.api("GET", "/audit?action=key.&page_size=100")["items"]
    actions = {(one["action"], one["subject"].split()[0]) for one in listed}
    assert {("key.rotate", "identity"), ("key.rotate", "delivery"), ("key.create", "output"),
            ("key.destroy", "output")} <= actions, actions
    done = subprocess.run([BIN / "mifeng", "audit", "verify", "--platform", f"unix:{site.installation.data}/run/mifengd.sock"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
