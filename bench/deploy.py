"""Seconds from `deploy` to the first answer through the gateway, and calls a second end to end: a whole installation with the
C++ example. Arguments: [DEPLOYMENTS [SECONDS]], default 10 and 10."""
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("MIFENG_BIN", str(HERE.parent / "build/bin"))
os.environ.setdefault("MIFENG_SOURCE", str(HERE.parent))
os.environ.setdefault("MIFENG_BUILD", str(HERE.parent / "build/release"))
sys.path[:0] = [str(HERE), str(HERE.parent / "tests/e2e")]

from bench_result import build, finish, machine  # noqa: E402
from installation import Installation, wait_until  # noqa: E402

EXAMPLE = HERE.parent / "examples/tumor-cpp"


def first_call():
    line = json.loads((EXAMPLE / "build/calls.jsonl").read_text().splitlines()[0])
    return line["path"], json.dumps(line["request"])


def calls_per_second(folder, url, target, body, key, seconds, connections):
    script = pathlib.Path(folder) / "load.lua"
    script.write_text(f"""wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
""")
    script.chmod(0o600)
    output = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url + target],
                            check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"calls failed: {output}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", output)[1])


def main():
    deployments = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    build("programs", guard_folder=True)
    where = machine()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as folder:
        with Installation(pathlib.Path(folder) / "d", only=["tumor-cpp"]) as installation:
            key = installation.caller_key()
            version = installation.deployments()[0]["version_id"]
            path, body = first_call()
            times = []
            for number in range(deployments):
                name = f"bench{number}"
                started = time.monotonic()
                made = installation.api("POST", "/deployments", {
                    "name": name, "version_id": version, "route": {"name": name, "prefix": "/" + name}})
                wait_until(lambda: installation.call(f"/{name}{path}", json.loads(body), key=key)[0] == 200, 60,
                           "an answer")
                times.append(time.monotonic() - started)
                installation.api("DELETE", "/deployments/" + made["id"])
                print(f"{name}: {times[-1]:.2f} s", file=sys.stderr)
            rates = {}
            for clients in (1, 4, 16):
                rates[clients] = calls_per_second(folder, installation.gateway, "/tumor" + path, body, key, seconds, clients)
                print(f"{clients} callers: {rates[clients]:.0f} calls/s", file=sys.stderr)
    finish("deploy", "./bench/run deploy", {
        "deploy_to_first_answer_s_median": round(statistics.median(times), 3),
        "deploy_to_first_answer_s_max": round(max(times), 3),
        "deployments": deployments,
        **{f"calls_per_second_{clients}_callers": round(rate, 1) for clients, rate in rates.items()},
    }, where)


main()
