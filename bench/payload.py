#!/usr/bin/env python3
"""How long a large payload takes: from the model's container handing it over until the guard has opened all of it into memory, and
until the unit is ready; beside `cat` of the same sealed file into a file in memory. Arguments: [MIB [ROUNDS]], default
2048 and 3. Seconds are medians."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
for name, path in (("MIFENG_BIN", "build/bin"), ("MIFENG_BUILD", "build/release"), ("MIFENG_SOURCE", ".")):
    os.environ.setdefault(name, str(ROOT / path))
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/keyholders"), str(ROOT / "tests/wire")]
import bench_result  # noqa: E402
import wire  # noqa: E402

wire.WAIT = 300  # before its users take it for a default: sealing gigabytes takes its time
import keyholders  # noqa: E402


def memory_folder(path, user):
    """As the tests make it, and large enough."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MIB + 64}m,mode=0750,uid={user},gid={keyholders.GROUP},nosuid,nodev",
                    "tmpfs", path], check=True)
    return path


def copy(segments, folder):
    target = memory_folder(folder / "copy", 0)
    try:
        started = time.monotonic()
        with open(target / "segments", "wb") as out:
            subprocess.run(["cat", segments], stdout=out, check=True)
        return time.monotonic() - started
    finally:
        subprocess.run(["umount", target], check=True)
        target.rmdir()


def open_once(folder, image, platform):
    started = time.monotonic()
    container = keyholders.Container(folder, image, platform)
    try:
        container.wait_ready(600)
        ready = time.monotonic() - started
        return int(re.search(r"payload opened into memory in (\d+) ms", container.log())[1]) / 1000, ready
    finally:
        container.stop()


def main():
    bench_result.build("programs", "platform_standin")
    where = bench_result.machine()
    keyholders.memory_folder = memory_folder
    with tempfile.TemporaryDirectory(prefix="mfb-", dir="/tmp") as path:
        folder = pathlib.Path(path)
        folder.chmod(0o755)
        image = keyholders.Image(folder)
        with open(image.payload / "large.bin", "wb") as large:
            for _ in range(MIB):
                large.write(os.urandom(1 << 20))
        platform = keyholders.Platform(folder, image.root / "mifeng", image.payload)
        segments = image.root / "mifeng/payload/segments"
        try:
            cat, opened, ready = [], [], []
            for _ in range(ROUNDS):  # in turns, so that what else the machine does meets both
                cat.append(copy(segments, folder))
                took, whole = open_once(folder, image, platform)
                opened.append(took)
                ready.append(whole)
        finally:
            platform.stop()
    middle = {name: round(statistics.median(times), 2) for name, times in
              (("cat_s", cat), ("opened_s", opened), ("ready_s", ready))}
    bench_result.finish("payload", "./bench/run payload", {
        "MiB": MIB, "rounds": ROUNDS, **middle, "opened_over_cat": round(middle["opened_s"] / middle["cat_s"], 2)}, where)


MIB = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
main()
