"""A real mifengd with a database of its own, for whoever needs no engine."""
import http.client
import json
import os
import pathlib
import subprocess

from unix_http import UnixConnection

BIN = pathlib.Path(os.environ.get("MIFENG_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/bin"))


class Platform:
    """What the tests know of a running mifengd."""

    def __init__(self, folder, *options, data=None, inside=()):
        """`inside` is the command that starts it somewhere else, such as in a mount namespace."""
        self.folder = folder
        self.data = data or folder / "data"
        self.options, self.inside = options, inside
        self.local_socket = folder / "local.sock"
        self.process = None
        self.url = None
        self.start()

    def start(self):
        reader, writer = os.pipe()
        self.log = open(self.folder / "mifengd.log", "ab")
        registry = () if "--registry" in self.options else ("--registry", "127.0.0.1:1")
        self.process = subprocess.Popen(
            [*self.inside, BIN / "mifengd", "--data", self.data, "--master-key", self.folder / "master.key",
             "--listen", "127.0.0.1:0", "--local-socket", self.local_socket, *registry, *map(str, self.options),
             "--ready-fd", str(writer)],
            pass_fds=[writer], stderr=self.log)
        os.close(writer)
        with os.fdopen(reader) as ready:
            line = ready.readline()
        assert line, "mifengd did not start: " + (self.folder / "mifengd.log").read_text()
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=15)
        self.log.close()
        return status

    def connect(self, socket_path=None, source="127.0.0.1"):
        return UnixConnection(socket_path) if socket_path else http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(source, 0))

    def request(self, method, path, token=None, body=None, local=False, headers=None, source="127.0.0.1"):
        """(status, body, header fields); the body as what it says where it is JSON, else as bytes. `source` is the
        address that it comes from, of which this machine has all that begin with 127."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect(self.local_socket if local else None, source)
        try:
            connection.request(method, "/api/v1" + path, body=body, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
            is_json = answer.getheader("Content-Type") == "application/json"
            return answer.status, (json.loads(text) if is_json else text), dict(answer.getheaders())
        finally:
            connection.close()

    def sign_in(self, name, password):
        """Signs in with a first password, changes it, gives the bearer string."""
        status, session, _ = self.request("POST", "/session", body={"name": name, "password": password})
        assert status == 200, session
        status, answer, _ = self.request("PUT", "/session/password", session["token"],
                                         {"old_password": password, "new_password": "long enough for " + name})
        assert status == 204, answer
        return session["token"]
