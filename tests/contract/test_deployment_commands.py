"""`mifeng deploy` over what is there, update, history, rollback, withdraw, route move, cluster: each against a real
platform with a real registry and no engine, where what is wanted is seen and nothing starts."""

from submitting import mifeng, registry, shown, stocked as own  # noqa: F401 - fixtures


def test_deploying_again_updates(mifeng):
    made = shown(mifeng("deploy", "acme/digits@1.0.0", "--limit", "memory=1Gi", "-o", "json"))
    assert made["name"] == "digits" and made["revision"] == 1 and made["overlay"]["limits"] == {"memory": "1Gi"}
    done = mifeng("deploy", "acme/digits@2.0.0", "--limit", "memory=2Gi", "--plan")
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith(f"{made['id']}: revision 1 (1.0.0) to 2.0.0; ")
    assert f"  ~ model.resources.memoryLimitBytes: {1 << 30} -> {2 << 30}" in lines
    assert any(line.startswith("  ~ model.image: ") for line in lines)
    assert shown(mifeng("get", "deployment", "digits", "-o", "json"))["revision"] == 1
    plan = shown(mifeng("deploy", "acme/digits@2.0.0", "--plan", "-o", "json"))
    assert plan["to_version"] == "2.0.0" and plan["from_revision"] == 1

    updated = shown(mifeng("deploy", "acme/digits@2.0.0", "--replicas", "3", "-o", "json"))
    assert updated["id"] == made["id"]
    assert (updated["version"], updated["revision"], updated["replicas"]) == ("2.0.0", 2, 3)
    assert updated["overlay"]["limits"] == {"memory": "1Gi"}, "what was not given stays"
    # Another number of replicas is no revision.
    scaled = shown(mifeng("deploy", "acme/digits@2.0.0", "--replicas", "1", "-o", "json"))
    assert (scaled["revision"], scaled["replicas"]) == (2, 1)
    assert b"nothing-changed" in mifeng("deploy", "acme/digits@2.0.0", status=5).stderr
    assert "nothing would be replaced" in mifeng("deploy", "acme/digits@2.0.0", "--plan").stdout.decode()
    # Another name is another deployment; another model under this name is none.
    assert shown(mifeng("deploy", "acme/digits@1.0.0", "--name", "other", "-o", "json"))["revision"] == 1
    assert b"other-model" in mifeng("deploy", "acme/letters@1.0.0", "--name", "digits", status=2).stderr
    assert b"other-cluster" in mifeng("deploy", "acme/digits@1.0.0", "--cluster", "far", status=5).stderr
    assert b"other-route" in mifeng("deploy", "acme/digits@1.0.0", "--route", "/digits", status=5).stderr
    assert mifeng("deploy", "acme/letters@1.0.0", "--cluster", "far", status=3)
    assert b"bad-quantity" in mifeng("deploy", "acme/digits@1.0.0", "--limit", "memory", status=2).stderr
    assert b"bad-env" in mifeng("deploy", "acme/digits@1.0.0", "--env", "LANG", status=2).stderr


def test_a_volume_is_put_elsewhere(mifeng):
    made = shown(mifeng("deploy", "acme/digits@1.0.0", "--name", "placed", "--volume",
                        "cache=claim:shared,size=10Gi,class=fast", "-o", "json"))
    assert made["overlay"]["volumes"] == [{"name": "cache", "claim": "shared", "size": "10Gi", "storage_class": "fast"}]
    plan = mifeng("update", "placed", "--volume", "cache=memory,size=1Gi", "--plan").stdout.decode().splitlines()
    assert plan[1:] == [f"  + model.mounts./cache: {1 << 30}",
                        f'  - mounts./cache: {{"claim":"acme.shared","sizeBytes":{10 << 30},"storageClass":"fast"}}']
    updated = shown(mifeng("update", "placed", "--volume", "cache=disk", "-o", "json"))
    assert updated["overlay"]["volumes"] == [{"name": "cache", "medium": "disk"}]
    chinese = {"LC_ALL": "zh_CN.UTF-8"}
    for wrong in ("cache", "cache=", "=memory", "cache=claim:", "cache=/etc", "cache=memory,", "cache=memory,size=",
                  "cache=memory,size=1Gi,size=2Gi", "cache=memory,owner=root", ""):
        assert b"bad-volume" in mifeng("update", "placed", "--volume", wrong, status=2).stderr, wrong
        assert "--volume 的格式为".encode() in mifeng("update", "placed", "--volume", wrong, status=2, env=chinese).stderr
    assert b"bad-overlay" in mifeng("update", "placed", "--volume", "other=memory", status=2).stderr
    refused = mifeng("update", "placed", "--volume", "cache=memory,size=much", status=2, env=chinese).stderr.decode()
    assert "数量写法有误" in refused and "volumes.cache.size" in refused


