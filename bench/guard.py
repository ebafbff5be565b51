#!/usr/bin/env python3
"""Memory of the guard in its container: its own process, and nginx's two. Values in MiB: `rss` as top shows it,
`pss` with what several processes share divided among them, which adds up. Idle, and after 2,000 calls. Also how
long it takes from the start of the unit's containers until it is ready, with a model that starts at once."""
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
for name, path in (("MIFENG_BIN", "build/bin"), ("MIFENG_BUILD", "build/release"), ("MIFENG_SOURCE", ".")):
    os.environ.setdefault(name, str(ROOT / path))
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/keyholders")]
import bench_result  # noqa: E402
import keyholders  # noqa: E402

CALLS = 2000


def memory(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    facts = {line.split(":")[0]: int(line.split()[1]) for line in rollup[1:]}
    return {"rss": facts["Rss"] / 1024, "pss": facts["Pss"] / 1024}


def measure(container):
    values = {}
    pids = container.pids()
    for name, members in (("guard", pids["mifeng-guard"]), ("nginx", pids["nginx"])):
        for kind in ("rss", "pss"):
            values[f"{name}_{kind}_MiB"] = round(sum(memory(pid)[kind] for pid in members), 2)
    values["total_pss_MiB"] = round(values["guard_pss_MiB"] + values["nginx_pss_MiB"], 2)
    return values


def main():
    bench_result.build("programs", "platform_standin")
    where = bench_result.machine()
    with tempfile.TemporaryDirectory(prefix="mfb-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        folder.chmod(0o755)
        image = keyholders.Image(folder)
        size = sum(f.stat().st_size for f in (folder / "guard-folder").rglob("*") if f.is_file())
        platform = keyholders.Platform(folder, image.root / "mifeng", image.payload)
        started = time.monotonic()
        container = keyholders.Container(folder, image, platform)
        try:
            container.wait_ready()
            values = {"ready_s": round(time.monotonic() - started, 2), "guard_folder_MiB": round(size / 2**20, 1)}
            values.update(measure(container))
            for _ in range(CALLS):
                answer = container.call("/weights")
                assert answer.status == 200, answer.raw
            values.update({f"after_calls_{k}": v for k, v in measure(container).items()})
        finally:
            container.stop()
            platform.stop()
    bench_result.finish("guard", "./bench/run guard", values, where)


main()
