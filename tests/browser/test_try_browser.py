"""Trying a model 试一试 in Chinese: straight to a unit, where the sealed answer is seen, and through the gateway."""
import json

from conftest import tumor_of


def test_an_operator_tries_a_model(installation, people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    deployment = tumor_of(installation)["id"]
    operator.open(f"/deployments/{deployment}")
    page.click("nav.tabs >> text=试一试")
    page.wait_for_selector("text=写一个请求，或填入使用说明中的例子")
    # The usage document's example, sent with the keyboard.
    page.click("text=填入使用说明中的例子")
    assert page.input_value("#trial-path") == "/predict"
    page.focus("#trial-body")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".trial-answer .state.ready:has-text('200')")
    # On the wire, in words, and opened.
    assert "4D 46 53 01" in page.inner_text(".panels section:nth-child(1) .dump")
    header = page.inner_text(".panels section:nth-child(2)")
    for word in ("MFS 1", "模型的应答", "平台持有", "绑定本次请求", "POST /predict"):
        assert word in header, word
    opened = json.loads(page.inner_text(".panels section:nth-child(3) .dump"))
    assert opened["malignant"] == [True]
    assert "malignant" not in page.inner_text(".panels section:nth-child(1) .dump")
    shown = page.inner_text(".times ul")
    for word in ("连接", "等待首字节", "接收", "解密"):
        assert word in shown, word
    assert axe(page) == []
    operator.picture("try-unit-answer")
    for width, height in ((360, 1400), (2560, 1440)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    operator.picture("try-unit-answer-wide")
    page.set_viewport_size({"width": 1360, "height": 860})
    # What the model says of a bad request is an answer like any other.
    page.fill("#trial-body", "no json")
    page.click("button:has-text('发送')")
    page.wait_for_selector(".trial-answer .state.failed:has-text('400')")
    # What cannot be sent says why, and what was typed stays.
    page.fill("#trial-path", "/../predict")
    page.click("button:has-text('发送')")
    page.wait_for_selector("[role=alert]:has-text('路径不是规范形式')")
    page.fill("#trial-headers", "no field")
    page.wait_for_selector("text=第 1 行不是")
    assert page.input_value("#trial-body") == "no json"


def test_through_the_gateway(installation, people, console, axe):
    operator = console("zh")
    page = operator.page
    operator.sign_in(people["operator"])
    page.click("text=路由信息")
    page.click("table >> text=试一试")
    page.wait_for_selector("h1:has-text('试一试 /')")
    assert page.is_checked("input[value=gateway]")
    page.click("text=填入使用说明中的例子")
    page.click("button:has-text('发送')")
    page.wait_for_selector(".trial-answer .state.ready:has-text('200')")
    assert json.loads(page.inner_text(".trial-answer .dump"))["malignant"] == [True]
    page.wait_for_selector("text=加密数据块只在运行单元与网关之间")
    assert axe(page) == []
    operator.picture("try-gateway-answer")
    # Both ways are in the log, without what was in them; an operator does not read it.
    entries = installation.api("GET", "/audit?action=trial.send&page_size=200")["items"]
    assert {one["actor"] for one in entries} >= {people["operator"]}
    assert "predict" not in json.dumps(entries) and "samples" not in json.dumps(entries)
    # What fails says what, and how; nothing that was typed is lost.
    answer = {"code": "unavailable", "reason": "gateway-away", "message": "http://127.0.0.1:1 gave no answer: Refused."}
    page.route("**/api/v1/trials", lambda route: route.fulfill(status=503, json=answer))
    page.click("button:has-text('发送')")
    page.wait_for_selector("[role=alert]:has-text('网关没有应答')")
    assert page.input_value("#trial-path") == "/predict"
    operator.picture("try-failing")


def test_who_may_not_try_finds_no_way_to(installation, people, console):
    auditor = console("zh")
    auditor.sign_in(people["auditor"])
    deployment = tumor_of(installation)["id"]
    auditor.open(f"/deployments/{deployment}")
    assert auditor.page.locator("nav.tabs >> text=试一试").count() == 0
    auditor.open("/routes")
    assert auditor.page.locator("text=试一试").count() == 0
