"""A mifengd of a test's own, asked over its local socket by `mifeng` and by itself."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

from unix_http import UnixConnection

BIN = pathlib.Path(os.environ["MIFENG_BIN"])


class Platform:
    def __init__(self, folder, installation, *options):
        self.folder, self.installation, self.options = folder, installation, options
        self.data, self.log = folder / "data", folder / "mifengd.log"
        self.start()

    def start(self):
        reader, writer = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "mifengd", "--data", self.data, "--master-key", self.folder / "master.key", "--listen",
                 "127.0.0.1:0", "--local-socket", self.folder / "local.sock", "--registry", "127.0.0.1:1",
                 "--installation", self.installation, "--log-level", "debug", *self.options, "--ready-fd", str(writer)],
                pass_fds=[writer], stderr=log)
        os.close(writer)
        with os.fdopen(reader) as ready:
            assert ready.readline(), "mifengd did not start: " + self.log.read_text()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0

    def restart(self):
        self.stop()
        self.start()

    def ask(self, method, path, body=None):
        """(status, answer)"""
        connection = UnixConnection(self.folder / "local.sock", timeout=120)
        with contextlib.closing(connection):
            connection.request(method, "/api/v1" + path, body=None if body is None else json.dumps(body),
                               headers={} if body is None else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def get(self, path):
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def mifeng(self, *arguments, env=None, seconds=120):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MIFENG_", "LC_", "LANG"))}
        environment |= {"MIFENG_PLATFORM": f"unix:{self.folder}/local.sock", "XDG_CONFIG_HOME": str(self.folder),
                        **(env or {})}
        return subprocess.run([BIN / "mifeng", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=seconds, env=environment, cwd=self.folder)


@contextlib.contextmanager
def platform(installation, *options):
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        made = Platform(pathlib.Path(path), installation, *options)
        try:
            yield made
            made.stop()
        finally:
            made.process.kill()
            made.process.wait()
