"""What streams of events cost: memory and processor time of one mifengd with many of them, and how soon a change is told.
Arguments: [STREAMS [SECONDS]], default 200 and 60."""
import asyncio
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from bench_result import build, finish, machine  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
OF_ONE_PERSON = 16  # libs/rest/src/stream_seats.h
CHANGES, APART = 60, 0.5  # seconds


class Platform:
    def __init__(self, folder):
        reader, writer = os.pipe()
        self.local = folder / "local.sock"
        self.process = subprocess.Popen(
            [ROOT / "build/bin/mifengd", "--data", folder / "data", "--master-key", folder / "master.key", "--listen",
             "127.0.0.1:0", "--local-socket", self.local, "--ready-fd", str(writer)], pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader) as ready:
            self.port = int(json.loads(ready.readline())["url"].rsplit(":", 1)[1])

    def ask(self, method, path, token=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        connection.request(method, "/api/v1" + path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (path, text)
        return json.loads(text) if text else {}

    def person(self, name, first):
        token = self.ask("POST", "/session", body={"name": name, "password": first})["token"]
        self.ask("PUT", "/session/password", token, {"old_password": first, "new_password": "long enough for " + name})
        return token

    def administrator(self):
        done = subprocess.run(["curl", "-sf", "--unix-socket", self.local, "-X", "POST",
                               "http://local/api/v1/system/first-administrator"], capture_output=True, check=True)
        first = json.loads(done.stdout)
        return self.person(first["name"], first["password"])

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise AssertionError("no Pss")


class Stream:
    """One that follows; when it heard of each change of the vendor that the measurement changes."""

    def __init__(self, port, token):
        self.port, self.token, self.heard, self.ready = port, token, [], asyncio.Event()

    async def run(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"event: reset"):
                self.ready.set()
            elif b'"id":"measured"' in line:
                self.heard.append(time.monotonic())


async def change(platform, token, count):
    """Changes one thing again and again; when each was done."""
    times = []
    for number in range(count):
        body = {"name": f"Measured {number} {time.monotonic_ns()}"}
        await asyncio.to_thread(platform.ask, "PUT", "/vendors/measured", token, body)
        times.append(time.monotonic())
        await asyncio.sleep(APART)
    return times


async def spent(platform, doing):
    before = platform.processor_seconds()
    result = await doing
    return platform.processor_seconds() - before, result


async def measure(platform, count, seconds):
    administrator = platform.administrator()
    platform.ask("POST", "/vendors", administrator, {"id": "measured", "name": "Measured"})
    tokens = []
    for number in range(-(-count // OF_ONE_PERSON)):
        name = f"follows-{number}"
        made = platform.ask("POST", "/people", administrator, {"name": name, "roles": ["operator"]})
        tokens.append(platform.person(name, made["password"]))
    await change(platform, administrator, 10)
    alone_idle, _ = await spent(platform, asyncio.sleep(seconds))
    alone_busy, _ = await spent(platform, change(platform, administrator, CHANGES))
    before = platform.memory_kib()
    streams = [Stream(platform.port, tokens[number // OF_ONE_PERSON]) for number in range(count)]
    tasks = [asyncio.create_task(stream.run()) for stream in streams]
    await asyncio.gather(*(stream.ready.wait() for stream in streams))
    await asyncio.sleep(20)  # a heartbeat
    memory = platform.memory_kib() - before
    idle, _ = await spent(platform, asyncio.sleep(seconds))
    for stream in streams:
        stream.heard.clear()
    busy, times = await spent(platform, change(platform, administrator, CHANGES))
    await asyncio.sleep(2)
    assert all(len(stream.heard) == CHANGES for stream in streams), sorted({len(stream.heard) for stream in streams})
    late = sorted((heard - done) * 1000 for stream in streams for heard, done in zip(stream.heard, times))
    for task in tasks:
        task.cancel()
    return {
        "streams": count,
        "memory_each_kib": round(memory / count, 1),
        "idle_core_percent": round(100 * (idle - alone_idle) / seconds, 3),
        "idle_ms_each_a_minute": round(1000 * 60 * (idle - alone_idle) / seconds / count, 3),
        "told_each_us": round(1e6 * (busy - alone_busy) / (count * CHANGES), 1),
        "told_after_ms_median": round(statistics.median(late), 1),
        "told_after_ms_p99": round(late[int(0.99 * len(late))], 1),
    }


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    build("mifengd")
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        platform = Platform(pathlib.Path(folder))
        try:
            values = asyncio.run(measure(platform, count, seconds))
        finally:
            platform.process.terminate()
            platform.process.wait(20)
    finish("events", "./bench/run events", values, where)


main()
