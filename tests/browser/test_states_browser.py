"""Every page where there is nothing to show, nothing yet, or a failure: it says so in words, and axe finds nothing serious."""
import re

import pytest

# What the platform answers is put in the way of: all that pages ask for but who is signed in.
ASKED = re.compile(r"/api/v1/(?!session$|system/version$)")
STATES = {
    "failing": lambda route: route.fulfill(status=500, json={"code": "internal", "reason": "database",
                                                             "message": "The database failed."}),
    "away": lambda route: route.fulfill(status=503, json={"code": "unavailable", "reason": "database-busy",
                                                          "message": "The database is busy; try again."}),
    "silent": lambda route: route.abort(),
    "waiting": lambda route: None,
}


# These have all that they show in themselves, and lists to choose from.
SAY_NOTHING = {"not-found", "batch-new"}


def emptied(route):
    """Lists without an entry; what is no list stays, and what does not end is let through."""
    if re.search(r"/api/v1/events|follow=", route.request.url):
        return route.continue_()
    answer = route.fetch()
    try:
        value = answer.json()
    except ValueError:
        return route.fulfill(response=answer)
    if isinstance(value, dict) and "items" in value and "id" not in value:
        value["items"] = []
        if "total" in value:
            value["total"] = 0
    return route.fulfill(response=answer, json=value)


def looked_at(someone, axe, addresses, state, answer):
    """What axe finds of each page while all that it asks for is answered so."""
    page, findings = someone.page, {}
    page.route(ASKED, answer)
    for name, address in addresses.items():
        someone.load(address)
        page.wait_for_selector("h1")
        if state == "waiting":
            page.wait_for_timeout(400)  # bones come after 300 ms
        else:
            page.wait_for_selector("[aria-busy]", state="detached")
        findings[name] = axe(page)
        if state in ("failing", "away", "silent") and page.locator("main .failure").count() == 0 and name not in SAY_NOTHING:
            findings[name].append("no failure is told")
        if page.locator("text=/\\b(undefined|NaN|null)\\b|\\[object/").count() > 0:
            findings[name].append("something is shown that is not there")
        someone.picture(f"{name}-{state}")
    page.unroute_all(behavior="ignoreErrors")
    return {name: found for name, found in findings.items() if found}


@pytest.mark.parametrize("language,theme", [("zh", "light"), ("en", "dark")])
@pytest.mark.parametrize("state", ["failing", "empty", "waiting"])
def test_every_page_without_what_it_asks_for(addresses, people, console, axe, state, language, theme):
    administrator = console(language, theme)
    administrator.sign_in(people["administrator"])
    assert looked_at(administrator, axe, addresses, state, STATES.get(state, emptied)) == {}


@pytest.mark.parametrize("state", ["away", "silent"])
def test_some_pages_while_the_platform_is_away(addresses, people, console, axe, state):
    """These are asked for again before they are given up, which takes its time."""
    administrator = console("zh")
    administrator.sign_in(people["administrator"])
    some = {name: addresses[name] for name in ("overview", "models", "deployments", "batch", "batch-plan", "ports", "version")}
    assert looked_at(administrator, axe, some, state, STATES[state]) == {}
    # It heals by itself.
    administrator.open("/deployments")
    administrator.page.wait_for_selector("main table")
