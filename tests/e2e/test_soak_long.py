"""Half an hour of ordinary life, with more of everything than an ordinary half hour has: what every process holds stays as it
is, and the database grows by what was done."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import sqlite3
import statistics
import threading
import time
import urllib.parse

import pytest
from installation import SOURCE, Installation, processes

MINUTES = float(os.environ.get("MIFENG_SOAK_MINUTES", "30"))
SAMPLES_APART = 5.0
RESTARTS_APART = 130.0  # a unit is granted its key five times in ten minutes, and two take turns
PASSWORD = "long enough for soaking"
# What a process may grow by between the first third and the last one, once it has warmed up: 5 %, and what one thread more
# of glibc's allocator takes.
GROWTH, SLACK_KIB = 1.05, 768
ROWS_BEFORE = 10_000
ROW_MAX = 4096  # bytes of the database, its indexes included, for each row that was added


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    with Installation(tmp_path_factory.mktemp("soak") / "d", only=["tumor-cpp"]) as installation:
        installation.wait_answer("/tumor", 60)
        yield Life(installation)
    assert installation.left_behind() == []


class Life:
    def __init__(self, installation):
        self.installation = installation
        self.api = installation.api
        self.key = installation.caller_key()
        self.request = json.dumps(json.loads(
            (SOURCE / "examples/tumor-cpp/build/calls.jsonl").read_text().splitlines()[0])["request"])
        self.steady = installation.deployments()[0]["id"]
        version = self.api("GET", f"/deployments/{self.steady}")["version_id"]
        made = self.api("POST", "/deployments", {"name": "moving", "version_id": version, "replicas": 1,
                                                 "route": {"name": "moving", "prefix": "/moving"}})
        self.moving = made["id"]
        installation.wait_state(self.moving, ["ready"])
        self.platform = urllib.parse.urlsplit(installation.line("platform"))
        self.gateway = urllib.parse.urlsplit(installation.gateway)
        first = self.api("POST", "/people", {"name": "soak", "roles": ["operator"]})["password"]
        token = self.ask("POST", "/session", {"name": "soak", "password": first})["token"]
        self.ask("PUT", "/session/password", {"old_password": first, "new_password": PASSWORD}, token)
        self.over = threading.Event()
        self.done, self.failed = {}, []

    def ask(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection(self.platform.hostname, self.platform.port, timeout=60)
        try:
            fields = {"Authorization": "Bearer " + token} if token else {}
            connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json", **fields})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, (path, answer.status, text)
            return json.loads(text) if text else None
        finally:
            connection.close()

    def fill_page_caches(self):
        """SQLite keeps 2 MiB of pages for each connection, so mifengd grows with its database up to that: a database that is
        larger, read by as many at once as there are connections, is the end of it."""
        self.api("POST", "/vendors", {"id": "soak", "name": "Soak"})
        for number in range(ROWS_BEFORE):
            self.api("PUT", "/vendors/soak", {"name": f"Soak {number}"})

        def read(_):
            for page in range(1, ROWS_BEFORE // 200):
                self.api("GET", f"/audit?page_size=200&page={page}", timeout=120)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(read, range(16)))

    def repeat(self, what, apart, action):
        """A thread that does it again and again; what fails is kept, and ends the life."""
        def run():
            while not self.over.wait(apart):
                try:
                    action()
                except Exception as failure:  # noqa: BLE001: whatever it is, the test tells it
                    self.failed.append((what, repr(failure)))
                    self.over.set()
                self.done[what] = self.done.get(what, 0) + 1
        thread = threading.Thread(target=run, name=what)
        thread.start()
        return thread

    # --- What is done. ---

    def calls(self):
        """Fifty on one connection: right ones, and one with a key that is none."""
        connection = http.client.HTTPConnection(self.gateway.hostname, self.gateway.port, timeout=60)
        for number in range(50):
            key = "made-up" if number == 7 else self.key
            connection.request("POST", "/tumor/predict", self.request,
                               {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (401 if number == 7 else 200), answer.status
        connection.close()

    def session(self):
        token = self.ask("POST", "/session", {"name": "soak", "password": PASSWORD})["token"]
        for path in ("/deployments?page_size=100", "/models?text=tumor", "/search?text=tumor", "/session"):
            self.ask("GET", path, token=token)
        self.ask("DELETE", "/session", token=token)

    def events(self):
        """A browser's page that is opened and closed."""
        token = self.ask("POST", "/session", {"name": "soak", "password": PASSWORD})["token"]
        connection = http.client.HTTPConnection(self.platform.hostname, self.platform.port, timeout=60)
        connection.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + token})
        connection.getresponse().read(10)
        connection.close()
        self.ask("DELETE", "/session", token=token)

    def route(self):
        (route,) = [one for one in self.api("GET", "/routes?page_size=100")["items"] if one["name"] == "moving"]
        kept = ("name", "prefix", "forward", "enabled", "open", "callers", "stream_requests", "idempotent", "pass_headers")
        self.api("PUT", "/routes/" + route["id"], {**{name: route[name] for name in kept},
                                                   "idempotent": not route["idempotent"]})

    def restart(self):
        self.api("POST", f"/deployments/{self.moving}/restart")
        self.installation.wait_state(self.moving, ["ready"])

    # --- What is looked at. ---

    def watched(self):
        """The processes that live as long as this does, by name; those of the unit that is restarted are not among them."""
        found = {"mifeng up": self.installation.process.pid}
        family = {self.installation.process.pid}
        guard = self.installation.guard_of(self.installation.units(self.steady)[0])["State"]["Pid"]
        everyone = list(processes())
        for name, top in (("", None), ("guard ", guard)):
            members = family if top is None else {top}
            if top is not None:
                found[name.strip()] = top
            for _ in range(4):
                for pid, parent, command in everyone:
                    program = pathlib.Path(command[0].split(":")[0]).name
                    if parent in members and program in ("mifengd", "mifeng-gateway", "nginx", "docker-registry"):
                        members.add(pid)
                        role = command[0].partition(": ")[2].split()[0] if ": " in command[0] else program
                        found.setdefault(f"{name}{program} {role} {sorted(members).index(pid)}", pid)
        return found

    def sample(self, watched):
        taken = {}
        for name, pid in watched.items():
            folder = pathlib.Path(f"/proc/{pid}")
            pss = next(int(line.split()[1]) for line in (folder / "smaps_rollup").read_text().splitlines()
                       if line.startswith("Pss:"))
            taken[name] = pss, len(list((folder / "fd").iterdir()))
        return taken

    def database(self):
        """Its size, with what is free in it taken off, and its rows."""
        with contextlib.closing(sqlite3.connect(f"file:{self.installation.data}/mifengd/mifeng.db?mode=ro", uri=True)) as db:
            value = lambda text: db.execute(text).fetchone()[0]  # noqa: E731
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            used = (value("PRAGMA page_count") - value("PRAGMA freelist_count")) * value("PRAGMA page_size")
            return used, sum(value(f'SELECT COUNT(*) FROM "{name}"') for name in tables)


