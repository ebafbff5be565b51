"""A gateway beside the one that `mifeng up` runs."""
import contextlib
import http.client
import json
import os
import subprocess
import urllib.parse

from installation import BIN


@contextlib.contextmanager
def second_gateway(folder, join_file, request, key):
    """Runs one that enrols with `join_file` (an object) and keeps all it has in `folder`; gives a function that sends
    `request` to a path through it, as the caller with `key`, and returns status and body; its `address` is HOST:PORT."""
    folder.mkdir()
    join = folder / "join.json"
    join.write_text(json.dumps(join_file))
    join.chmod(0o600)
    read_end, write_end = os.pipe()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([str(one) for one in (
            BIN / "mifeng-gateway", "--state", folder / "state", "--master-key", folder / "key", "--join", join,
            "--listen", "127.0.0.1:0", "--workers", "1", "--ready-fd", write_end)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[write_end])
    os.close(write_end)
    try:
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        assert line, (folder / "log").read_text()
        where = urllib.parse.urlsplit(json.loads(line)["url"])

        def call(path):
            connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
            connection.request("POST", path, json.dumps(request), {
                "Content-Type": "application/json", "Authorization": "Bearer " + key})
            response = connection.getresponse()
            body = response.read()
            connection.close()
            return response.status, body
        call.address = where.netloc
        yield call
    finally:
        process.terminate()
        process.wait(20)
