"""./bench/run crypto: processor time of SM3, SM4-GCM and SM2 per library, and of opening and sealing responses.

Medians of several repetitions of processor (not wall) time, so that other work on the machine disturbs it less."""
import json
import subprocess
import sys

import bench_result

PROGRAMS = ["crypto_bench", "sealed_bench"]


def run(program, repetitions):
    output = subprocess.run(
        [bench_result.ROOT / "build/release/bench" / program, "--benchmark_format=json", "--benchmark_min_time=0.1",
         f"--benchmark_repetitions={repetitions}", "--benchmark_report_aggregates_only=true"],
        check=True, capture_output=True, text=True).stdout
    for result in json.loads(output)["benchmarks"]:
        if result.get("error_occurred"):
            sys.exit(f"{result['name']}: {result['error_message']}")
        if result["aggregate_name"] == "median":
            yield result["run_name"].replace("/", "_"), result


def main():
    bench_result.build(*PROGRAMS)
    where = bench_result.machine()
    values = {}
    for program in PROGRAMS:
        for name, result in run(program, 5):
            assert result["time_unit"] == "ns"
            values[f"{name}_us"] = round(result["cpu_time"] / 1000, 3)
            if result.get("bytes_per_second"):
                values[f"{name}_MBps"] = round(result["bytes_per_second"] / 1e6, 1)
    bench_result.finish("crypto", "./bench/run crypto", values, where)


if __name__ == "__main__":
    main()
