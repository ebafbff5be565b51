"""What an idle installation costs: many deployments that are ready and are not called. Processor time of mifengd, calls to
the engine, and how soon a container that somebody kills is noticed. Arguments: [DEPLOYMENTS [SECONDS]], default 200
and 120."""
import asyncio
import contextlib
import os
import pathlib
import re
import signal
import statistics
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("MIFENG_BIN", str(HERE.parent / "build/bin"))
os.environ.setdefault("MIFENG_SOURCE", str(HERE.parent))
os.environ.setdefault("MIFENG_BUILD", str(HERE.parent / "build/release"))
sys.path[:0] = [str(HERE), str(HERE.parent / "tests/e2e")]

from bench_result import build, finish, machine  # noqa: E402
from installation import Installation, wait_until  # noqa: E402

REQUEST = re.compile(rb"(?:^|\r\n\r\n|[}\]]|^\n)((?:GET|POST|DELETE|PUT) /\S+) HTTP/1\.1\r\n")
TICKS = os.sysconf("SC_CLK_TCK")
KILLS = 10


class Counter(threading.Thread):
    """Stands where the engine's socket was, passes everything on, and counts the requests."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.behind = str(path), str(path) + ".behind"
        self.seen, self.ready = [], threading.Event()

    def __enter__(self):
        self.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_):
        """The engine is reached without us again: what ends after us needs it."""
        os.rename(self.behind, self.path)

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        os.rename(self.path, self.behind)
        await asyncio.start_unix_server(self.pass_on, self.path)
        self.ready.set()
        await asyncio.Event().wait()

    async def pass_on(self, reader, writer):
        other_reader, other_writer = await asyncio.open_unix_connection(self.behind)

        async def copy(source, sink, look):
            with contextlib.suppress(OSError):
                while piece := await source.read(1 << 16):
                    if look:
                        self.seen += [found.decode() for found in REQUEST.findall(piece)]
                    sink.write(piece)
                    await sink.drain()
            sink.close()
        await asyncio.gather(copy(reader, other_writer, True), copy(other_reader, writer, False))


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def all_ready(installation, count):
    items = [one for page in (1, 2, 3) for one in installation.api(
        "GET", f"/deployments?page_size=200&page={page}", timeout=120)["items"]]
    return len(items) == count and all(one["state"] == "ready" for one in items)


def seconds_until_noticed(installation, deployment):
    unit = installation.api("GET", "/deployments/" + deployment)["units"][0]
    pid = installation.engine(f"/containers/{unit['name']}/json")["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    while installation.api("GET", "/deployments/" + deployment)["state"] == "ready":
        time.sleep(0.01)
    noticed = time.monotonic() - started
    installation.wait_state(deployment, ["ready"])
    return noticed


def main():
    deployments = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 120
    build("programs", guard_folder=True)
    where = machine()
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        with Installation(pathlib.Path(folder) / "d", only=["tumor-cpp"], node_ports="30000-32767") as installation:
            first = installation.deployments()[0]
            with Counter(installation.data / "run/podman.sock") as counter:
                # Another mifengd, so that all its connections are counted.
                pid = installation.service_pid("mifengd")
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: installation.service_pid("mifengd") not in (None, pid), 60, "another mifengd")
                started = time.monotonic()
                installation.api("POST", "/batches", {"items": [
                    {"name": f"idle{number}", "version_id": first["version_id"], "limits": {"memory": "128Mi"}}
                    for number in range(deployments - 1)]}, timeout=300)
                wait_until(lambda: all_ready(installation, deployments), 1800, f"{deployments} ready deployments")
                up = time.monotonic() - started
                print(f"{deployments} deployments ready after {up:.0f} s", file=sys.stderr)
                time.sleep(65)  # the news of their starts, and each guard's first renewal
                pid = installation.service_pid("mifengd")
                before, calls, since = processor_seconds(pid), len(counter.seen), time.monotonic()
                time.sleep(seconds)
                took = time.monotonic() - since
                used, asked = processor_seconds(pid) - before, counter.seen[calls:]
                others = [request for request in asked if not request.startswith("GET /v4.0.0/libpod/containers/json") and
                          not request.endswith("/version")]
                print(f"{used:.2f} s of a core in {took:.0f} s; calls to the engine: {sorted(set(asked))}", file=sys.stderr)
                # One of each of several, since what keeps ending is started ever later.
                some = installation.api("GET", "/deployments?text=idle&page_size=200")["items"][:KILLS]
                noticed = [seconds_until_noticed(installation, one["id"]) for one in some]
            installation.stop(600)  # two hundred units take their time to go
    finish("idle", "./bench/run idle", {
        "deployments": deployments,
        "core_percent": round(100 * used / took, 2),
        "engine_calls_per_s": round(len(asked) / took, 3),
        "engine_calls_per_s_beside_the_resync": round(len(others) / took, 3),
        "killed_unit_noticed_s_median": round(statistics.median(noticed), 3),
        "killed_unit_noticed_s_max": round(max(noticed), 3),
        "all_ready_s": round(up, 1),
    }, where)


main()
