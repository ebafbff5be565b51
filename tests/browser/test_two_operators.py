"""Two operators change one thing: neither overwrites the other unseen; both changes are shown side by side, and what does not
collide is merged."""
import json

from conftest import tumor_of


def open_edit(page, console, prefix):
    console.open("/routes")
    page.click(f"tr:has-text('{prefix}') >> button:has-text('修改')")
    page.wait_for_selector("dialog #route-name")


def route_of(installation, prefix):
    return next(one for one in installation.api("GET", "/routes?page_size=200")["items"] if one["prefix"] == prefix)


def called(installation, name):
    return next(one for one in installation.api("GET", "/callers?page_size=200")["items"] if one["name"] == name)


def test_two_operators_change_one_route(installation, people, console, axe):
    deployment = tumor_of(installation)["id"]
    made = installation.api("POST", "/routes", {"name": "两人", "prefix": "/two", "forward": f"mifeng://{deployment}"})
    one, other = console("zh"), console("zh")
    one.sign_in(people["operator"])
    other.sign_in(people["administrator"])
    open_edit(one.page, one, "/two")
    open_edit(other.page, other, "/two")
    # He is faster: another prefix.
    other.page.fill("dialog #route-prefix", "/two-moved")
    other.page.click("dialog button[type=submit]")
    other.page.wait_for_selector("dialog[open]", state="detached")
    # Her page has learnt of it and shows it; her form is as she left it, and she has not looked at the new version.
    one.page.wait_for_selector("table >> text=/two-moved")
    assert one.page.input_value("dialog #route-prefix") == "/two"
    one.page.fill("dialog #route-name", "她的名称")
    one.page.click("dialog button[type=submit]")
    collision = one.page.locator("dialog section[role=alert]")
    collision.wait_for()
    text = collision.inner_text()
    assert "其间已有他人更改" in text and "互不冲突" in text and "/two-moved" in text and "她的名称" in text, text
    assert route_of(installation, "/two-moved")["name"] == "两人", "nothing of hers is done yet"
    assert axe(one.page) == []
    one.picture("collision-apart")
    # She goes on: his prefix stays, since she left the prefix alone.
    one.page.click("dialog button:has-text('按我的继续')")
    one.page.wait_for_selector("dialog[open]", state="detached")
    now = route_of(installation, "/two-moved")
    assert (now["id"], now["name"]) == (made["id"], "她的名称")


def test_what_both_change_is_marked_and_one_may_take_theirs(installation, people, console):
    deployment = tumor_of(installation)["id"]
    made = installation.api("POST", "/routes", {"name": "both", "prefix": "/both", "forward": f"mifeng://{deployment}"})
    one = console("zh")
    one.sign_in(people["operator"])
    open_edit(one.page, one, "/both")
    one.page.fill("dialog #route-name", "mine")
    installation.api("PUT", f"/routes/{made['id']}", {"name": "theirs", "prefix": "/both", "forward": made["forward"]})
    one.page.click("dialog button[type=submit]")
    one.page.wait_for_selector("dialog section[role=alert] >> text=◆")
    one.picture("collision-both")
    # Again somebody is faster: going on is not a way to overwrite what one has not seen.
    installation.api("PUT", f"/routes/{made['id']}", {"name": "theirs again", "prefix": "/both", "forward": made["forward"]})
    one.page.click("dialog button:has-text('按我的继续')")
    one.page.wait_for_selector("dialog section[role=alert] >> text=theirs again")
    one.page.click("dialog button:has-text('采用对方的')")
    one.page.wait_for_selector("dialog[open]", state="detached")
    assert route_of(installation, "/both")["name"] == "theirs again"
    one.page.wait_for_selector("table >> text=theirs again")
    # And with one's own, having seen it.
    open_edit(one.page, one, "/both")
    one.page.fill("dialog #route-name", "mine after all")
    installation.api("PUT", f"/routes/{made['id']}", {"name": "third", "prefix": "/both", "forward": made["forward"]})
    one.page.click("dialog button[type=submit]")
    one.page.wait_for_selector("dialog section[role=alert] >> text=third")
    one.page.click("dialog button:has-text('按我的继续')")
    one.page.wait_for_selector("dialog[open]", state="detached")
    assert route_of(installation, "/both")["name"] == "mine after all"


def test_a_deployment_that_somebody_scaled_is_not_deleted_unseen(installation, people, console):
    version = installation.api("GET", "/models?state=accepted")["items"][0]["id"]
    made = installation.api("POST", "/deployments", {"name": "contested", "version_id": version, "replicas": 0})
    one = console("zh")
    one.sign_in(people["operator"])
    one.open(f"/deployments/{made['id']}")
    one.page.click("button:has-text('删除…')")
    one.page.fill("dialog input", "contested")
    installation.api("POST", f"/deployments/{made['id']}/revisions", {"requests": {"cpu": "11m"}})
    one.page.click("dialog button[type=submit]")
    one.page.wait_for_selector("dialog section[role=alert] >> text=11m")
    one.page.click("dialog button:has-text('采用对方的')")
    assert installation.api("GET", f"/deployments/{made['id']}")["state"] != "deleting"
    one.page.click("button:has-text('删除…')")
    one.page.fill("dialog input", "contested")
    one.page.click("dialog button[type=submit]")
    one.page.wait_for_url("**/deployments")
    there = {entry["id"]: entry["state"] for entry in installation.api("GET", "/deployments")["items"]}
    assert there.get(made["id"], "deleting") == "deleting", "it has no unit, so it may be gone by now"


