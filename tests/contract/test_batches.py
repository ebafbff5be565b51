"""Batches over the API and the command line, against a real platform with a real registry and no engine: what is planned
and stored is seen, and nothing starts."""

import time

import pytest

from submitting import mifeng, registry, shown, stocked as own  # noqa: F401 - fixtures


def api(own, method, path, body=None, status=200):
    got, answer, _ = own.request(method, path, body=body, local=True)
    assert got == status, answer
    return answer


def settled(own, batch, counts):
    """Waits until the batch has these counts: what has no engine stays on its way."""
    until = time.monotonic() + 20
    while True:
        now = api(own, "GET", f"/batches/{batch}")
        if all(now["counts"][name] == value for name, value in counts.items()):
            return now
        assert time.monotonic() < until, now["counts"]
        time.sleep(0.05)


def test_a_plan_is_a_value_and_applying_it_answers_at_once(own):
    plan = api(own, "POST", "/batches/plans", {"filter": {"vendor": "acme"}, "name": "{vendor}-{model}",
                                               "prefix": "/{vendor}/{model}", "replicas": 2}, 201)
    assert [(item["number"], item["request"]["name"], item["version"], item["action"]) for item in plan["items"]] == \
        [(1, "acme-digits", "2.0.0", "create"), (2, "acme-letters", "1.0.0", "create")]
    ports = [port["node_port"] for item in plan["items"] for port in item["ports"]]
    assert len(ports) == len(set(ports)) == plan["totals"]["ports"] == 4
    assert api(own, "GET", "/deployments")["total"] == 0
    assert api(own, "GET", f"/batches/plans/{plan['id']}") == plan
    batch = api(own, "POST", "/batches", {"plan": plan["id"], "without": [2]}, 201)
    assert batch["counts"]["waiting"] == 1 and batch["state"] == "working" and batch["created_by"]
    made = settled(own, batch["id"], {"working": 1})["items"][0]
    deployment = api(own, "GET", f"/deployments/{made['deployment_id']}")
    assert deployment["batch_id"] == batch["id"]
    assert [port["node_port"] for port in deployment["ports"]] == ports[:2]
    again = api(own, "POST", "/batches", {"plan": plan["id"]}, 409)
    assert again["reason"] == "plan-applied" and batch["id"] in again["message"]
    # What was made is removed; what was left out never was.
    assert api(own, "POST", f"/batches/{batch['id']}/rollback", {"confirm": "x"}, 400)["reason"] == "not-confirmed"
    undone = api(own, "POST", f"/batches/{batch['id']}/rollback", {"confirm": batch["id"]})
    assert undone["asked"] == "roll-back" and undone["items"][0]["state"] == "working"
    assert api(own, "GET", f"/deployments/{made['deployment_id']}")["state"] == "deleting"
    actions = {entry["action"] for entry in api(own, "GET", "/audit?page_size=200")["items"]}
    assert {"batch.create", "batch.item", "batch.rollback"} <= actions


def test_a_plan_that_does_not_hold_any_more_comes_back_as_it_would_be_now(own):
    plan = api(own, "POST", "/batches/plans", {"items": [{"version": "acme/letters@1.0.0", "name": "b1"}]}, 201)
    port = plan["items"][0]["ports"][0]["node_port"]
    taken = api(own, "POST", "/deployments", {"name": "taker", "version_id": plan["items"][0]["request"]["version_id"],
                                              "ports": [port]}, 201)
    refused = api(own, "POST", "/batches", {"plan": plan["id"]}, 409)
    assert refused["reason"] == "plan-changed" and refused["plan"]["id"] in refused["message"]
    assert refused["plan"]["items"][0]["ports"][0]["node_port"] != port
    api(own, "POST", "/batches", {"plan": refused["plan"]["id"]}, 201)
    api(own, "DELETE", f"/deployments/{taken['id']}", status=204)


