"""A browser's sign-in: a cookie that no script reads, and nothing that another site's page could send."""

import json

import pytest

WORK = {"Mifeng-Console": "work"}


@pytest.fixture(scope="module")
def cookie(platform, tokens):
    status, made, _ = platform.request("POST", "/people", tokens["administrator"],
                                       {"name": "wang", "roles": ["operator"]})
    assert status == 201, made
    platform.sign_in("wang", made["password"])
    status, session, fields = sign_in(platform, "wang")
    assert status == 200 and session["token"] == "", session
    kept, *attributes = fields["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}, "plain HTTP on loopback: not Secure"
    assert kept.startswith(f"mifeng-{platform.port}=mfs_")
    return kept


def sign_in(platform, name, **headers):
    body = {"name": name, "password": "long enough for " + name, "cookie": True}
    return platform.request("POST", "/session", body=body, headers={**WORK, **headers})


def browse(platform, cookie, method, path, body=None, **headers):
    return platform.request(method, path, body=body, headers={"Cookie": cookie, **headers})


def test_the_cookie_is_who_signed_in_and_says_what_she_may(platform, cookie):
    status, me, _ = browse(platform, cookie, "GET", "/session")
    assert status == 200 and me["name"] == "wang"
    assert {"deploy", "decide-versions"} <= set(me["permissions"])
    assert not {"manage-people", "manage-keys"} & set(me["permissions"])


@pytest.mark.parametrize("headers", [{}, {**WORK, "Origin": "http://evil.example"}, {**WORK, "Origin": "null"},
                                     {**WORK, "Sec-Fetch-Site": "cross-site"}, {**WORK, "Sec-Fetch-Site": "same-site"},
                                     {"Origin": "http://evil.example"}], ids=json.dumps)
def test_what_another_site_sends_is_refused(platform, cookie, headers):
    for method, path, body in (("POST", "/vendors", {"id": "forged", "name": "Forged"}), ("DELETE", "/session", None),
                               ("POST", "/deployments/plan", {"name": "x", "version_id": "y"})):
        status, answer, _ = browse(platform, cookie, method, path, body, **headers)
        assert (status, answer["reason"]) == (403, "cross-site"), (method, path)
    status, answer, _ = platform.request("POST", "/session", headers=headers,
                                         body={"name": "wang", "password": "long enough for wang", "cookie": True})
    assert (status, answer["reason"]) == (403, "cross-site"), "nor is a browser signed in by another site"
    assert browse(platform, cookie, "GET", "/vendors/forged")[0] == 404


def test_our_own_page_is_let_in(platform, cookie):
    own = {**WORK, "Origin": platform.url, "Sec-Fetch-Site": "same-origin"}
    assert browse(platform, cookie, "POST", "/vendors", {"id": "honest", "name": "Honest"}, **own)[0] == 201
    assert browse(platform, cookie, "DELETE", "/vendors/honest", **own)[0] == 204


def test_a_bearer_string_needs_none_of_it(platform, tokens):
    status, answer, _ = platform.request("POST", "/deployments/plan", tokens["operator"],
                                         {"name": "x", "version_id": "y"}, headers={"Origin": "http://evil.example"})
    assert status == 404, answer


def test_ones_sessions_are_listed_and_ended(platform, cookie):
    _, _, fields = sign_in(platform, "wang", **{"User-Agent": "another browser"})
    other = fields["Set-Cookie"].split(";")[0]
    sessions = browse(platform, cookie, "GET", "/sessions")[1]["items"]
    assert [one["current"] for one in sessions if one["browser"]].count(True) == 1
    ends = next(one for one in sessions if one["agent"] == "another browser")
    assert browse(platform, cookie, "DELETE", "/sessions/" + ends["id"], **WORK)[0] == 204
    assert browse(platform, other, "GET", "/session")[0] == 401
    status, _, fields = browse(platform, cookie, "DELETE", "/session", **WORK)
    assert status == 204 and "Max-Age=0" in fields["Set-Cookie"]
    assert browse(platform, cookie, "GET", "/session")[0] == 401


def test_the_console_is_at_the_root(platform):
    """Where it was built; tests of the program alone run without."""
    connection = platform.connect()
    connection.request("GET", "/deployments/wheat")
    answer = connection.getresponse()
    page = answer.read().decode()
    assert answer.status == 200 and "<div id=\"root\">" in page
    policy = answer.getheader("Content-Security-Policy")
    assert "script-src 'self';" in policy and "unsafe" not in policy
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'nonce="{nonce}"' in page and "MIFENG-NONCE" not in page
    connection.close()
