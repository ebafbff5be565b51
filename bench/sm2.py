"""./bench/run sm2: signing and verifying 100 bytes and decrypting 16 with SM2, by our own code against OpenSSL.

Medians of interleaved repetitions of processor time on one core, so that what else the machine does meets all alike."""
import sys

import bench_result

OPERATIONS = ("sign", "verify", "decrypt")


def main():
    bench_result.build("sm2_bench")
    where = bench_result.machine()
    context, times = bench_result.medians("sm2_bench", 0.05)
    tier = context["tier"]
    if tier == "openssl":
        sys.exit("this processor has no tier but OpenSSL: there is nothing to compare")
    values = {"tier": tier}
    for operation in OPERATIONS:
        values[f"ratio_{operation}_to_openssl"] = round(times[f"openssl/{operation}"] / times[f"{tier}/{operation}"], 2)
    for name in sorted(times):
        values[f"{name.replace('/', '_')}_us"] = round(times[name] / 1000, 2)
    bench_result.finish("sm2", "./bench/run sm2", values, where)


if __name__ == "__main__":
    main()
