"""What somebody has who once knew a password or an API token, after the person has changed it."""
import pytest

PASSWORD, OTHER = "long enough for admin", "quite another password"
DAY = 24 * 3600 * 1000


def make_token(platform, **more):
    return platform.request("POST", "/tokens", platform.administrator, {"name": "ci", "roles": [], **more})


def works(platform, token):
    return platform.request("GET", "/session", token)[0] == 200


def test_a_new_password_ends_the_tokens_that_were_made_under_the_former_one(platform):
    stolen, kept = (make_token(platform)[1] for _ in range(2))
    change = {"old_password": PASSWORD, "new_password": OTHER, "keep_tokens": [kept["info"]["id"]]}
    assert platform.request("PUT", "/session/password", platform.administrator, change)[0] == 204
    assert not works(platform, stolen["token"]) and works(platform, kept["token"])
    people = platform.request("GET", "/people", platform.administrator)[1]["items"]
    (admin,) = [one["id"] for one in people if one["name"] == "admin"]
    assert platform.request("POST", f"/people/{admin}/password", platform.administrator)[0] == 200
    assert not works(platform, kept["token"]), "nor does any outlive a reset"


def test_no_token_is_for_ever(platform):
    status, made, _ = make_token(platform, lifetime_ms=0)
    assert status == 201
    assert 0 < made["info"]["expires_ms"] - made["info"]["created_ms"] <= 366 * DAY
    status, answer, _ = make_token(platform, lifetime_ms=367 * DAY)
    assert (status, answer["reason"]) == (400, "bad-lifetime")


def test_a_token_makes_nobody_an_administrator(platform):
    token = make_token(platform)[1]["token"]
    body = {"name": "eve", "roles": ["administrator"]}
    status, answer, _ = platform.request("POST", "/people", token, body)
    assert (status, answer["reason"]) == (403, "token-cannot-make-administrator")
    assert platform.request("POST", "/people", platform.administrator, body)[0] == 201


@pytest.mark.parametrize("name", ["local", "system", "strangers"])
def test_nobody_is_called_what_the_audit_log_calls_somebody_else(platform, name):
    status, answer, _ = platform.request("POST", "/people", platform.administrator, {"name": name, "roles": ["operator"]})
    assert (status, answer["reason"]) == (400, "bad-name")
