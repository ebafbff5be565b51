"""Every page in both languages and both themes: axe finds nothing serious, nothing scrolls sideways, and a picture of each
lies in build/screens."""
import pytest

WAYS = [("zh", "light"), ("zh", "dark"), ("en", "light"), ("en", "dark")]


@pytest.fixture(scope="module")
def addresses(installation, people):
    api = installation.api
    version = api("GET", "/models?state=accepted")["items"][0]
    deployment = installation.deployments()[0]["id"]
    model = f"/models/{version['vendor_id']}/{version['name']}/{version['version']}"
    pem = (installation.data / "vendor/examples.pub.pem")
    key = pem.read_text() if pem.exists() else api("GET", "/vendors/" + version["vendor_id"])["public_key_pem"]
    api("PUT", "/vendors/greenfield/key", {"public_key_pem": key})
    api("POST", "/callers", {"name": "ward-7"})
    return {
        "overview": "/overview", "models": "/models", "configs": "/library/configs", "images": "/library/images",
        "version": model, "version-documents": model + "/documents", "version-config": model + "/config",
        "version-image": model + "/image", "version-deployments": model + "/deployments",
        "version-sheet": model + "/sheet", "version-history": model + "/history", "submit": "/submit", "vendors": "/vendors",
        "vendor": "/vendors/greenfield", "vendor-key": "/vendors/greenfield/key",
        "deploy-form": "/deploy?version=" + version["id"], "deployments": "/deployments",
        "units": f"/deployments/{deployment}", "events": f"/deployments/{deployment}/events",
        "logs": f"/deployments/{deployment}/logs", "revisions": f"/deployments/{deployment}/revisions",
        "deployment-grants": f"/deployments/{deployment}/grants", "deployment-config": f"/deployments/{deployment}/config",
        "ports": "/ports", "ports-table": "/ports?as=table", "routes": "/routes", "callers": "/callers", "my": "/my",
        "keys": "/keys", "grants": "/keys/grants", "card": "/card", "audit": "/audit", "clusters": "/clusters",
        "gateways": "/gateways", "people": "/people", "settings": "/settings", "account": "/account",
        "not-found": "/nowhere",
    }


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
