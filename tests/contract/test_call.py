"""`mifeng call`, against a server that answers as a gateway would."""

import http.server
import json
import threading

import pytest


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization"),
                                 self.headers.get("Content-Type"), body))
        if self.path == "/digits/ready":
            status, answer = 200, b"ready\n"
        elif self.headers.get("Authorization") != "Bearer a-key":
            status, answer = 401, json.dumps({"error": {"reason": "unknown-caller-key", "message": "No."}}).encode()
        elif body == b"wrong":
            status, answer = 400, b"that is no image"
        else:
            status, answer = 200, b'{"sum":6.0}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def gateway():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def call(run, gateway, tmp_path):
    (tmp_path / "key").write_text("a-key\n")
    (tmp_path / "image").write_bytes(b"[1, 2, 3]")

    def made(*arguments, data=b"", env=None):
        return run("call", *arguments, data=data, signed_in=False, env={"MIFENG_GATEWAY": gateway.url, **(env or {})})
    return made


def test_data_and_the_key_from_wherever_they_are(call, gateway):
    for arguments, data, env in ((("-d", "@image", "--key-file", "key"), b"", None),
                                 (("-d", "@-", "--key-file", "key"), b"[1, 2, 3]", None),
                                 (("-d", "[1, 2, 3]"), b"", {"MIFENG_KEY_FILE": "key"}),
                                 (("--data", "@image", "--key-file", "-"), b"a-key\n", None)):
        done = call("/digits/predict", *arguments, data=data, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, b'{"sum":6.0}', b""), arguments
    assert set(gateway.seen) == {("POST", "/digits/predict", "Bearer a-key", "application/json", b"[1, 2, 3]")}
    assert call("digits/predict", "-d", "x", "--content-type", "text/plain", "--key-file", "key").returncode == 0
    assert gateway.seen[-1][1:4] == ("/digits/predict", "Bearer a-key", "text/plain")
    done = call("/digits/ready")
    assert done.stdout == b"ready\n" and gateway.seen[-1][0] == "GET" and gateway.seen[-1][2] is None


def test_what_is_refused(call):
    done = call("/digits/predict", "-d", "@image")
    assert done.returncode == 4 and b"[unknown-caller-key]" in done.stderr and done.stdout == b""
    done = call("/digits/predict", "-d", "wrong", "--key-file", "key")
    assert done.returncode == 2 and b"that is no image\n" in done.stderr and b"[refused-by-model]" in done.stderr
    assert done.stdout == b""
    done = call("/digits/predict", "-d", "wrong", "--key-file", "key", env={"LANG": "zh_CN.UTF-8"})
    assert "模型返回 400" in done.stderr.decode()
    assert call("/digits/predict", "-d", "@none", "--key-file", "key").returncode == 3
    assert call("/digits/predict", "-d", "@image", "--key-file", "none").returncode == 3
    assert b"[no-key]" in call("/digits/predict", "-d", "@image", "--key-file", "-").stderr
    done = call("/digits/predict", "-d", "@-", "--key-file", "-")
    assert done.returncode == 2 and b"not both" in done.stderr
    assert call("/digits/predict", env={"MIFENG_GATEWAY": "http://127.0.0.1:1"}).returncode == 1
    assert call().returncode == 2
