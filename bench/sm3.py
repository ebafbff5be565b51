"""./bench/run sm3: SM3 of one message and of many pieces of 4 KiB, by all that this processor has, against OpenSSL.

Medians of interleaved repetitions of processor time. `ratio_single_to_scalar_1MiB` is what expanding eight blocks in
vector registers adds to the scalar code that was all there was before."""
import json
import subprocess

import bench_result


def medians():
    output = subprocess.run(
        [bench_result.ROOT / "build/release/bench/sm3_bench", "--benchmark_format=json", "--benchmark_min_time=0.02",
         "--benchmark_repetitions=15", "--benchmark_enable_random_interleaving=true",
         "--benchmark_report_aggregates_only=true"], check=True, capture_output=True, text=True).stdout
    document = json.loads(output)
    return document["context"]["widest"], {
        result["run_name"]: result["cpu_time"] for result in document["benchmarks"]
        if result["aggregate_name"] == "median"}


def main():
    bench_result.build("sm3_bench")
    where = bench_result.machine()
    widest, times = medians()

    def speed(name):
        return int(name.rsplit("/", 1)[1]) / times[name] * 1000

    openssl = speed(f"openssl/one/{1 << 20}")
    values = {"lanes": int(widest), "ratio_many_to_openssl": round(speed(f"lanes_chosen/many/{1 << 20}") / openssl, 2),
              "ratio_single_to_scalar_1MiB": round(speed(f"chosen/blocks/{1 << 20}") / speed(f"scalar/blocks/{1 << 20}"), 2),
              "ratio_single_to_openssl_1MiB": round(speed(f"ours/one/{1 << 20}") / openssl, 2)}
    for name in sorted(times):
        key = name.replace("/", "_")
        values[f"{key}_us"] = round(times[name] / 1000, 3)
        values[f"{key}_MBps"] = round(speed(name), 1)
    bench_result.finish("sm3", "./bench/run sm3", values, where)


if __name__ == "__main__":
    main()
