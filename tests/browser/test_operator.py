"""The operator's journey in Chinese: signs in, deploys an accepted version, sees it answer; and what guards the way."""
import json

from installation import wait_until

PREFIX = "/smoke"


def test_an_operator_deploys_and_sees_it_ready(installation, people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    # She lands where she sees what is down.
    page.wait_for_url("**/overview")
    assert page.get_attribute("html", "lang") == "zh-CN"
    assert axe(page) == []
    page.click("text=模型资源库")
    page.click("table >> text=tumor")
    page.wait_for_selector("text=为本平台密封")
    page.click("button:has-text('部署')")
    page.wait_for_selector("text=可以部署")
    page.fill("#name", "smoke")
    page.fill("#prefix", PREFIX)
    # The plan follows what is typed.
    page.wait_for_selector(f"text=路由 {PREFIX}")
    # What it keeps for itself is put into memory; nodes of one machine have no taints.
    page.locator(".form .row", has=page.locator("[aria-label='cache 位置']")).locator(".ant-select").click()
    page.click(".ant-select-dropdown:visible .ant-select-item-option:has-text('内存')")
    page.fill("[aria-label='cache 大小']", "8Mi")
    page.wait_for_selector(".diff >> text=cache → 内存, 8Mi")
    assert page.locator("text=添加容忍").count() == 0
    page.wait_for_selector(".state.ready:has-text('可以部署')")
    operator.picture("deploy")
    page.click("aside button:has-text('部署')")
    page.wait_for_url("**/deployments/smoke-*")
    page.wait_for_selector(".head .state.ready:has-text('1/1')", timeout=90_000)
    page.wait_for_selector("text=1 个实例持有密钥")
    (made,) = [one for one in installation.deployments() if one["name"] == "smoke"]
    assert made["overlay"]["volumes"] == [{"name": "cache", "medium": "memory", "size": "8Mi"}]
    operator.settle()
    assert axe(page) == []
    operator.picture("deployment")
    page.click("nav.tabs >> text=配置")
    page.wait_for_selector("text=cache → 内存, 8Mi")
    page.click("nav.tabs >> text=日志")
    page.wait_for_selector(".log")
    # What runs is what callers reach.
    installation.wait_answer(PREFIX)
    # It goes again by its name, and not without.
    page.click("button:has-text('删除…')")
    delete = page.locator("dialog button[type=submit]")
    assert delete.is_disabled()
    page.fill("dialog input", "smoke")
    delete.click()
    page.wait_for_url("**/deployments")


def test_a_session_that_ends_leaves_the_page(installation, people, console):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    version = installation.api("GET", "/models?state=accepted")["items"][0]["id"]
    operator.open(f"/deploy?version={version}")
    page.fill("#name", "kept")
    # Ended from elsewhere; the next question that the page has finds out.
    operator.context.clear_cookies()
    page.fill("#prefix", "/kept")
    page.wait_for_selector("text=请重新登录")
    assert page.input_value("#name") == "kept"
    page.fill("dialog input[name=password]", "long enough for " + people["operator"])
    page.keyboard.press("Enter")
    page.wait_for_selector("text=请重新登录", state="hidden")
    assert page.input_value("#name") == "kept"


def test_what_changes_appears_in_every_tab(installation, people, console):
    """One stream over all tabs, and nobody asks again and again."""
    operator = console("zh")
    operator.sign_in(people["operator"])
    asked = []
    operator.context.on("request", lambda request: asked.append(request.url.removeprefix(operator.url)))
    tabs = [operator.page, operator.context.new_page()]
    for page in tabs:
        page.goto(operator.url + "/callers")
        page.wait_for_selector("h1")
        page.wait_for_selector("[aria-busy]", state="detached")
        page.evaluate("window.kept = true")
    installation.api("POST", "/callers", {"name": "told-to-both"})
    for page in tabs:
        page.wait_for_selector("text=told-to-both", timeout=30_000)
    assert asked.count("/api/v1/events") == 1, "the other tab hears it from the first"
    # What other tests left behind may still go.
    for _ in range(10):
        asked.clear()
        tabs[0].wait_for_timeout(4_000)
        if not asked:
            break
    assert asked == [], "nothing has changed"
    tabs[0].close()
    installation.api("POST", "/callers", {"name": "told-to-the-other"})
    tabs[1].wait_for_selector("text=told-to-the-other", timeout=30_000)
    assert tabs[1].evaluate("window.kept"), "without a reload"


def test_a_caller_goes_from_one_key_to_the_next(installation, people, console, axe):
    """Both open the gateway meanwhile, and the one that ended does not."""
    answers = lambda key: installation.call("/tumor/v2/health/ready", key=key)[0]
    first = installation.api("POST", "/callers", {"name": "two-keys"})["key"]
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    operator.open("/callers")
    page.click("tr:has-text('two-keys') >> button:has-text('密钥…')")
    page.fill("#key-name", "second")
    operator.settle()
    assert axe(page) == []
    operator.picture("caller-keys")
    page.click("button:has-text('增加密钥')")
    second = page.text_content("dialog pre").strip()
    page.click("button:has-text('完成')")
    wait_until(lambda: answers(second) == 200, 30, "the second key")
    assert answers(first) == 200
    page.click("dialog tr:has(:is(td, th):text-is('1')) >> button:has-text('停用…')")
    end = page.locator("dialog button:has-text('停用密钥')")
    assert end.is_disabled(), "its name is typed first"
    page.fill("dialog input:not([id^=key-])", "1")
    end.click()
    page.wait_for_selector("dialog tr:has(:is(td, th):text-is('1'))", state="detached")
    wait_until(lambda: answers(first) == 401, 30, "the end of the first key")
    assert answers(second) == 200


def test_where_no_stream_can_be_had_the_frame_says_so(people, console):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    page.wait_for_selector("header >> text=实时")
    page.route("**/api/v1/events", lambda route: route.fulfill(status=429, content_type="application/json", body="{}"))
    page.reload()
    page.wait_for_selector("header >> text=每分钟更新")
    page.unroute("**/api/v1/events")
    page.reload()
    page.wait_for_selector("header >> text=实时")


def test_each_role_finds_its_own_places_and_no_others(people, console):
    places = {"operator": "审计|人员", "vendor": "部署|批量部署|密钥|审计|人员", "auditor": "提交模型|人员", "caller": "模型资源库|部署|审计"}
    landing = {"operator": "/overview", "vendor": "/submit", "auditor": "/audit", "caller": "/my"}
    for role, absent in places.items():
        someone = console("zh")
        someone.sign_in(people[role])
        someone.page.wait_for_url("**" + landing[role])
        shown = someone.page.locator("nav.side a").all_inner_texts()
        assert shown, role
        for word in absent.split("|"):
            assert word not in shown, (role, word, shown)


def test_another_sites_page_changes_nothing(installation, people, console):
    """Its form reaches the platform, its cookie does not; and its script may not ask."""
    operator = console("zh")
    operator.sign_in(people["operator"])
    before = installation.api("GET", "/callers")["total"]
    other = operator.context.new_page()
    other.route("http://evil.example/**", lambda route: route.fulfill(content_type="text/html", body="<p>evil</p>"))
    other.goto("http://evil.example/")
    answer = other.evaluate(
        """async (url) => { try { const answer = await fetch(url + '/api/v1/callers', {method: 'POST', mode: 'no-cors',
           credentials: 'include', headers: {'Content-Type': 'text/plain'}, body: JSON.stringify({name: 'forged'})});
           return answer.type; } catch (error) { return 'refused'; } }""", operator.url)
    assert answer in ("opaque", "refused"), json.dumps(answer)
    assert installation.api("GET", "/callers")["total"] == before
    other.close()


def test_a_first_password_is_changed_first(installation, console):
    made = installation.api("POST", "/people", {"name": "newcomer", "display_name": "新人", "roles": ["auditor"]})
    someone = console("zh")
    page = someone.page
    page.goto(someone.url + "/audit")
    page.fill("input[name=username]", "newcomer")
    page.fill("input[name=password]", "not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=名称或口令错误")
    page.fill("input[name=password]", made["password"])
    page.keyboard.press("Enter")
    page.wait_for_selector("text=设置您自己的口令")
    page.fill("input[autocomplete=current-password]", made["password"])
    page.fill("input[autocomplete=new-password]", "a password of her own")
    page.keyboard.press("Enter")
    # And then the page that was asked for.
    page.wait_for_selector("h1:has-text('审计')")
    # The other language, and it stays.
    page.click("text=English")
    page.wait_for_selector("h1:has-text('Audit')")
    page.reload()
    page.wait_for_selector("h1:has-text('Audit')")
    assert page.get_attribute("html", "lang") == "en"


def test_everything_is_found_and_reached_with_the_keyboard(installation, people, console):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    page.wait_for_url("**/overview")
    page.keyboard.press("Control+k")
    page.wait_for_selector("dialog input")
    page.keyboard.type("tumor")
    page.wait_for_selector("dialog li[aria-selected=true] >> text=tumor")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/*/tumor/*")
    # Escape closes, and the focus is back on the page.
    page.keyboard.press("Control+k")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    # The first stop of the Tab key leads past the navigation.
    page.goto(operator.url + "/deployments")
    page.wait_for_selector("h1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    # The page's own filter is one key away.
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.hasAttribute('data-filter')")