def test_every_change_of_the_console_says_what_was_seen(installation, people, console):
    """A switch in a list does, too."""
    installation.api("POST", "/callers", {"name": "switched"})
    one = console("zh")
    one.sign_in(people["operator"])
    one.open("/callers")
    one.page.wait_for_selector("tr:has-text('switched')")
    seen = called(installation, "switched")["etag"]
    with one.page.expect_request(lambda request: request.method == "PUT" and "/enabled" in request.url) as asked:
        one.page.click("tr:has-text('switched') >> [role=switch]")
    assert json.loads(asked.value.post_data) == {"enabled": False}
    assert asked.value.headers["if-match"] == f'"{seen}"'
    assert asked.value.response().status == 200
    assert called(installation, "switched")["etag"] != seen


def test_an_id_leads_to_its_page(installation, people, console):
    deployment = tumor_of(installation)
    one = console("zh")
    page = one.page
    one.sign_in(people["operator"])
    one.load("/go/" + deployment["id"])
    page.wait_for_url(f"**/deployments/{deployment['id']}")
    one.load("/go/" + deployment["version_id"])
    page.wait_for_url("**/models/**")
    one.load("/go/nothing-is-called-so")
    page.wait_for_selector("text=没有编号为 nothing-is-called-so 的内容")
    # The palette asks the platform once, and finds by id, port and name.
    port = str(deployment["ports"][0]["node_port"])
    for text, kind in ((deployment["id"], "部署"), (port, "节点端口")):
        page.keyboard.press("Control+k")
        page.wait_for_selector("dialog input")
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "/search?" in request.url else None)
        page.keyboard.type(text)
        page.wait_for_selector(f"dialog li:has-text('{kind}') >> text={text[:5]}")
        page.wait_for_timeout(400)
        assert 1 <= len(asked) <= len(text)
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")


def test_a_page_whose_file_does_not_come_says_so_and_shows_a_way_on(people, console):
    one = console("zh")
    page = one.page
    one.sign_in(people["operator"])
    page.wait_for_url("**/overview")
    page.route("**/assets/callers-*.js", lambda route: route.abort())
    page.click("nav.side >> text=调用方")
    page.wait_for_selector("text=没有取到这一页")
    one.picture("page-lost")
    # The frame is still there, other pages are, and so is this one once the platform answers. The button is pressed
    # while it is seen: whether a browser asks again for a file that once did not come is the browser's own affair.
    page.click("nav.side >> text=节点端口")
    page.wait_for_selector("h1:has-text('节点端口')")
    page.click("nav.side >> text=调用方")
    page.wait_for_selector("text=没有取到这一页")
    page.unroute("**/assets/callers-*.js")
    page.click("button:has-text('重新载入')")
    page.wait_for_selector("h1:has-text('调用方')")
    one.faults = [fault for fault in one.faults if "dynamically imported module" not in fault and "callers-" not in fault]


def test_one_item_of_a_batch_is_tried_again_and_batches_are_searched(installation, people, console):
    batch = installation.api("POST", "/batches", {"items": [{"name": "again-1", "version_id": "none"}, {"name": "again-2", "version_id": "none"}]})
    one = console("zh")
    page = one.page
    one.sign_in(people["operator"])
    one.open("/batches")
    page.fill("input[data-filter]", "again-2")
    page.wait_for_selector(f"table >> text={batch['id']}")
    page.wait_for_url("**/batches?text=again-2")
    page.wait_for_selector("tbody:not(:has(tr:nth-child(2)))")
    page.click(f"text={batch['id']}")
    with page.expect_response(lambda answer: answer.url.endswith("/retry")) as retried:
        page.click("tr:has-text('again-2') >> button:has-text('重试')")
    assert json.loads(retried.value.request.post_data) == {"items": [2]}
    assert retried.value.status == 200
    page.wait_for_selector("tr:has-text('again-2') >> button:has-text('重试')")


def test_all_that_a_filter_finds_is_selected(installation, people, console):
    """More than a page of deployments that do not run: a page, then all of them, then one act."""
    version = installation.api("GET", "/models?state=accepted")["items"][0]["id"]
    items = [{"name": f"many-{at:03}", "version_id": version, "replicas": 0} for at in range(60)]
    installation.api("POST", "/batches", {"items": items})
    one = console("zh")
    page = one.page
    one.sign_in(people["operator"])
    for _ in range(120):
        if installation.api("GET", "/deployments?text=many-&state=stopped")["total"] == 60:
            break
        page.wait_for_timeout(500)
    one.open("/deployments?text=many-&state=stopped")
    page.click("thead input[type=checkbox]")
    page.wait_for_selector(".bulk >> text=已选 50 个")
    page.click("text=选择筛选出的全部 60 个")
    page.wait_for_selector(".bulk >> text=已选 60 个")
    one.picture("all-selected")
    page.click(".bulk >> button:has-text('删除')")
    page.fill("dialog input", page.locator("dialog label").inner_text().removeprefix("请键入").strip())
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog[open]", state="detached", timeout=120_000)
    assert installation.api("GET", "/deployments?text=many-&state=stopped")["total"] == 0
