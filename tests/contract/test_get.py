"""`mifeng get` where a platform without an engine has nothing to tell: events and units, from a server that
answers as one would; and -w, against a real platform."""

import http.server
import json
import subprocess
import threading

import pytest

from conftest import BIN

EVENTS = {"a-1": [{"time_ms": 1_700_000_000_000, "unit": "a-1-0", "action": "start", "detail": ""},
                  {"time_ms": 1_700_000_002_000, "unit": "a-1-0", "action": "died", "detail": "exit 1"}],
          "b-2": [{"time_ms": 1_700_000_001_000, "unit": "b-2-0", "action": "start", "detail": ""}]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.removeprefix("/api/v1").partition("?")[0]
        status, answer = 200, {"items": [{"id": one, "name": one[0]} for one in ("a-1", "b-2", "gone-3", "away-4")]}
        if path.endswith("/events"):
            name = path.split("/")[2]
            if name in EVENTS:
                answer = {"items": EVENTS[name]}
            else:
                status = 404 if name == "gone-3" else 503
                answer = {"code": "not-found" if status == 404 else "unavailable", "reason": "no-engine",
                          "message": "No engine for " + name}
        elif path.endswith("/revisions"):
            answer = {"items": []}
        elif path == "/deployments/a-1":
            answer = {"id": "a-1", "name": "a", "units": [{"name": "a-1-0", "revision": 1, "state": "ready"}]}
        elif path != "/deployments":
            status, answer = 404, {"code": "not-found", "reason": "not-found", "message": path}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def pretended():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_events_of_all_deployments_are_in_the_order_of_their_time(run, pretended):
    done = run("get", "events", "-o", "json", signed_in=False, platform=pretended)
    assert done.returncode == 0, done.stderr
    assert [(one["deployment"], one["action"]) for one in json.loads(done.stdout)] == [
        ("a-1", "start"), ("b-2", "start"), ("a-1", "died")]
    # One that was deleted meanwhile says nothing; one that cannot be asked is named.
    assert b"gone-3" not in done.stderr and b"No engine for away-4" in done.stderr
    newest = run("get", "ev", "--limit", "1", signed_in=False, platform=pretended)
    header, row = newest.stdout.decode().splitlines()
    assert header.split() == ["TIME", "DEPLOYMENT", "UNIT", "ACTION", "DETAIL"]
    assert row.split() == ["2023-11-14T22:13:22.000Z", "a-1", "a-1-0", "died", "exit", "1"]
    assert b"--limit 1 left some out" in newest.stderr


def test_a_described_deployment_shows_its_units_and_events(run, pretended):
    done = run("describe", "deployment", "a-1", signed_in=False, platform=pretended)
    assert done.returncode == 0 and done.stderr == b""
    page, units, events = done.stdout.decode().split("\n\n")
    assert ["NAME", "a"] in [line.split() for line in page.splitlines()]
    assert units.splitlines()[0] == "Units" and units.splitlines()[2].split()[:3] == ["a-1-0", "1", "ready"]
    assert [line.split()[3] for line in events.splitlines()[2:]] == ["start", "died"]


def test_watching_prints_again_what_has_changed(own, signed_in, tmp_path):
    assert signed_in("caller", "add", "first").returncode == 0
    environment = {"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": str(own.folder / "config"), "HOME": "/nonexistent"}
    watching = subprocess.Popen([BIN / "mifeng", "get", "callers", "-w", "-o", "yaml"], stdout=subprocess.PIPE, text=True,
                                env=environment, cwd=tmp_path)
    try:
        def until(wanted):
            lines = []
            while not lines or wanted not in lines[-1]:
                lines.append(watching.stdout.readline())
                assert lines[-1], "it ended"
            return lines
        until("name: first")
        assert signed_in("caller", "add", "second").returncode == 0
        assert "---\n" in until("name: second")
    finally:
        watching.terminate()
        watching.wait(10)
        watching.stdout.close()
