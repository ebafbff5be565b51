"""The console in Debian's Chromium, against a whole installation with the C++ example."""
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from playwright.sync_api import Error, sync_playwright

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/e2e"))

from installation import Installation  # noqa: E402

SCREENS = SOURCE / "build/screens"
PASSWORD = "long enough for "
ROLES = ["administrator", "operator", "vendor", "auditor", "caller"]
# The browser notes each answer that refuses and each that does not come; the tests look at what the page makes of it. It
# also ends requests that are under way when the machine gets or loses a network interface, as it does with each container.
EXPECTED = ("the server responded with a status of", "Failed to load resource: net::ERR_")


@pytest.fixture(scope="session")
def installation():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        running = Installation(pathlib.Path(path) / "d", only=["tumor-cpp"])
        with running:
            yield running
        assert running.left_behind() == []


@pytest.fixture(scope="session")
def people(installation):
    """Somebody of each role, whose password is PASSWORD and the name."""
    installation.api("POST", "/vendors", {"id": "greenfield", "name": "绿野科技", "telephone": "0571-5550-0100",
                                          "address": "杭州市西湖区文三路 90 号", "business": "作物识别"})
    for role in ROLES:
        person = {"name": f"the-{role}", "display_name": "王工", "roles": [role]}
        if role == "vendor":
            person["vendor_id"] = "greenfield"
        made = installation.api("POST", "/people", person)
        change_password(installation, made)
    return {role: f"the-{role}" for role in ROLES}


@pytest.fixture(scope="session")
def addresses(installation, people):
    """Every page by its name, with something to show."""
    api = installation.api
    version = api("GET", "/models?state=accepted")["items"][0]
    deployment = installation.deployments()[0]["id"]
    model = f"/models/{version['vendor_id']}/{version['name']}/{version['version']}"
    pem = (installation.data / "vendor/examples.pub.pem")
    key = pem.read_text() if pem.exists() else api("GET", "/vendors/" + version["vendor_id"])["public_key_pem"]
    api("PUT", "/vendors/greenfield/key", {"public_key_pem": key})
    api("POST", "/callers", {"name": "ward-7"})
    route = api("GET", "/routes")["items"][0]["id"]
    # One item that comes to its end without a unit, and two that cannot be.
    batch = api("POST", "/batches", {"items": [{"name": "stopped", "version_id": version["id"], "replicas": 0},
                                               {"name": "ward-8", "version_id": "none"}, {"name": "ward-9", "version_id": "none"}]})
    plan = api("POST", "/batches/plans", {"prefix": "/{vendor}/{model}", "replicas": 2, "items": [
        {"version_id": version["id"], "name": "ward-1"}, {"version": "greenfield/wheat@1.2.0"},
        {"version": "greenfield/rye@1.2.0"}, {"version_id": version["id"], "name": "ward-1"},
        {"version_id": version["id"], "name": "tumor"}]})
    return {
        "overview": "/overview", "models": "/models", "configs": "/library/configs", "images": "/library/images",
        "version": model, "version-documents": model + "/documents", "version-config": model + "/config",
        "version-image": model + "/image", "version-deployments": model + "/deployments",
        "version-sheet": model + "/sheet", "version-history": model + "/history", "submit": "/submit", "vendors": "/vendors",
        "vendor": "/vendors/greenfield", "vendor-key": "/vendors/greenfield/key",
        "deploy-form": "/deploy?version=" + version["id"], "deployments": "/deployments",
        "batches": "/batches", "batch-new": "/batches/new", "batch-filter": "/batches/new?vendor=" + version["vendor_id"],
        "batch-plan": "/batches/" + plan["id"], "batch": "/batches/" + batch["id"],
        "units": f"/deployments/{deployment}", "events": f"/deployments/{deployment}/events",
        "logs": f"/deployments/{deployment}/logs", "revisions": f"/deployments/{deployment}/revisions",
        "deployment-grants": f"/deployments/{deployment}/grants", "deployment-config": f"/deployments/{deployment}/config",
        "try-unit": f"/deployments/{deployment}/try", "try-route": f"/routes/{route}/try",
        "ports": "/ports", "ports-table": "/ports?as=table", "routes": "/routes", "callers": "/callers", "my": "/my",
        "keys": "/keys", "grants": "/keys/grants", "card": "/card", "audit": "/audit", "clusters": "/clusters",
        "gateways": "/gateways", "people": "/people", "settings": "/settings", "account": "/account",
        "go-nothing": "/go/none", "not-found": "/nowhere",
    }


