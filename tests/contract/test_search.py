"""One search over everything, and the way from any id to its object: complete, bounded, and never more than who asks may
see."""

from urllib.parse import quote

import pytest

from submitting import mifeng, registry, shown, stocked  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def own(stocked):  # noqa: F811
    return stocked


@pytest.fixture(scope="module")
def things(own):
    """What there is, by kind: id."""
    def ask(method, path, body=None):
        status, answer, _ = own.request(method, path, own.vendor.administrator, body)
        assert status < 300, answer
        return answer
    versions = {f"{one['name']}@{one['version']}": one["id"] for one in ask("GET", "/models")["items"]}
    deployment = ask("POST", "/deployments", {"name": "wheat-here", "version_id": versions["digits@1.0.0"]})
    route = ask("POST", "/routes", {"name": "fields of wheat", "prefix": "/wheat", "forward": f"mifeng://{deployment['id']}"})
    caller = ask("POST", "/callers", {"name": "wheat-7"})["caller"]
    batch = ask("POST", "/batches", {"items": [{"name": "x", "version_id": "none"}]})
    ask("POST", "/vendors", {"id": "bolt", "name": "Bolt of wheat"})
    people = {}
    for role, vendor in (("operator", ""), ("auditor", ""), ("caller", ""), ("vendor", "bolt")):
        made = ask("POST", "/people", {"name": f"the-{role}", "roles": [role], "vendor_id": vendor})
        people[role] = own.sign_in(f"the-{role}", made["password"])
    people["administrator"], people["acme"] = own.vendor.administrator, own.vendor.token
    return {"versions": versions, "deployment": deployment, "route": route["id"], "caller": caller["id"],
            "batch": batch["id"], "people": people}


def find(own, token, text, **more):
    query = "&".join(f"{name}={value}" for name, value in more.items())
    status, answer, _ = own.request("GET", f"/search?text={quote(text)}&{query}".rstrip("&"), token)
    assert status == 200, answer
    assert all(set(one) == {"kind", "id", "name", "detail", "within"} for one in answer["items"])
    return [(one["kind"], one["id"]) for one in answer["items"]]


def led(own, token, id):
    status, answer, _ = own.request("GET", f"/search/{id}", token)
    return (answer["kind"], answer["id"], answer["within"]) if status == 200 else (status, answer["reason"])


def test_everybody_finds_what_he_may_see(own, things):
    wheat = [("deployment", things["deployment"]["id"]), ("route", things["route"]), ("caller", things["caller"]), ("vendor", "bolt")]
    people = things["people"]
    for who in ("administrator", "operator", "auditor"):
        assert find(own, people[who], "wheat") == wheat, who
    assert find(own, people["vendor"], "wheat") == [("vendor", "bolt")]
    assert find(own, people["caller"], "wheat") == [("route", things["route"])]
    assert find(own, people["acme"], "wheat") == []
    assert [kind for kind, _ in find(own, people["acme"], "acme/digits@")] == ["version", "version"]
    assert find(own, people["vendor"], "digits") == [], "another vendor's"
    assert own.request("GET", "/search?text=wheat")[0] == 401


def test_words_and_order(own, things):
    administrator, versions = things["people"]["administrator"], things["versions"]
    assert find(own, administrator, "digits 2.0") == [("version", versions["digits@2.0.0"])]
    assert find(own, administrator, "acme/letters@1.0.0") == [("version", versions["letters@1.0.0"])]
    assert find(own, administrator, "fields wheat") == [("route", things["route"])]
    assert find(own, administrator, "wheat nothing") == []
    # Of each kind as many as were asked for.
    assert [kind for kind, _ in find(own, administrator, "acme", limit=1)].count("version") == 1
    assert find(own, administrator, "") == find(own, administrator, "   ") == []


def test_signs_are_no_wildcards(own, things):
    for text in ("%", "_", "!", "'", "\"", "--", "' OR 1=1 --", "\\", "名"):
        assert find(own, things["people"]["administrator"], text) == [], text


def test_ports_and_ids(own, things):
    administrator = things["people"]["administrator"]
    port = str(things["deployment"]["ports"][0]["node_port"])
    assert ("port", port) in find(own, administrator, port)
    assert ("port", port) in find(own, administrator, port[:4])
    assert find(own, things["people"]["acme"], port) == []
    assert find(own, administrator, things["batch"])[0] == ("batch", things["batch"])
    assert find(own, administrator, things["caller"]) == [("caller", things["caller"])]
    key = own.request("GET", "/keys", administrator)[1]["items"][0]
    assert find(own, administrator, key["fingerprint"][:9]) == [("key", key["id"])]


def test_any_id_leads_to_its_object(own, things):
    people, deployment = things["people"], things["deployment"]
    administrator = people["administrator"]
    version = things["versions"]["digits@1.0.0"]
    assert led(own, administrator, version) == ("version", version, "accepted")
    assert led(own, administrator, deployment["id"]) == ("deployment", deployment["id"], "local")
    assert led(own, administrator, deployment["name"]) == ("deployment", deployment["id"], "local")
    assert led(own, administrator, things["route"]) == ("route", things["route"], deployment["id"])
    assert led(own, administrator, things["batch"]) == ("batch", things["batch"], "")
    assert led(own, administrator, "acme") == ("vendor", "acme", "")
    assert led(own, administrator, "local") == ("cluster", "local", "")
    assert led(own, administrator, str(deployment["ports"][0]["node_port"]))[0] == "port"
    assert led(own, administrator, "2")[0] == "audit"
    for who, id in (("acme", deployment["id"]), ("vendor", version), ("vendor", "acme"), ("caller", things["caller"]), ("operator", "2")):
        assert led(own, people[who], id) == (404, "not-found"), (who, id)
    for none in ("none", "mv-", "%25", "0" * 32, "99999999999999999999", "a" * 300, "..%2F..%2Fetc"):
        assert led(own, administrator, none) == (404, "not-found"), none


def test_what_is_asked_is_bounded(own, things):
    ask = lambda query: own.request("GET", "/search?" + query, things["people"]["administrator"])
    assert ask("text=" + "a" * 201)[1]["reason"] == "bad-search"
    assert ask("text=a&limit=51")[1]["reason"] == ask("text=a&limit=0")[1]["reason"] == "bad-query"
    assert ask("text=a&kind=version")[1]["reason"] == "bad-query"
    assert ask("text=" + "+".join(["a"] * 90))[0] == 200


def test_the_command_line_finds_it_too(own, things, mifeng):
    found = shown(mifeng("find", "wheat", "-o", "json"))
    assert [one["kind"] for one in found] == ["deployment", "route", "caller", "vendor"]
    table = mifeng("find", "fields", "wheat").stdout.decode().splitlines()
    assert table[0].split() == ["KIND", "ID", "NAME", "DETAIL"] and things["route"] in table[1]
    assert mifeng("find", "fields", "-o", "name").stdout.decode() == things["route"] + "\n"
    assert b"not-found" in mifeng("find", "nothing", "is", "called", "so", status=3).stderr
    assert "没有名为 so" in mifeng("find", "so", status=3, env={"LC_ALL": "zh_CN.UTF-8"}).stderr.decode()
