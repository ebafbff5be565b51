"""Every operation, tried by every role, by nobody and with a wrong token: exactly those that the description names are
let in. Nothing here is meant to succeed: whoever is let in sees a 400, 404 or 422 about ids that do not exist."""

import re

import pytest
import yaml

from conftest import DESCRIPTION, ROLES

SPEC = yaml.safe_load(DESCRIPTION.read_text())
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [(path, method, operation) for path, methods in SPEC["paths"].items()
              for method, operation in methods.items() if method in METHODS]
GUARDED = [(path, method, operation) for path, method, operation in OPERATIONS if "x-mifeng-permission" in operation]
SIGNED_IN = [(path, method, operation) for path, method, operation in OPERATIONS
             if operation["x-mifeng-roles"] == ["signed-in"]]


def address(path):
    fill = {"sm3": "0" * 64, "kind": "design", "version": "1.0"}
    return re.sub(r"\{(\w+)\}", lambda match: fill.get(match.group(1), "none"), path)


def attempt(platform, path, method, operation, token):
    # A body that is wrong for every operation, so that nothing is changed by those who are let in.
    body = {"no-such-member": 1} if "requestBody" in operation else None
    return platform.request(method.upper(), address(path), token, body)


def name(value):
    return value["operationId"] if isinstance(value, dict) else None


@pytest.mark.parametrize("path,method,operation", GUARDED, ids=name)
def test_only_the_named_roles_are_let_in(platform, tokens, path, method, operation):
    if operation["operationId"] in ("rotateKey", "revokeVendorKey"):
        assert operation["x-mifeng-roles"] == ["administrator"]
    for role in ROLES:
        status, answer, _ = attempt(platform, path, method, operation, tokens[role])
        if role in operation["x-mifeng-roles"]:
            # "not-your-vendor" is about whose it is, not about the role.
            refused = status == 403 and answer["reason"] != "not-your-vendor"
            assert status != 401 and not refused, (role, status, answer)
            assert status != 405 and status < 500 or status == 503, (role, status, answer)
        else:
            assert (status, answer["reason"]) == (403, "not-allowed"), (role, status, answer)
    for token in (None, "wrong"):
        status, answer, headers = attempt(platform, path, method, operation, token)
        assert status == 401, (token, status, answer)
        assert headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path,method,operation", SIGNED_IN, ids=name)
def test_signed_in_operations_want_a_token(platform, tokens, path, method, operation):
    for token in (None, "wrong"):
        status, answer, _ = attempt(platform, path, method, operation, token)
        assert status == 401, (token, status, answer)


def test_every_operation_says_who_may_call_it():
    assert len(OPERATIONS) > 80
    for path, method, operation in OPERATIONS:
        assert operation["x-mifeng-roles"], (path, method)
        assert operation["operationId"] and operation["summary"] and operation["responses"]["default"]


def test_the_local_operation_is_closed_from_outside(platform, tokens):
    status, answer, _ = platform.request("POST", "/system/first-administrator", tokens["administrator"])
    assert (status, answer["reason"]) == (403, "local-only")


def test_a_gateway_needs_no_token_but_its_signature(platform):
    for operation, method in (("enrolment", "POST"), ("snapshots", "GET"), ("confirmations", "POST"),
                              ("reports", "POST")):
        headers = {"Mifeng-Nonce": "0" * 32, "Mifeng-Time": "1790000000000", "Mifeng-Signature": "AAAA",
                   "Mifeng-Serial": "1"}
        status, answer, _ = platform.request(method, f"/gateways/none/{operation}", headers=headers,
                                             body=b"nonsense" if method == "POST" else None)
        assert status in (403, 404), (operation, status, answer)