def change_password(installation, made):
    name, first = made["person"]["name"], made["password"]
    import http.client
    import json
    host = installation.line("console").removeprefix("http://")

    def ask(method, path, body, token=None):
        connection = http.client.HTTPConnection(host, timeout=60)
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        connection.request(method, "/api/v1" + path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text) if text else {}
    token = ask("POST", "/session", {"name": name, "password": first})["token"]
    ask("PUT", "/session/password", {"old_password": first, "new_password": PASSWORD + name}, token)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                             args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Console:
    """A browser of one person's own."""

    def __init__(self, chromium, url, language="zh", theme="light", width=1360, height=860):
        self.url, self.language, self.theme = url, language, theme
        self.context = chromium.new_context(locale="zh-CN" if language == "zh" else "en-GB", color_scheme=theme,
                                            reduced_motion="reduce",
                                            viewport={"width": width, "height": height})
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.faults = []
        self.cut = False
        self.page.on("requestfailed", self.failed)
        self.page.on("dialog", lambda dialog: dialog.accept())  # leaving in the middle of something asks
        self.page.on("console", lambda message: self.note(message))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # Nothing is loaded from another host.
        self.page.on("request", lambda request: self.faults.append("elsewhere: " + request.url)
                     if not request.url.startswith((url, "data:", "blob:")) else None)

    def note(self, message):
        if message.type == "error" and not any(one in message.text for one in EXPECTED):
            self.faults.append(message.text)

    def sign_in(self, name):
        self.page.goto(self.url + "/")
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", PASSWORD + name)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".shell")

    def load(self, path):
        """A page with its scripts and style sheets, asked for again where the browser ended a request of them."""
        for _ in range(5):
            self.cut = False
            try:
                self.page.goto(self.url + path)
            except Error:
                if not self.cut:
                    raise
            if not self.cut:
                return
        raise AssertionError(f"{path} was cut five times")

    def open(self, path):
        self.load(path)
        self.settle()

    def again(self):
        """The page refreshed."""
        self.load(self.page.url.removeprefix(self.url))

    def failed(self, request):
        if request.resource_type in ("document", "script", "stylesheet") and "ERR_NETWORK_CHANGED" in (request.failure or ""):
            self.cut = True

    def settle(self):
        """Until what is asked for has come: no bones are left, and what moves has moved."""
        self.page.wait_for_selector("h1")
        self.page.wait_for_selector("[aria-busy]", state="detached")
        self.page.wait_for_timeout(200)

    def picture(self, name):
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}-{self.language}-{self.theme}.png")

    def close(self):
        self.context.close()
        assert self.faults == []


def tumor_of(installation):
    """The example's deployment; other tests leave theirs."""
    return next(one for one in installation.deployments() if one["name"] == "tumor")


@pytest.fixture
def console(chromium, installation):
    """console(language, theme): a browser at the console; what it complained of fails the test."""
    opened = []

    def make(*arguments, **options):
        opened.append(Console(chromium, installation.line("console"), *arguments, **options))
        return opened[-1]
    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def axe():
    """axe(page): what axe-core finds serious or critical."""
    modules = subprocess.run(["bash", "-c", 'root=$1; . "$root/tools/setup/lib.sh"; node_modules web', "bash", SOURCE],
                             check=True, capture_output=True, text=True).stdout.strip()
    script = (pathlib.Path(modules) / "axe-core/axe.min.js").read_text()

    def run(page):
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)")
        return [f"{one['id']}: {one['help']} at {node['target']}" for one in found
                if one["impact"] in ("serious", "critical") for node in one["nodes"]]
    return run
