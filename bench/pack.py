"""Seconds to pack the two examples: cold (an empty cache: base image, wheels and compilers' work), with the dependencies
cached and the model built again, and where nothing has changed. Beside them the packages' sizes and `mifeng verify`."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import bench_result

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / "build/bin/mifeng"
CARD = ROOT / "build/release/tests/package/make_card"
EXAMPLES = ["tumor-cpp", "digits-python"]


def seconds(command):
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return round(time.monotonic() - begin, 2)


def main():
    bench_result.build("programs", "make_card")
    where = bench_result.machine()
    result = {}
    with tempfile.TemporaryDirectory(prefix="mifeng-bench-") as scratch:
        folder = pathlib.Path(scratch)
        subprocess.run([CARD, folder], check=True)
        for example in EXAMPLES:
            project = folder / example
            shutil.copytree(ROOT / "examples" / example, project, ignore=shutil.ignore_patterns("build", "__pycache__"))
            package = folder / f"{example}.mfpkg"
            cache = folder / f"cache-{example}"
            pack = [BIN, "pack", project, "--for", folder / "card.json", "--sign", folder / "vendor.key", "--cache", cache,
                    "--output-file", package]
            print(f"{example}: cold", file=sys.stderr)
            cold = seconds(pack)
            print(f"{example}: again, dependencies cached", file=sys.stderr)
            warm = seconds([*pack, "--again"])
            unchanged = seconds(pack)
            verify = seconds([BIN, "verify", package, "--vendor", folder / "vendor.pub"])
            for name, value in (("cold_s", cold), ("warm_s", warm), ("unchanged_s", unchanged), ("verify_s", verify),
                                ("package_MiB", round(os.path.getsize(package) / 2**20, 1))):
                result[f"{example}_{name}"] = value
    bench_result.finish("pack", "./bench/run pack", result, where)


if __name__ == "__main__":
    main()
