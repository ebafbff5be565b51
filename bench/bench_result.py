"""What all measurements do: build what they run, and write one JSON line and bench/results/NAME.json with machine and
commit."""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


def build(*targets, guard_folder=False):
    """Builds what a measurement runs, as ./run does; `guard_folder`: build/guard-folder too."""
    script = '. tools/setup/lib.sh; build release "$@"' + ("; make_guard_folder" if guard_folder else "")
    subprocess.run(["bash", "-euc", 'root=$PWD; ' + script, "bench", *targets], cwd=ROOT, check=True, stdout=sys.stderr)


def machine():
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    with open("/proc/loadavg") as loadavg:
        load = loadavg.read().split()[0]
    cores = sum(1 for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor"))
    return {"processor": model, "cores": cores, "load_before": float(load)}


def commit():
    found = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True,
                           text=True)
    return found.stdout.strip() or "unknown"


def medians(program, min_time, only="."):
    """Of interleaved repetitions of a google-benchmark program on one core: its context, and nanoseconds of processor time
    by name. `only`: a regular expression for names."""
    core = max(os.sched_getaffinity(0))
    output = subprocess.run(
        ["taskset", "--cpu-list", str(core), ROOT / "build/release/bench" / program, "--benchmark_format=json",
         f"--benchmark_min_time={min_time}", "--benchmark_repetitions=15",
         "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true",
         f"--benchmark_filter={only}"], check=True, capture_output=True, text=True).stdout
    document = json.loads(output)
    times = {}
    for result in document["benchmarks"]:
        if result["aggregate_name"] == "median":
            assert result["time_unit"] == "ns"
            times[result["run_name"]] = result["cpu_time"]
    return document["context"], times


def finish(name, command, values, where):
    """Stores `values` (a flat dictionary) and prints them as the last line. `where` is machine(), taken beforehand."""
    document = {"command": command, "commit": commit(), "machine": where,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "values": values}
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(values))
