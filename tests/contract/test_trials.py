"""Trying models through the API and the command line: who may, what is refused, and the way through a gateway, for which
a server stands in. What a real unit answers is tried in tests/browser (test_try_browser.py), and against a sealing stand-in in libs/trials."""

import base64
import http.client
import http.server
import json
import socket
import threading
import time

import pytest

from conftest import ROLES, Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers.items()), body))
        if self.path.endswith("/slow"):
            time.sleep(3)
        text = b"x" * (2 << 20) if self.path.endswith("/large") else b'{"sum":6.0}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Odd", "\x80 a")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text)
        except OSError:
            pass  # it was too large for whoever asked

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Stage:
    def __init__(self, platform, gateway, folder):
        self.platform, self.gateway = platform, gateway
        self.vendor = Vendor(platform, folder)
        self.tokens = {"administrator": self.vendor.administrator, "vendor": self.vendor.token}
        for role in ("operator", "auditor", "caller"):
            made = self.vendor.administer("POST", "/people", {"name": role, "roles": [role]}, 201)
            self.tokens[role] = platform.sign_in(role, made["password"])
        version = self.vendor.accepted("1.0.0")
        self.deployment = self.vendor.administer("POST", "/deployments", {"name": "digits", "version_id": version}, 201)["id"]
        route = {"name": "digits", "prefix": "/digits", "forward": "mifeng://" + self.deployment}
        self.route = self.vendor.administer("POST", "/routes", route, 201)["id"]

    def ask(self, body, role="operator"):
        status, answer, _ = self.platform.request("POST", "/trials", self.tokens[role], body)
        return status, answer

    def audit(self):
        listed = self.platform.request("GET", "/audit?action=trial&page_size=200", self.tokens["auditor"])[1]
        return listed["items"]


@pytest.fixture(scope="module")
def gateway():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory, registry, gateway):  # noqa: F811
    folder = tmp_path_factory.mktemp("trials")
    running = Platform(folder, "--registry", registry, "--gateway-url", f"http://127.0.0.1:{gateway.server_port}")
    yield Stage(running, gateway, folder)
    assert running.stop() == 0


def through_gateway(stage, **more):
    return {"way": "gateway", "route_id": stage.route, "method": "POST", "path": "/predict",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "body_base64": base64.b64encode(b'{"numbers":[1,2,3]}').decode(), **more}


def test_through_the_gateway(stage):
    status, trial = stage.ask(through_gateway(stage))
    assert status == 200, trial
    method, path, headers, body = stage.gateway.seen[-1]
    assert (method, path, body) == ("POST", "/digits/predict", b'{"numbers":[1,2,3]}')
    assert headers["Authorization"].startswith("Bearer mfk_")
    assert not [name for name in headers if name.lower().startswith(("mifeng-", "cookie", "x-api"))]
    assert base64.b64decode(trial["opened"]["body_base64"]) == b'{"sum":6.0}'
    assert (trial["seal"], trial["context"], trial["refusal"]) == (None, None, None)
    assert trial["times"]["connected_us"] <= trial["times"]["first_byte_us"] <= trial["times"]["whole_us"]
    # The key is the same for a while, and nowhere to be seen.
    key = headers["Authorization"].removeprefix("Bearer ")
    stage.ask(through_gateway(stage))
    assert stage.gateway.seen[-1][2]["Authorization"].endswith(key)
    for path in ("/callers", "/routes", "/audit?page_size=200", "/system"):
        assert key not in json.dumps(stage.platform.request("GET", path, stage.tokens["administrator"])[1])
    assert key not in json.dumps(trial) and key not in (stage.platform.folder / "mifengd.log").read_text()
    assert stage.platform.request("GET", "/callers", stage.tokens["administrator"])[1]["total"] == 0


def test_an_open_route_needs_no_key(stage):
    route = {"name": "open", "prefix": "/open", "forward": "mifeng://" + stage.deployment, "open": True}
    made = stage.vendor.administer("POST", "/routes", route, 201)["id"]
    assert stage.ask({"way": "gateway", "route_id": made, "method": "GET", "path": "?x=1"})[1]["reason"] == "bad-path"
    status, trial = stage.ask({"way": "gateway", "route_id": made, "method": "GET"})
    assert status == 200, trial
    assert stage.gateway.seen[-1][1] == "/open" and "Authorization" not in stage.gateway.seen[-1][2]