@pytest.mark.parametrize("body, reason", [
    ({}, "bad-batch"),
    ({"items": [{"name": "a"}]}, "bad-batch"),
    ({"items": [{"version": "acme/digits@2.0.0"}], "filter": {}}, "bad-batch"),
    ({"filter": {"vendor": "nobody"}}, "nothing-to-plan"),
    ({"filter": {}, "edits": [{"version": "acme/none", "replicas": 1}]}, "unknown-edit"),
    ({"filter": {}, "name": "{who}"}, "bad-pattern"),
    ({"filter": {}, "nonsense": 1}, "unknown-field"),
])
def test_what_is_no_plan_is_refused(own, body, reason):
    status, answer, _ = own.request("POST", "/batches/plans", body=body, local=True)
    assert status in (400, 404) and answer["reason"] == reason, answer


def test_plans_do_not_outlive_the_platform_and_batches_do(own):
    plan = api(own, "POST", "/batches/plans", {"items": [{"version": "acme/letters@1.0.0", "name": "b2"}]}, 201)
    batch = api(own, "POST", "/batches", {"items": [{"name": "b3", "version_id": "none"}]}, 201)
    assert own.stop() == 0
    own.start()
    assert api(own, "POST", "/batches", {"plan": plan["id"]}, 404)["reason"] == "plan-gone"
    item = settled(own, batch["id"], {"failed": 1})["items"][0]
    assert item["code"] == "not-found" and "none" in item["message"]
    page = api(own, "GET", "/batches")
    assert page["items"][0]["id"] == batch["id"] and page["items"][0]["counts"]["failed"] == 1
    cancelled = api(own, "POST", f"/batches/{batch['id']}/cancel")
    assert cancelled["asked"] == "cancel" and cancelled["counts"]["failed"] == 1


def test_the_command_line_plans_and_applies_a_list(own, mifeng, tmp_path):
    listed = tmp_path / "list.yaml"
    listed.write_text("- version: acme/digits@2.0.0\n  name: c1\n  replicas: 2\n  limits: {memory: 2Gi, cpu: 1}\n"
                      "  volumes: [{name: cache, medium: memory, size: 1073741824}]\n"
                      "- version: acme/digits@9.9.9\n  name: c2\n"
                      "- version: acme/letters@1.0.0\n  name: c3\n  env: []\n")
    done = mifeng("batch", "plan", str(listed), status=8)
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["ITEM", "NAME", "MODEL", "VERSION", "CLUSTER", "ACTION", "PORT", "PROBLEM"]
    assert lines[1].split()[:4] == ["1", "c1", "digits", "2.0.0"] and "acme/digits@9.9.9" in lines[2]
    assert "submit the version and accept it" in lines[2]
    assert "2 new, 0 to be updated, 0 as they are, 1 refused; 3 node ports." in done.stderr.decode()
    done = mifeng("batch", "plan", str(listed), status=8, env={"LC_ALL": "zh_CN.UTF-8"})
    assert "新建 2 项" in done.stderr.decode() and "请提交并接收该版本" in done.stdout.decode()
    plan = shown(mifeng("batch", "plan", str(listed), "-o", "json", status=8))
    assert plan["items"][0]["request"]["limits"] == {"memory": "2Gi", "cpu": "1"}
    assert plan["items"][0]["request"]["volumes"] == [{"name": "cache", "medium": "memory", "size": "1073741824"}]
    assert b"plan-refuses" in mifeng("batch", "apply", plan["id"], status=5).stderr
    batch = shown(mifeng("batch", "apply", plan["id"], "--without", "2", "-o", "json"))
    assert [item["number"] for item in batch["items"]] == [1, 3]
    settled(own, batch["id"], {"working": 2})
    table = mifeng("batch", "get", batch["id"]).stdout.decode().splitlines()
    assert table[0].split() == ["ITEM", "NAME", "ACTION", "STATE", "DEPLOYMENT", "REASON"]
    assert table[1].split()[:4] == ["1", "c1", "create", "working"]
    assert mifeng("batch", "get", batch["id"], "-o", "name").stdout.decode() == batch["id"] + "\n"
    assert b"not-ready" in mifeng("batch", "get", batch["id"], "--wait", "1", status=7).stderr
    assert batch["id"] in mifeng("batch", "list", "-o", "name").stdout.decode().split()
    assert mifeng("get", "batches").stdout.decode().splitlines()[0].split()[:3] == ["ID", "STATE", "READY"]
    # The same list again: what is there is as it is, and nothing is made twice.
    plan = shown(mifeng("batch", "plan", str(listed), "-o", "json", status=8))
    assert [item["action"] for item in plan["items"] if not item["refusals"]] == ["none", "none"]
    assert b"not-confirmed" in mifeng("batch", "rollback", batch["id"], status=2).stderr
    undone = shown(mifeng("batch", "rollback", batch["id"], "--yes", "-o", "json"))
    assert undone["asked"] == "roll-back"
    assert b"batch-rolled-back" in mifeng("batch", "retry", batch["id"], status=5).stderr


