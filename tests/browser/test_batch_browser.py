"""Many at once: a batch from the selection to its end and back again, what is refused on the way, and acts on many deployments."""
import json
import re

import pytest

from conftest import tumor_of

PLAN = re.compile(r"/batches/bp-[0-9a-f]+$")
BATCH = re.compile(r"/batches/ba-[0-9a-f]+$")


def begin(operator, names):
    """On the page of a new batch with the one version that there is, once for each name."""
    page = operator.page
    operator.open("/models?state=accepted")
    page.check("tbody input[type=checkbox] >> nth=0")
    page.click(".bulk button:has-text('批量部署')")
    page.wait_for_url("**/batches/new")
    for at, name in enumerate(names, 1):
        if at > 1:
            page.click(f"tr[aria-rowindex='{at}'] button:has-text('再加一份')")
        page.fill(f"[aria-label^='第 {at} 项'][aria-label$='的名称']", name)


def named(installation, beginning):
    return sorted(one["name"] for one in installation.deployments() if one["name"].startswith(beginning))


def test_a_batch_from_the_selection_to_its_end_and_back(installation, people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    begin(operator, ["many-1", "many-2", "many-3", "many-1", "many_4"])
    page.fill("#wish-prefix", "/many/{version}")
    # Nothing typed is lost.
    operator.again()
    page.wait_for_selector("text=已恢复此前未提交的内容")
    assert page.input_value("[aria-label^='第 3 项'][aria-label$='的名称']") == "many-3"
    operator.picture("batch-new-filled")
    page.fill("#wish-prefix", "")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(PLAN)
    # What is refused is said by cause, and once for all that have it.
    page.wait_for_selector("text=3 项可以部署")
    causes = page.locator(".causes li")
    assert causes.count() == 2 and "名称已被占用" in causes.all_inner_texts()[0] + causes.all_inner_texts()[1]
    operator.settle()
    assert axe(page) == []
    operator.picture("batch-plan-refused")
    assert named(installation, "many") == []
    # One of them is corrected ...
    page.click("tr[data-key='5'] button:has-text('修改…')")
    page.wait_for_selector("dialog[open]")
    assert axe(page) == []
    page.fill("#item-name", "many-5")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=4 项可以部署")
    # ... one that is well is taken out with a key, and stays out after a refresh.
    page.focus("tr[data-key='5'] button:has-text('移出')")
    page.keyboard.press("x")
    page.wait_for_selector("text=已移出 1 项")
    operator.again()
    page.wait_for_selector("text=已移出 1 项")
    page.keyboard.press("f")
    page.wait_for_selector("tr[data-key='4']")
    assert page.locator("tbody tr[data-key]").count() == 1
    page.click("button:has-text('移出有问题的 1 项，部署 3 项')")
    page.wait_for_url(BATCH)
    batch = page.url.rsplit("/", 1)[1]
    # Refreshed in the middle, and closed: it goes on, and is there when somebody comes again.
    operator.again()
    page.wait_for_selector(f"h1:has-text('{batch}')")
    page.wait_for_selector("text=/就绪 \\d\\/3/")
    page.goto("about:blank")
    operator.open("/batches")
    page.click(f"text={batch}")
    page.wait_for_selector(".head .state.ready:has-text('已完成')", timeout=120_000)
    operator.settle()
    assert axe(page) == []
    operator.picture("batch-done")
    assert named(installation, "many") == ["many-1", "many-2", "many-3"]
    # It is found by its number, and its deployments lead to it.
    page.keyboard.press("Control+k")
    page.keyboard.type(batch[:9])
    page.wait_for_selector(f"dialog li[aria-selected=true] >> text={batch}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/" + batch)
    page.click("text=many-2")
    page.click("text=由批次建立")
    page.wait_for_url("**/" + batch)
    # It goes again by its number, and not without.
    page.click(".head button:has-text('回滚…')")
    act = page.locator("dialog button[type=submit]")
    assert act.is_disabled() and "many-1、many-2、many-3" in page.inner_text("dialog")
    operator.picture("batch-rollback")
    page.fill("dialog input", batch)
    act.click()
    page.wait_for_selector(".head .state.gone:has-text('已回滚')", timeout=120_000)
    assert named(installation, "many") == []


def test_a_plan_whose_ground_moved_comes_back_as_it_is_now(installation, people, console):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    begin(operator, ["moves"])
    page.click("button[type=submit]:has-text('看计划')")
    page.wait_for_url(PLAN)
    page.wait_for_selector("tr[data-key='1']")
    plan = page.url.rsplit("/", 1)[1]
    planned = installation.api("GET", f"/batches/plans/{plan}")["items"][0]
    taken = planned["ports"][0]["node_port"]
    taker = installation.api("POST", "/deployments", {"name": "taker", "version_id": planned["request"]["version_id"],
                                                      "replicas": 1, "ports": [taken]})
    page.click("button:has-text('部署 1 项')")
    page.wait_for_selector("text=情况有变，还没有部署")
    page.wait_for_selector(f"text=moves 的端口由 {taken} 变为")
    assert plan not in page.url and named(installation, "moves") == []
    installation.api("DELETE", f"/deployments/{taker['id']}")
    # A plan that is not there any more says so, and what to do.
    operator.open("/batches/bp-0000000000000000")
    page.wait_for_selector("text=这个计划已不在")
    operator.picture("batch-plan-gone")


def batch_of(count, failed=40):
    """As the platform would tell of it."""
    items = []
    for number in range(1, count + 1):
        bad = number <= failed
        items.append({"number": number, "request": {"name": f"m-{number}", "version_id": "mv-1", "cluster": "local", "replicas": 1},
                      "action": "create", "state": "failed" if bad else "ready", "deployment_id": f"m-{number}-000000",
                      "code": "deployment-failed" if bad else "", "message": "the model ended with 1" if bad else "",
                      "changed_ms": 1_790_000_000_000 + number})
    return {"id": "ba-0000000000000001", "state": "done", "asked": "apply", "created_by": "wang", "created_ms": 1_790_000_000_000,
            "counts": {"waiting": 0, "working": 0, "ready": count - failed, "failed": failed, "cancelled": 0, "rolled_back": 0},
            "items": items}


def test_a_thousand_items_are_drawn_as_they_are_seen(people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    batch = batch_of(1000)
    retried = []
    page.route(re.compile(r"/api/v1/batches/ba-0000000000000001$"), lambda route: route.fulfill(json=batch))

    def retry(route):
        retried.append(route.request.method)
        batch.update(batch_of(1000, failed=0))
        route.fulfill(json=batch)
    page.route(re.compile(r"/api/v1/batches/ba-0000000000000001/retry$"), retry)
    operator.open("/batches/ba-0000000000000001")
    assert axe(page) == []
    operator.picture("batch-thousand")
    drawn = page.locator("tbody tr[data-key]")
    # What failed comes first, folded by cause; a screen and some more is drawn.
    assert "40 项" in page.inner_text(".causes li")
    assert page.inner_text("tbody tr[data-key] >> nth=0").split()[0] == "1"
    assert drawn.count() < 100
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_selector("tr[data-key='1000']")
    assert drawn.count() < 100
    assert page.evaluate("document.querySelector('tr[data-key=\"1000\"]').getBoundingClientRect().bottom <= innerHeight")
    # A row that goes out of sight does not take the keyboard along.
    page.focus("tr[data-key='1000'] button")
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_selector("tr[data-key='1']")
    page.wait_for_selector(".table.long:focus")
    # Those that failed alone, by a key; and again.
    page.keyboard.press("f")
    page.wait_for_url("**?show=failed")
    page.wait_for_selector("table[aria-rowcount='41']")
    page.click("button:has-text('重试失败的 40 项')")
    page.wait_for_selector("text=就绪 1,000/1,000")
    assert retried == ["POST"]


def test_what_waits_is_cancelled(people, console, axe):
    operator = console("en", "dark")
    page = operator.page
    operator.sign_in(people["operator"])
    batch = batch_of(10, failed=0)
    for item in batch["items"][4:]:
        item.update(state="waiting", code="cluster-away", message="The cluster does not answer.", deployment_id="")
    batch.update(state="working", counts={**batch["counts"], "ready": 4, "waiting": 6})
    page.route(re.compile(r"/api/v1/batches/ba-0000000000000001$"), lambda route: route.fulfill(json=batch))

    def cancel(route):
        for item in batch["items"][4:]:
            item.update(state="cancelled", code="", message="")
        batch.update(state="done", asked="cancel", counts={**batch["counts"], "waiting": 0, "cancelled": 6})
        route.fulfill(json=batch)
    page.route(re.compile(r"/api/v1/batches/ba-0000000000000001/cancel$"), cancel)
    operator.open("/batches/ba-0000000000000001")
    # Why they wait is said once, and nobody guesses for how long.
    assert "6 items" in page.inner_text(".causes li")
    assert page.locator("text=/about .* left/").count() == 0
    assert axe(page) == []
    operator.picture("batch-working")
    page.click("button:has-text('Cancel the 6 that wait')")
    page.wait_for_selector(".head .state.gone:has-text('Rest cancelled')")
    page.wait_for_selector("text=4 of 10 ready")


def test_who_may_only_look_finds_out_who_acts(installation, people, console):
    batch = installation.api("POST", "/batches", {"items": [{"name": "nobody", "version_id": "none"}]})["id"]
    auditor = console("zh")
    auditor.sign_in(people["auditor"])
    auditor.open(f"/batches/{batch}")
    act = auditor.page.locator("button:has-text('重试失败的 1 项')")
    assert act.get_attribute("aria-disabled") == "true"
    act.hover()
    auditor.page.wait_for_selector("text=这由操作员办理")


def test_many_deployments_are_stopped_and_deleted_together(installation, people, console, axe):
    version = installation.api("GET", "/models?state=accepted")["items"][0]["id"]
    made = [installation.api("POST", "/deployments", {"name": f"bulk-{number}", "version_id": version})["id"] for number in (1, 2)]
    for one in made:
        installation.wait_state(one, ["ready"])
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    operator.open("/deployments?text=bulk-")
    page.check("thead input[type=checkbox]")
    page.wait_for_selector("text=已选 2 个")
    operator.picture("deployments-picked")
    assert axe(page) == []
    page.click(".bulk button:has-text('停止…')")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog[open]", state="detached")
    for one in made:
        installation.wait_state(one, ["stopped"])
    # An act that fits some says how many.
    installation.api("PUT", f"/deployments/{made[0]}/replicas", {"replicas": 1})
    installation.wait_state(made[0], ["ready"])
    page.wait_for_selector("tr:has-text('bulk-1') .state.ready")
    page.check("thead input[type=checkbox]")
    page.wait_for_selector(".bulk button:has-text('重启… 2 个中的 1 个')")
    page.click(".bulk button:has-text('删除…')")
    act = page.locator("dialog button[type=submit]")
    assert act.is_disabled() and "bulk-1、bulk-2" in page.inner_text("dialog")
    page.fill("dialog input", "删除 2 个部署")
    act.click()
    page.wait_for_selector("dialog[open]", state="detached")
    page.wait_for_selector("text=没有符合条件的内容", timeout=120_000)


def test_help_says_what_the_page_is_for_and_which_keys_it_has(people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    operator.open("/ports")
    page.keyboard.press("?")
    page.wait_for_selector("dialog >> text=整个节点端口范围")
    page.wait_for_selector("dialog >> text=保留所选的端口")
    operator.picture("help")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    # Where somebody types it is a question mark.
    page.keyboard.press("/")
    page.keyboard.type("a?")
    assert page.locator("dialog[open]").count() == 0
    # Every place has its sentence.
    for address in page.eval_on_selector_all("nav.side a", "all => all.map((one) => one.getAttribute('href'))"):
        operator.open(address)
        page.keyboard.press("?")
        page.wait_for_selector("dialog .sheet-body > p")
        page.keyboard.press("Escape")


@pytest.mark.parametrize("name, address", [("deployments", "/deployments"), ("ports", "/ports"), ("ports-table", "/ports?as=table"),
                                           ("clusters", "/clusters"), ("deployment", "/deployments/{id}")])
def test_what_was_seen_long_ago_is_grey_and_says_so(installation, people, console, axe, name, address):
    """The cluster does not answer: its view is told by the platform, and is here told five minutes older."""
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    now = page.evaluate("Date.now()")

    def older(route):
        answer = route.fetch().json()
        for one in answer["items"]:
            one.update(stale=True, seen_ms=now - 300_000, state="away")
        route.fulfill(body=json.dumps(answer), content_type="application/json")
    page.route(re.compile(r"/api/v1/clusters$"), older)
    operator.open(address.format(id=tumor_of(installation)["id"]))
    page.wait_for_selector(".aged >> text=5 分钟前")
    assert page.locator(".stale").count() > 0
    assert axe(page) == []
    operator.picture("aged-" + name)