def test_each_is_written_down_without_what_is_in_it(stage):
    before = len(stage.audit())
    stage.ask(through_gateway(stage, path="/secret-path"))
    entries = stage.audit()
    assert len(entries) == before + 1
    newest = entries[0]
    assert (newest["actor"], newest["action"], newest["subject"], newest["outcome"]) == \
        ("operator", "trial.send", stage.route, "ok")
    assert newest["detail"] == "POST with 19 bytes through the gateway"
    # What is refused before anything is sent leaves none.
    stage.ask(through_gateway(stage, route_id="rt-none"))
    assert len(stage.audit()) == before + 1
    assert "secret-path" not in json.dumps(stage.audit())


def test_roles(stage):
    for role in ROLES:
        status, answer = stage.ask(through_gateway(stage), role)
        if role in ("administrator", "operator"):
            assert status == 200, (role, answer)
        else:
            assert (status, answer["reason"]) == (403, "not-allowed")
            assert "role operator" in answer["message"]


@pytest.mark.parametrize("change,wanted", [
    ({"route_id": None}, (400, "bad-trial")),
    ({"deployment_id": "digits"}, (400, "bad-trial")),
    ({"route_id": "rt-none"}, (404, "not-found")),
    ({"unit": "u"}, (400, "bad-trial")),
    ({"port": "p"}, (400, "bad-trial")),
    ({"path": "predict"}, (400, "bad-path")),
    ({"path": "/../keys"}, (400, "bad-path")),
    ({"path": "//elsewhere"}, (400, "bad-path")),
    ({"path": "/a%2fb"}, (400, "bad-path")),
    ({"path": "http://192.0.2.1/"}, (400, "bad-path")),
    ({"path": "/a b"}, (400, "bad-trial")),
    ({"path": "/a\r\nHost: b"}, (400, "bad-trial")),
    ({"path": "/a#b"}, (400, "bad-trial")),
    ({"path": "/" + "a" * 2048}, (400, "bad-field")),
    ({"method": "CONNECT"}, (400, "bad-field")),
    ({"method": "GET"}, (400, "bad-trial")),
    ({"way": "elsewhere"}, (400, "bad-field")),
    ({"address": "192.0.2.1:80"}, (400, "unknown-field")),
    ({"url": "http://192.0.2.1/"}, (400, "unknown-field")),
    ({"timeout_seconds": 0}, (400, "bad-field")),
    ({"timeout_seconds": 61}, (400, "bad-field")),
    ({"body_base64": "no base64"}, (400, "bad-field")),
    ({"body_base64": base64.b64encode(b"x" * (512 * 1024 + 1)).decode()}, (400, "bad-field")),
    ({"headers": [{"name": "Host", "value": "elsewhere"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "Authorization", "value": "Bearer mine"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "X-API-Key", "value": "mine"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "cookie", "value": "a=b"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "Mifeng-Request-Id", "value": "0" * 32}]}, (400, "bad-trial")),
    ({"headers": [{"name": "Transfer-Encoding", "value": "chunked"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "X", "value": "a\r\nHost: b"}]}, (400, "bad-trial")),
    ({"headers": [{"name": "", "value": "a"}]}, (400, "bad-field")),
    ({"headers": [{"name": "X", "value": "a"}] * 33}, (400, "bad-field")),
])
def test_bad_input_sends_nothing(stage, change, wanted):
    seen = len(stage.gateway.seen)
    body = {key: value for key, value in through_gateway(stage, **change).items() if value is not None}
    status, answer = stage.ask(body)
    assert (status, answer["reason"]) == wanted, answer
    assert len(stage.gateway.seen) == seen


def test_what_stands_in_the_way(stage):
    assert stage.ask({"way": "unit", "deployment_id": stage.deployment, "method": "GET"}) [0] == 503
    status, answer = stage.ask({"way": "unit", "route_id": stage.route, "method": "GET"})
    assert (status, answer["reason"]) == (503, "unit-not-ready")
    assert "digits" in answer["message"]
    assert stage.ask({"way": "unit", "deployment_id": "none", "method": "GET"})[0] == 404
    assert stage.ask(through_gateway(stage, path="/large"))[1]["reason"] == "answer-too-large"
    status, answer = stage.ask(through_gateway(stage, path="/slow", timeout_seconds=1))
    assert (status, answer["reason"]) == (504, "trial-too-slow")
    route = {"name": "off", "prefix": "/off", "forward": "mifeng://" + stage.deployment, "enabled": False}
    off = stage.vendor.administer("POST", "/routes", route, 201)["id"]
    status, answer = stage.ask(through_gateway(stage, route_id=off))
    assert (status, answer["reason"]) == (409, "route-disabled")


