"""What the search over everything costs with many versions: how long `GET /search` and the list of versions take, of one
mifengd, one question after the other. Arguments: [VERSIONS [QUESTIONS]], default 10000 and 400."""
import http.client
import json
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from bench_result import build, finish, machine  # noqa: E402

NOUNS = ["wheat", "rice", "maize", "tumor", "lung", "digits", "letters", "plate", "crack", "weld", "smoke", "helmet"]
WORK = ["识别叶片病害", "计数", "detects", "counts grains of", "判读影像", "reads handwriting", "finds cracks in"]


class Platform:
    def __init__(self, folder):
        self.folder, self.local = folder, folder / "local.sock"

    def __enter__(self):
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            [ROOT / "build/bin/mifengd", "--data", self.folder / "data", "--master-key", self.folder / "master.key", "--listen",
             "127.0.0.1:0", "--local-socket", self.local, "--ready-fd", str(writer)], pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader) as ready:
            self.port = int(json.loads(ready.readline())["url"].rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, method, path, token=None, body=None):
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        self.connection = getattr(self, "connection", None) or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connection.request(method, "/api/v1" + path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (path, text)
        return json.loads(text) if text else {}

    def administrator(self):
        done = subprocess.run(["curl", "-sf", "--unix-socket", self.local, "-X", "POST",
                               "http://local/api/v1/system/first-administrator"], capture_output=True, check=True)
        first = json.loads(done.stdout)
        token = self.ask("POST", "/session", body=first)["token"]
        self.ask("PUT", "/session/password", token, {"old_password": first["password"], "new_password": "long enough for it"})
        return token


def vendors_key(folder):
    """A public key that the platform can read: it is shown with each version."""
    subprocess.run([ROOT / "build/bin/mifeng", "key", "generate", "--output-file", folder / "vendor.key", "--public",
                    folder / "vendor.pub"], check=True, capture_output=True)
    return (folder / "vendor.pub").read_text()


def fill(path, versions, key):
    """Rows as wide as those of real packages, straight into the tables."""
    rows = sqlite3.connect(path)
    chance = random.Random(7)

    def insert(table, text, **given):
        """What is not given is 1 where the column is a number, and `text` where it is one."""
        columns = [(row[1], row[2]) for row in rows.execute(f"PRAGMA table_info({table})")]
        rows.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})",
                     [given.get(name, 1 if type == "INTEGER" else text) for name, type in columns])

    with rows:
        for at in range(100):
            insert("developer_information", "", id=f"v{at}", name=f"Vendor {at} 科技", confirmed_ms=0)
        rows.execute("INSERT INTO config_library VALUES ('c', 'a', 'x', 1, 1)")
        rows.execute("INSERT INTO image_library VALUES ('r', 'n', 'd', 1, 1)")
        for at in range(versions):
            noun = chance.choice(NOUNS)
            insert("model_information", "x" * 64, id=f"mv-{at:016x}", vendor_id=f"v{at % 100}",
                   vendor_name=f"Vendor {at % 100} 科技", name=f"{noun}-{at // 3}", version=f"1.{at % 3}.0",
                   function=f"{chance.choice(WORK)} {noun} {at}", language="python", state="accepted", config_sm3="c",
                   image_address="r", submitted_ms=at, payload_header=chance.randbytes(600).hex(), signer_key_pem=key)
    rows.close()


def measured(platform, token, path, texts):
    times = []
    for text in texts:
        began = time.perf_counter()
        platform.ask("GET", path.format(urllib.parse.quote(text)), token)
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    return round(statistics.median(times), 2), round(times[len(times) * 99 // 100], 2)


def main():
    versions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    questions = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    build("mifeng", "mifengd")
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        with Platform(folder) as platform:
            token = platform.administrator()
        fill(folder / "data/mifeng.db", versions, vendors_key(folder))
        chance = random.Random(11)
        # As somebody types: beginnings, middles, two words, an id, a port, and what is not there.
        kinds = [lambda: chance.choice(NOUNS)[: chance.randint(1, 5)], lambda: f"{chance.choice(NOUNS)}-{chance.randint(0, versions // 3)}",
                 lambda: f"{chance.choice(NOUNS)} 1.{chance.randint(0, 2)}", lambda: chance.choice(["病害", "影像", "handwriting"]),
                 lambda: f"mv-{chance.randint(0, versions - 1):016x}", lambda: str(chance.randint(30000, 32767)), lambda: "nothing is called so"]
        texts = [kinds[at % len(kinds)]() for at in range(questions)]
        with Platform(folder) as platform:
            platform.ask("GET", "/search?text=warm", token)
            print(f"{questions} questions with {versions} versions", file=sys.stderr)
            ids = [f"mv-{chance.randint(0, versions - 1):016x}" for _ in range(questions)]
            values = {"versions": versions, "questions": questions}
            for name, path, asked in (("search", "/search?text={}", texts), ("models", "/models?page_size=50&text={}", texts),
                                      ("id", "/search/{}", ids)):
                values[name + "_ms_median"], values[name + "_ms_p99"] = measured(platform, token, path, asked)
    finish("search", "./bench/run search", values, where)


main()