def test_half_an_hour_leaves_every_process_as_it_was(life):
    life.fill_page_caches()
    threads = [life.repeat("calls", 0.1, life.calls), life.repeat("calls beside", 0.1, life.calls),
               life.repeat("sessions", 1, life.session), life.repeat("events", 1, life.events),
               life.repeat("routes", 2, life.route), life.repeat("restarts", RESTARTS_APART, life.restart)]
    samples, end = [], time.monotonic() + 60 * MINUTES
    try:
        warm_until = time.monotonic() + 60 * MINUTES / 5
        life.over.wait(warm_until - time.monotonic())
        watched = life.watched()
        bytes_before, rows_before = life.database()
        while time.monotonic() < end and not life.over.is_set():
            samples.append(life.sample(watched))
            life.over.wait(SAMPLES_APART)
    finally:
        life.over.set()
        for thread in threads:
            thread.join()
    assert not life.failed
    assert all(life.done.get(what, 0) > 0 for what in ("calls", "sessions", "events", "routes", "restarts")), life.done
    third = len(samples) // 3
    assert third >= 3, "too short to tell"
    first, last = samples[:third], samples[-third:]
    assert {"mifeng up", "guard"} < set(watched) and any("mifengd" in name for name in watched), watched
    assert sum("nginx worker" in name for name in watched) >= 2, watched
    grown = {}
    for name in watched:
        memory = [statistics.median(one[name][0] for one in part) for part in (first, last)]
        descriptors = [max(one[name][1] for one in part) for part in (first, last)]
        course = [one[name][0] for one in samples[::max(len(samples) // 10, 1)]]
        print(f"{name}: {memory[0]:.0f} to {memory[1]:.0f} KiB {course}, {descriptors[0]} to {descriptors[1]} descriptors")
        if memory[1] > memory[0] * GROWTH + SLACK_KIB or descriptors[1] > descriptors[0] + 4:
            grown[name] = memory, descriptors
    bytes_after, rows_after = life.database()
    rows = rows_after - rows_before
    print(f"done: {life.done}; database: {bytes_after - bytes_before} bytes for {rows} rows")
    assert not grown
    assert bytes_after - bytes_before <= ROW_MAX * max(rows, 0) + (1 << 20), (bytes_before, bytes_after, rows)