def test_tolerations_are_of_kubernetes(mifeng):
    mifeng("deploy", "acme/digits@1.0.0", "--name", "near")
    for right in ("dedicated", "dedicated=lab", "dedicated=:NoSchedule", "example.com/gpu:NoExecute,seconds=60"):
        assert b"no-tolerations" in mifeng("update", "near", "--toleration", right, status=2).stderr, right
    assert "没有带污点的节点" in mifeng("update", "near", "--toleration", "dedicated", status=2,
                                env={"LC_ALL": "zh_CN.UTF-8"}).stderr.decode()
    for wrong in ("", "=lab", ":NoExecute", "a:", "a,seconds=", "a,seconds=x", "a,seconds=1,seconds=2", "a,until=1"):
        assert b"bad-toleration" in mifeng("update", "near", "--toleration", wrong, status=2).stderr, wrong


def test_a_route_of_the_deployment_may_be_named_again(mifeng):
    made = shown(mifeng("deploy", "acme/digits@1.0.0", "--name", "routed", "--route", "/routed", "-o", "json"))
    again = shown(mifeng("deploy", "acme/digits@2.0.0", "--name", "routed", "--route", "/routed", "-o", "json"))
    assert again["id"] == made["id"] and again["route_ids"] == made["route_ids"]


def test_update_history_and_rollback(mifeng):
    mifeng("deploy", "acme/digits@1.0.0", "--name", "turns")
    assert shown(mifeng("update", "turns", "--version", "2.0.0", "-o", "json"))["version"] == "2.0.0"
    assert shown(mifeng("update", "turns", "--version", "acme/digits@1.0.0", "--request", "cpu=250m", "-o",
                        "json"))["overlay"]["requests"] == {"cpu": "250m"}
    assert mifeng("update", "turns", "--version", "9.9.9", status=3)
    assert mifeng("update", "none", "--version", "2.0.0", status=3)
    assert b"nothing-changed" in mifeng("update", "turns", status=5).stderr
    plan = mifeng("update", "turns", "--version", "2.0.0", "--plan").stdout.decode()
    assert plan.splitlines()[0].startswith("turns-") and " revision 3 (1.0.0) to 2.0.0; " in plan

    table = mifeng("history", "turns").stdout.decode().splitlines()
    assert table[0].split() == ["REVISION", "VERSION", "WANTED", "UNITS", "CAUSE", "BY", "CREATED"]
    assert [line.split()[:3] for line in table[1:]] == [["3", "1.0.0", "true"], ["2", "2.0.0", "false"],
                                                       ["1", "1.0.0", "false"]]
    assert mifeng("history", "turns", "-o", "name").stdout == b"3\n2\n1\n"
    assert mifeng("get", "revisions", "turns", "-o", "name").stdout == b"3\n2\n1\n"
    assert shown(mifeng("rollback", "turns", "-o", "json"))["version"] == "2.0.0"
    assert shown(mifeng("rollback", "turns", "--to", "1", "-o", "json"))["revision"] == 5
    assert b"no-such-revision" in mifeng("rollback", "turns", "--to", "77", status=3).stderr
    assert mifeng("rollback", "none", status=3) and mifeng("history", "none", status=3)
    # Nothing starts here, and so nothing is ready in time.
    assert b"not-ready" in mifeng("rollback", "turns", "--to", "2", "--wait", "1", status=7).stderr


def test_tables_of_deployments_and_units(mifeng):
    mifeng("deploy", "acme/digits@1.0.0", "--name", "shown", "--replicas", "2")
    header, row = mifeng("get", "deployment", "shown").stdout.decode().splitlines()
    assert header.split() == ["ID", "MODEL", "VERSION", "REVISION", "READY", "STATE", "GRADE", "PREFIX", "AGE",
                              "REASON"]
    assert row.split()[1:7] == ["digits", "1.0.0", "1", "0/2", "pending", "L1"]
    units = mifeng("get", "units", "shown").stdout.decode().split()
    assert units == ["NAME", "REVISION", "STATE", "RESTARTS", "STARTED", "INSTANCE", "REASON"]
    assert mifeng("get", "units") and mifeng("get", "revisions", status=2) and mifeng("get", "units", "x", status=3)
    assert b"no-engine" in mifeng("get", "events", "shown", status=1).stderr
    assert b"no-such-deployment" in mifeng("logs", "none", status=3).stderr
    assert mifeng("logs", "shown", "--unit", "u", "--previous", "--timestamps", "--since", "10m", status=3)
    assert mifeng("logs", "shown", "--since", "2026-01-31T08:00:00.000Z", status=3)
    assert b"bad-since" in mifeng("logs", "shown", "--since", "yesterday", status=2).stderr


def test_withdrawing(mifeng, own):
    own.vendor.accepted("4.0.0")
    made = shown(mifeng("deploy", "acme/digits@4.0.0", "--name", "bound", "-o", "json"))
    assert mifeng("withdraw", "acme/digits@4.0.0", status=2)
    done = mifeng("withdraw", "acme/digits@4.0.0", "--reason", "wrong")
    assert b"withdrawn" in done.stdout and made["id"].encode() in done.stderr
    assert shown(mifeng("withdraw", "acme/digits@4.0.0", "--reason", "x", "-o", "json"))["deployment_ids"] == [made["id"]]
    assert b"version-not-accepted" in mifeng("deploy", "acme/digits@4.0.0", "--name", "late", status=5).stderr
    assert b"version-in-use" in mifeng("delete", "model", "acme/digits@4.0.0", status=5).stderr
    assert mifeng("withdraw", "acme/digits@9.9.9", "--reason", "x", status=3)


