"""Every page in both languages and both themes: axe finds nothing serious, nothing scrolls sideways, and a picture of each
lies in build/screens."""
import pytest

WAYS = [("zh", "light"), ("zh", "dark"), ("en", "light"), ("en", "dark")]


@pytest.mark.parametrize("language,theme", WAYS)
def test_every_page(addresses, people, console, axe, language, theme):
    administrator = console(language, theme)
    administrator.page.goto(administrator.url + "/")
    administrator.page.wait_for_selector("input[name=username]")
    findings = {"sign-in": axe(administrator.page)}
    administrator.picture("sign-in")
    administrator.sign_in(people["administrator"])
    for name, address in addresses.items():
        administrator.open(address)
        administrator.picture(name)
        findings[name] = axe(administrator.page)
        wider = administrator.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            findings[name].append(f"scrolls sideways by {wider} px")
    assert {name: found for name, found in findings.items() if found} == {}


@pytest.mark.parametrize("width", [360, 768, 3840])
def test_no_page_scrolls_sideways(addresses, people, console, width):
    administrator = console("zh", width=width)
    administrator.sign_in(people["administrator"])
    wide = {}
    for name, address in addresses.items():
        administrator.open(address)
        wider = administrator.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            wide[name] = wider
    assert wide == {}
