"""./bench/run sm3: SM3 of one message and of many pieces of 4 KiB, by all that this processor has, against OpenSSL.

Medians of interleaved repetitions of processor time on one core. `ratio_single_to_scalar_1MiB` is what expanding eight blocks in
vector registers adds to the scalar code that was all there was before."""
import bench_result


def main():
    bench_result.build("sm3_bench")
    where = bench_result.machine()
    context, times = bench_result.medians("sm3_bench", 0.02)
    widest = context["widest"]

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