def test_moving_a_route(mifeng):
    for name in ("here", "there"):
        mifeng("deploy", "acme/digits@1.0.0", "--name", name)
    route = shown(mifeng("route", "add", "/moves", "--to", "here", "-o", "json"))
    assert mifeng("route", "move", "/moves", "--to", "none", status=3)
    moved = shown(mifeng("route", "move", "/moves", "--to", "there", "-o", "json"))
    assert moved["id"] == route["id"] and moved["forward"].startswith("mifeng://there-")
    assert shown(mifeng("route", "move", route["id"], "--to", "here", "-o", "json"))["deployment_id"].startswith("here-")
    assert mifeng("delete", "route", "/moves").returncode == 0
    assert b"no-such-route" in mifeng("delete", "route", "/moves", status=3).stderr
    assert b"no-such-route" in mifeng("route", "move", "/none", "--to", "here", status=3).stderr
    assert mifeng("route", "move", "/moves", status=2)


def test_limits_of_a_route(mifeng):
    mifeng("deploy", "acme/digits@1.0.0", "--name", "limited")
    names = ("calls_per_minute", "calls_at_once", "seconds_max")

    def limits(route):
        return tuple(route[name] for name in names)

    made = shown(mifeng("route", "add", "/limited", "--to", "limited", "--calls-per-minute", "600", "-o", "json"))
    assert limits(made) == (600, 0, 0)
    changed = shown(mifeng("route", "limit", "/limited", "--calls-at-once", "8", "--seconds-max", "120", "-o", "json"))
    assert limits(changed) == (600, 8, 120), "what is not named stays"
    assert {k: v for k, v in changed.items() if k not in (*names, "etag", "changed_ms")} == \
        {k: v for k, v in made.items() if k not in (*names, "etag", "changed_ms")}
    header, row = mifeng("route", "limit", "/limited", "--calls-per-minute", "0").stdout.decode().splitlines()
    assert header.split("  ")[0] == "ID" and "CALLS AT ONCE" in header and row.split()[1:] == ["/limited", "0", "8", "120"]
    assert limits(shown(mifeng("get", "route", "/limited", "-o", "json"))) == (0, 8, 120)
    described = mifeng("describe", "route", "/limited").stdout.decode()
    assert [line.split()[-1] for line in described.splitlines() if line.startswith(("CALLS", "SECONDS"))] == ["0", "8", "120"], described
    for wrong in (("--calls-per-minute", "1000001"), ("--calls-at-once", "-1"), ("--seconds-max", "86401")):
        assert mifeng("route", "limit", "/limited", *wrong, status=2)
    assert b"no-such-route" in mifeng("route", "limit", "/none", "--seconds-max", "1", status=3).stderr
    assert mifeng("delete", "route", "/limited").returncode == 0


def test_clusters(mifeng):
    header, row = mifeng("cluster", "list").stdout.decode().splitlines()
    assert header.split() == ["ID", "KIND", "STATE", "VERSION", "NODES", "DEPLOYMENTS", "REASON"]
    assert row.split()[:3] == ["local", "podman", "unknown"]
    assert mifeng("get", "clusters", "-o", "name").stdout == b"local\n"
    before = shown(mifeng("cluster", "get", "local", "-o", "json"))
    changed = shown(mifeng("cluster", "set", "local", "--node-address", "192.0.2.1", "--node-address", "node.example",
                           "-o", "json"))
    assert changed["node_addresses"] == ["192.0.2.1", "node.example"] and changed["name"] == before["name"]
    assert shown(mifeng("cluster", "set", "local", "--name", "here", "-o", "json"))["node_addresses"] == [
        "192.0.2.1", "node.example"]
    assert b"bad-node-addresses" in mifeng("cluster", "set", "local", "--node-address", "a b", status=2).stderr
    assert mifeng("cluster", "sweep", "local", "-o", "name").stdout == b"local\n"
    for command in (("get",), ("set", "--name", "x"), ("sweep",)):
        assert mifeng("cluster", command[0], "none", *command[1:], status=3)
    assert mifeng("get", "ports", "--cluster", "local")
    assert mifeng("get", "ports", "--cluster", "none", status=3)
    assert mifeng("get", "routes", "--cluster", "local", status=2)


def test_what_people_read_in_chinese(mifeng):
    mifeng("deploy", "acme/digits@1.0.0", "--name", "chinese")
    chinese = {"LC_ALL": "zh_CN.UTF-8"}
    assert "更新到 2.0.0" in mifeng("update", "chinese", "--version", "2.0.0", "--plan", env=chinese).stdout.decode()
    assert "没有变化" in mifeng("update", "chinese", status=5, env=chinese).stderr.decode()
    assert "修订版本" in mifeng("history", "chinese", env=chinese).stdout.decode().splitlines()[0]
