"""Developer information: a vendor's own people keep it up to date, but for the name, and nobody else's."""
import pytest

from conftest import Platform


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("information"))
    first = running.request("POST", "/system/first-administrator", local=True)[1]
    tokens = {"administrator": running.sign_in(first["name"], first["password"])}
    for vendor in ("acme", "bolt"):
        made = {"id": vendor, "name": vendor.title(), "address": "1 Road", "telephone": "+86 10", "business": "ocr"}
        assert running.request("POST", "/vendors", tokens["administrator"], made)[0] == 201
        for name, roles in ((vendor, ["vendor"]), (vendor + "-both", ["vendor", "operator"])):
            person = {"name": name, "roles": roles, "vendor_id": vendor}
            status, answer, _ = running.request("POST", "/people", tokens["administrator"], person)
            assert status == 201, answer
            tokens[name] = running.sign_in(name, answer["password"])
    running.tokens = tokens
    yield running
    assert running.stop() == 0


def change(scene, who, vendor, **changes):
    _, now, headers = scene.request("GET", f"/vendors/{vendor}", scene.tokens["administrator"])
    body = {field: now[field] for field in ("name", "address", "telephone", "business")} | changes
    status, answer, _ = scene.request("PUT", f"/vendors/{vendor}", scene.tokens[who], body,
                                      headers={"If-Match": headers["ETag"]})
    return status, answer


def last_entry(scene):
    return scene.request("GET", "/audit?page_size=1", scene.tokens["administrator"])[1]["items"][0]


def test_his_own_he_changes_and_it_is_written_down(scene):
    status, answer = change(scene, "acme", "acme", address="2 \"Road\"", business="speech")
    assert (status, answer["address"], answer["business"], answer["telephone_waits"]) == (200, "2 \"Road\"", "speech", False)
    entry = last_entry(scene)
    assert (entry["actor"], entry["action"], entry["subject"]) == ("acme", "vendor.update", "acme")
    assert entry["detail"] == 'address from "1 Road" to "2 \\"Road\\"", business from "ocr" to "speech"'


def test_what_changes_nothing_is_no_entry(scene):
    before = last_entry(scene)["seq"]
    assert change(scene, "acme", "acme")[0] == 200
    assert last_entry(scene)["seq"] == before


def test_anothers_he_does_not(scene):
    status, answer = change(scene, "bolt", "acme", address="3 Road")
    assert (status, answer["reason"]) == (403, "not-your-vendor")


@pytest.mark.parametrize("name", ["Bolt", "acme", "Acme "])
def test_his_name_he_does_not(scene, name):
    status, answer = change(scene, "acme", "acme", name=name, address="4 Road")
    assert (status, answer["reason"]) == (403, "vendor-name-stays")
    now = scene.request("GET", "/vendors/acme", scene.tokens["acme"])[1]
    assert now["name"] == "Acme" and now["address"] != "4 Road"


def test_who_manages_vendors_changes_the_name_though_he_is_of_one(scene):
    status, answer = change(scene, "bolt-both", "bolt", name="Bolt & Sons")
    assert (status, answer["name"]) == (200, "Bolt & Sons")


def test_who_saw_another_version_is_told(scene):
    headers = {"If-Match": '"' + "0" * 32 + '"'}
    status, answer, _ = scene.request("PUT", "/vendors/acme", scene.tokens["acme"], {"name": "Acme", "telephone": "1"},
                                      headers=headers)
    assert (status, answer["reason"]) == (412, "changed-meanwhile")
    assert answer["current"]["telephone"] == "+86 10" and answer["sent"]["telephone"] == "1"


def test_only_an_administrator_vouches_for_a_number(scene):
    assert change(scene, "acme", "acme", telephone="+86 20")[1]["telephone_waits"] is True
    path, body = "/vendors/acme/telephone/confirmation", {"telephone": "+86 20"}
    for who in ("acme", "bolt", "acme-both"):
        status, answer, _ = scene.request("POST", path, scene.tokens[who], body)
        assert (status, answer["reason"]) == (403, "not-allowed"), who
    status, answer, _ = scene.request("POST", path, scene.tokens["administrator"], body)
    assert (status, answer["telephone_waits"], answer["known_telephone"]) == (200, False, "+86 20")
    entry = last_entry(scene)
    assert (entry["action"], entry["detail"]) == ("vendor.confirm-telephone", 'from "+86 10" to "+86 20"')
    status, answer, _ = scene.request("POST", path, scene.tokens["administrator"], body)
    assert (status, answer["reason"]) == (409, "telephone-known")