def test_a_few_at_once(stage):
    """Four in all and two of one person: a third waits for nobody, and other work goes on meanwhile."""
    answers = []

    def one(role):
        answers.append((role, stage.ask(through_gateway(stage, path="/slow", timeout_seconds=10), role)))
    running = [threading.Thread(target=one, args=(role,)) for role in ("operator", "operator", "administrator", "administrator")]
    began = len(stage.gateway.seen)
    for thread in running:
        thread.start()
    deadline = time.monotonic() + 10
    while len(stage.gateway.seen) < began + 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    status, answer = stage.ask(through_gateway(stage))
    assert (status, answer["reason"]) == (429, "too-many-trials")
    assert stage.platform.request("GET", "/deployments", stage.tokens["operator"])[0] == 200
    for thread in running:
        thread.join()
    assert [status for _, (status, _) in answers] == [200] * 4
    assert stage.ask(through_gateway(stage))[0] == 200


@pytest.fixture(scope="module")
def lonely(tmp_path_factory):
    """A platform whose gateway is not there; and one that was told of none."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [Platform(tmp_path_factory.mktemp("away"), "--gateway-url", f"http://127.0.0.1:{port}"),
               Platform(tmp_path_factory.mktemp("alone"))]
    yield running
    for one in running:
        assert one.stop() == 0


def test_a_gateway_that_is_not_there(lonely):
    for platform, url in zip(lonely, (True, False)):
        system = platform.request("GET", "/system", local=True)[1]
        assert bool(system["gateway_url"]) is url
    # No route can be there without a deployment, so nothing is sent: what is missing is said first.
    body = {"way": "gateway", "route_id": "rt-none", "method": "GET"}
    assert lonely[0].request("POST", "/trials", body=body, local=True)[1]["reason"] == "not-found"
    assert lonely[1].request("POST", "/trials", body=body, local=True)[1]["reason"] == "no-gateway-address"


def test_a_trial_does_not_hold_up_the_end(tmp_path, registry):  # noqa: F811
    """Of a platform that is asked to stop, while a model goes on thinking."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        platform = Platform(tmp_path, "--registry", registry, "--gateway-url", f"http://127.0.0.1:{silent.getsockname()[1]}")
        own = Stage(platform, None, tmp_path)

        def ask():
            try:
                own.ask(through_gateway(own, timeout_seconds=60))
            except (OSError, http.client.HTTPException):
                pass  # cut off with everything else
        thread = threading.Thread(target=ask)
        thread.start()
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(100).startswith(b"POST /digits/predict")
            assert platform.stop() == 0  # it waits for 15 s
        thread.join()


def test_the_command_line(stage, tmp_path, run_as):
    (tmp_path / "request.json").write_text('{"numbers":[1,2,3]}')
    done = run_as("try", "/digits", "/predict", "-d", "@request.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b'{"sum":6.0}' and b"whole" in done.stderr
    assert stage.gateway.seen[-1][0:2] == ("POST", "/digits/predict")
    done = run_as("try", "/digits", "/predict")
    assert done.returncode == 0 and stage.gateway.seen[-1][0] == "GET"
    done = run_as("try", "/digits", "-o", "json")
    assert json.loads(done.stdout)["way"] == "gateway"
    done = run_as("try", "digits", "/predict")
    assert done.returncode == 1 and b"[unit-not-ready]" in done.stderr and done.stdout == b""
    done = run_as("try", "/digits", "--straight", language="zh_CN.UTF-8")
    assert "没有可以调用的运行单元" in done.stderr.decode()
    assert run_as("try", "/nowhere").returncode == 3
    assert run_as("try").returncode == 2


@pytest.fixture
def run_as(stage, tmp_path):
    import os
    import subprocess

    from conftest import BIN

    def call(*arguments, language="C.UTF-8"):
        return subprocess.run([BIN / "mifeng", *arguments, *(["--platform", f"unix:{stage.platform.local_socket}"]
                                                             if arguments != ("try",) else [])],
                              capture_output=True, timeout=60, cwd=tmp_path,
                              env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": language})
    return call
