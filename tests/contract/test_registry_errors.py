"""A registry that refuses: Harbor's quota, a user who may not write, a password that is wrong. Each is said as what it
is, and the upload is kept and goes on. A proxy of this test stands before a real registry, and asks for a user and his
password as Harbor does; the user is a robot account of Harbor's, with a dollar sign in his name."""

import base64
import http.client
import http.server
import json
import threading

import pytest

from conftest import Platform
from submitting import Vendor, registry  # noqa: F401 - a fixture

USER, PASSWORD = "robot$project+mifeng", "a password with spaces: and colons"
QUOTA = "adding 1.0 MiB of storage resource, which when updated to current usage of 9.9 MiB will exceed the configured " \
    "upper limit of 10.0 MiB."


class Harbor(http.server.ThreadingHTTPServer):
    """In front of the registry at `behind`; `refusal`: status and body of all that would change anything."""

    def __init__(self, behind, port=0):
        super().__init__(("127.0.0.1", port), Request)
        self.behind, self.refusal, self.password, self.repositories = behind, None, PASSWORD, set()
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def end(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, message, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.say(status, body, [("Content-Type", "application/json"), *headers])

    def body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def carry(self):
        body = self.body()
        wanted = "Basic " + base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            return self.error(401, "UNAUTHORIZED", "unauthorized", [("WWW-Authenticate", 'Basic realm="harbor"')])
        if self.path.startswith("/v2/") and len(self.path) > 4:
            self.server.repositories.add(self.path.split("/")[2])
        if self.server.refusal and self.command not in ("GET", "HEAD"):
            return self.error(*self.server.refusal)
        connection = http.client.HTTPConnection(self.server.behind, timeout=60)
        connection.request(self.command, self.path, body, {
            name: value for name, value in self.headers.items()
            if name.lower() not in ("authorization", "transfer-encoding", "content-length")})
        answer = connection.getresponse()
        text = answer.read()
        self.say(answer.status, text, [(name, value) for name, value in answer.getheaders()
                                       if name.lower() not in ("content-length", "connection", "transfer-encoding")])
        connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = carry


class Scene:
    def __init__(self, folder, behind):
        self.folder, self.harbor, self.number = folder, Harbor(behind), 0
        self.password_file = folder / "registry.password"
        self.set_password(PASSWORD)
        self.platform = Platform(folder, "--registry", self.harbor.address + "/project", "--registry-user", USER,
                                 "--registry-password-file", str(self.password_file))
        self.vendor = Vendor(self.platform, folder)

    def set_password(self, password):
        self.password_file.write_text(password + "\n")
        self.password_file.chmod(0o600)

    def upload(self):
        """A version and the id of its upload, all of whose bytes have come."""
        self.number += 1
        version = f"1.0.{self.number}"
        package = self.vendor.package(version, 200_000)
        status, upload = self.vendor.ask("POST", "/uploads", {"size": len(package)})
        assert status == 201, upload
        status, answer = self.vendor.ask("PATCH", f"/uploads/{upload['id']}?offset=0", package)
        assert status == 200, answer
        return version, upload["id"]

    def finish(self, upload):
        return self.vendor.ask("POST", f"/uploads/{upload}/submission")


@pytest.fixture(scope="module")
def scene(tmp_path_factory, registry):  # noqa: F811
    made = Scene(tmp_path_factory.mktemp("harbor"), registry)
    yield made
    assert made.platform.stop() == 0
    made.harbor.end()


@pytest.mark.parametrize("refusal,reason,status", [
    ((403, "DENIED", QUOTA), "registry-full", 507),
    ((412, "PROJECTPOLICYVIOLATION", "Quota exceeded when processing the request of adding 1.0 MiB"), "registry-full", 507),
    ((403, "DENIED", "requested access to the resource is denied"), "registry-denied", 503),
    ((404, "NOT_FOUND", "project project not found"), "registry-denied", 503),
    ((500, "UNKNOWN", "internal server error"), "registry-unavailable", 503),
], ids=["quota", "quota of Harbor 1", "not allowed", "no project", "broken"])
def test_a_refusal_is_said_as_what_it_is_and_the_upload_goes_on(scene, refusal, reason, status):
    version, upload = scene.upload()
    scene.harbor.refusal = refusal
    try:
        answered, answer = scene.finish(upload)
    finally:
        scene.harbor.refusal = None
    assert answer["reason"] == reason and answered in (status, 429), (answered, answer)
    assert scene.vendor.ask("GET", f"/vendors/acme/models/digits/versions/{version}")[0] == 404
    answered, answer = scene.finish(upload)
    assert answered == 201, answer
    assert answer["version"]["image_address"].startswith(scene.harbor.address + "/project/acme/digits@sha256:")
    assert scene.harbor.repositories == {"project"}


def test_another_password_in_the_file_needs_no_restart(scene):
    _, upload = scene.upload()
    scene.harbor.password = "another one"
    answered, answer = scene.finish(upload)
    assert (answered, answer["reason"]) == (503, "registry-login"), answer
    assert "--registry-password-file" in answer["message"]
    scene.set_password("")
    answered, answer = scene.finish(upload)
    assert (answered, answer["reason"]) == (503, "registry-login"), answer
    scene.set_password("another one")
    assert scene.finish(upload)[0] == 201
    scene.harbor.password = PASSWORD
    scene.set_password(PASSWORD)


def test_a_registry_that_is_away_is_said(scene):
    _, upload = scene.upload()
    port = scene.harbor.server_address[1]
    scene.harbor.end()
    try:
        answered, answer = scene.finish(upload)
    finally:
        scene.harbor = Harbor(scene.harbor.behind, port)
    assert (answered, answer["reason"]) == (503, "registry-unavailable"), answer
    assert scene.harbor.address in answer["message"] and "connection refused" in answer["message"]
    assert scene.finish(upload)[0] == 201


def test_the_password_is_nowhere(scene):
    for file in scene.folder.rglob("*"):
        if file.is_file() and file != scene.password_file:
            content = file.read_bytes()
            for secret in (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
                assert secret.encode() not in content, file