def test_the_command_line_takes_filters_and_folders_of_packages(own, mifeng, tmp_path):
    done = mifeng("batch", "plan", "--vendor", "acme", "--except", "acme/digits", "--as", "f-{model}",
                  "--route", "/f/{model}", "-o", "json")
    item, = shown(done)["items"]
    assert item["request"]["name"] == "f-letters" and item["request"]["route"]["prefix"] == "/f/letters"
    assert b"usage" in mifeng("batch", "plan", status=2).stderr
    assert b"usage" in mifeng("batch", "plan", "x.yaml", "--all", status=2).stderr
    assert b"nothing-to-plan" in mifeng("batch", "plan", "--packages", str(tmp_path), status=3).stderr
    (tmp_path / "1.mfpkg").write_bytes((own.vendor.folder / "2.0.0" / "package.mfpkg").read_bytes())
    new = own.vendor.package("3.0.0", 1000)
    (tmp_path / "2.mfpkg").write_bytes(new)
    done = mifeng("batch", "plan", "--packages", str(tmp_path), "-o", "json", status=8)
    first, second = shown(done)["items"]
    assert not first["refusals"] and first["version"] == "2.0.0"
    assert second["refusals"][0]["code"] == "not-found" and "acme/digits@3.0.0" in second["refusals"][0]["message"]
    assert own.vendor.submit(new)[0] == 201
    done = mifeng("batch", "apply", "--packages", str(tmp_path), "--as", "p-{model}", status=5)
    assert b"plan-refuses" in done.stderr and b"submitted" in done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("- version: acme/digits@2.0.0\n  colour: red\n")
    assert b"colour" in mifeng("batch", "plan", str(bad), status=2).stderr
    bad.write_text("just words\n")
    assert b"bad-batch-file" in mifeng("batch", "plan", str(bad), status=2).stderr


def test_one_item_is_tried_again_and_batches_are_found_by_their_names(own):
    plan = api(own, "POST", "/batches/plans", {"items": [{"version": "acme/letters@1.0.0", "name": "found-1"}]}, 201)
    version = plan["items"][0]["request"]["version_id"]
    batch = api(own, "POST", "/batches", {"items": [{"name": "found-1", "version_id": version}, {"name": "found-2", "version_id": "none"},
                                                    {"name": "found-3", "version_id": "none"}]}, 201)
    settled(own, batch["id"], {"failed": 2})
    path = f"/batches/{batch['id']}/retry"
    assert api(own, "POST", path, {"items": [9]}, 404)["reason"] == "no-such-item"
    assert api(own, "POST", path, {"items": [1, 2]}, 409)["reason"] == "item-not-failed"
    for wrong in ({"items": []}, {"items": [0]}, {"items": ["2"]}, {"item": 2}):
        assert api(own, "POST", path, wrong, 400)["code"] == "invalid-argument", wrong
    before = {item["number"]: item["changed_ms"] for item in api(own, "GET", f"/batches/{batch['id']}")["items"]}
    tried = api(own, "POST", path, {"items": [2]})
    assert tried["items"][2]["state"] == "failed" and tried["items"][2]["changed_ms"] == before[3], "the other stays as it was"
    after = settled(own, batch["id"], {"failed": 2})
    assert after["items"][1]["changed_ms"] >= before[2]
    found = lambda text: [one["id"] for one in api(own, "GET", f"/batches?text={text}")["items"]]
    assert found("found-2") == found("FOUND-1") == found(batch["id"][3:]) == [batch["id"]]
    assert found("found-9") == found("version_id") == []
    assert batch["id"] in found(batch["created_by"])
