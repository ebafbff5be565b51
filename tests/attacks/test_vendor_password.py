"""Somebody has the password of a vendor's person: he writes a telephone number of his own, proposes a key of his own, and
answers the call by which an administrator confirms it. With that key he could submit models in the vendor's name.

No test can make a telephone call: what is tried here is that the administrator who reads the right fingerprint out of that
call is not believed."""
import subprocess

import pytest
from one_platform import BIN

TRUE, HIS = "0571-5550-0100", "0571-5550-0666"


class Vendor:
    """A vendor who is registered with a number and has a key in force; one of his people, and who confirms his keys."""

    def __init__(self, platform, folder):
        self.platform, self.folder = platform, folder
        self.first = platform.administrator
        self.ok("POST", "/vendors", self.first, {"id": "acme", "name": "Acme", "telephone": TRUE})
        self.person = self.join("zhang", "vendor", vendor_id="acme")
        self.genuine, pem = self.key("genuine")
        self.propose(pem)
        self.ok("POST", "/vendors/acme/key/confirmation", self.first, {"fingerprint": self.genuine})
        self.his, self.his_pem = self.key("his")

    def ok(self, method, path, token, body=None):
        status, answer, _ = self.platform.request(method, path, token, body)
        assert status < 300, (method, path, answer)
        return answer

    def join(self, name, role, **more):
        made = self.ok("POST", "/people", self.first, {"name": name, "roles": [role], **more})
        return self.platform.sign_in(name, made["password"])

    def key(self, name):
        private, public = self.folder / f"{name}.pem", self.folder / f"{name}.pub"
        subprocess.run([BIN / "mifeng", "key", "generate", "--output-file", private, "--public", public], check=True)
        shown = subprocess.run([BIN / "mifeng", "key", "fingerprint", public], check=True, capture_output=True)
        return shown.stdout.decode().strip(), public.read_text()

    def propose(self, pem):
        return self.ok("PUT", "/vendors/acme/key", self.person, {"public_key_pem": pem})

    def telephone(self, number, token=None):
        return self.ok("PUT", "/vendors/acme", token or self.person, {"name": "Acme", "telephone": number})

    def vouch(self, token, number=HIS):
        return self.platform.request("POST", "/vendors/acme/telephone/confirmation", token, {"telephone": number})[:2]

    def confirm(self, token, fingerprint=None):
        """What an administrator is told who types the fingerprint that was read out to him."""
        status, answer, _ = self.platform.request("POST", "/vendors/acme/key/confirmation", token,
                                                  {"fingerprint": fingerprint or self.his})
        return (status, answer.get("reason"))

    def in_force(self):
        return self.ok("GET", "/vendors/acme", self.first)["fingerprint"]


@pytest.fixture
def vendor(platform, tmp_path):
    return Vendor(platform, tmp_path)


REFUSED = (409, "telephone-not-confirmed")


def test_who_answers_a_number_of_his_own_gets_no_key_confirmed(vendor):
    second = vendor.join("wang", "administrator")
    vendor.telephone(HIS)
    vendor.propose(vendor.his_pem)
    shown = vendor.ok("GET", "/vendors/acme", vendor.first)
    assert (shown["telephone_waits"], shown["known_telephone"], shown["telephone_by"]) == (True, TRUE, "zhang")
    assert shown["pending_by"] == "zhang" and shown["pending_ms"] > 0 and shown["telephone_ms"] > 0
    for administrator in (vendor.first, second):
        assert vendor.confirm(administrator) == REFUSED
    assert vendor.in_force() == vendor.genuine
    # The refusal stands in the log, and so does what was changed.
    log = vendor.ok("GET", "/audit?page_size=200", vendor.first)["items"]
    changed = [one for one in log if one["action"] == "vendor.update"]
    assert [(one["actor"], one["detail"]) for one in changed] == [("zhang", f'telephone from "{TRUE}" to "{HIS}"')]
    assert [one["outcome"] for one in log if one["action"] == "vendor.confirm-key"].count("telephone-not-confirmed") == 2


def test_it_does_not_matter_which_comes_first(vendor):
    vendor.propose(vendor.his_pem)
    vendor.telephone(HIS)
    assert vendor.confirm(vendor.first) == REFUSED


def test_several_changes_do_not_wash_a_number(vendor):
    vendor.propose(vendor.his_pem)
    for number in ("0571-5550-0001", "", HIS):
        assert vendor.telephone(number)["known_telephone"] == TRUE
        assert vendor.confirm(vendor.first) == REFUSED
    # Back at the known number there is nothing to ask about: whoever is called there is the vendor.
    assert vendor.telephone(TRUE)["telephone_waits"] is False
    assert vendor.confirm(vendor.first, vendor.genuine) == (422, "fingerprint-mismatch")


def test_whoever_was_talked_into_the_number_cannot_confirm_the_key(vendor):
    second = vendor.join("wang", "administrator")
    vendor.telephone(HIS)
    vendor.propose(vendor.his_pem)
    # A number that he exchanges while he is being asked about is not the one that was confirmed.
    status, answer = vendor.vouch(vendor.first, "0571-5550-0667")
    assert (status, answer["reason"]) == (409, "telephone-changed")
    assert vendor.ok("GET", "/vendors/acme", vendor.first)["known_telephone"] == TRUE
    assert vendor.vouch(vendor.first)[0] == 200
    assert vendor.confirm(vendor.first) == (403, "other-administrator")
    # Nor after the number went away and came back.
    vendor.telephone(TRUE)
    assert vendor.confirm(vendor.first) == REFUSED
    vendor.telephone(HIS)
    assert vendor.confirm(vendor.first) == (403, "other-administrator")
    assert vendor.in_force() == vendor.genuine
    # Beside it the way that works: the number is the vendor's, one administrator has asked, another calls it.
    assert vendor.confirm(second)[0] == 200
    assert vendor.in_force() == vendor.his
    # From then on it is a number like any.
    vendor.propose(vendor.key("third")[1])
    assert vendor.ok("GET", "/vendors/acme", vendor.first)["known_by"] == ""


def test_a_number_that_an_administrator_writes_is_called_by_another(vendor):
    second = vendor.join("wang", "administrator")
    vendor.telephone(HIS, vendor.first)
    vendor.propose(vendor.his_pem)
    assert vendor.confirm(vendor.first) == (403, "other-administrator")
    assert vendor.confirm(second)[0] == 200


def test_an_operators_password_does_not_help_either(vendor):
    operator = vendor.join("li", "operator")
    vendor.telephone(HIS, operator)
    vendor.ok("PUT", "/vendors/acme/key", operator, {"public_key_pem": vendor.his_pem})
    assert vendor.confirm(vendor.first) == REFUSED
    for token in (operator, vendor.person):
        assert vendor.vouch(token)[0] == 403


def test_who_is_the_only_administrator_confirms_both_one_after_the_other(vendor):
    vendor.telephone(HIS)
    vendor.propose(vendor.his_pem)
    assert vendor.confirm(vendor.first) == REFUSED
    assert vendor.vouch(vendor.first)[0] == 200
    assert vendor.confirm(vendor.first)[0] == 200
