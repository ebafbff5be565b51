"""./bench/run sm4-gcm [TIER]: SM4-GCM by each of our tiers against libgcrypt, 64 bytes to 1 MiB, one key and a new key each,
and one key with the text in pieces of 4 KiB.

Medians of interleaved repetitions of processor time on one core, so that what else the machine does meets all alike. The ratios
without a tier's name are those of the tier that this processor gets by itself, or of TIER; with a TIER only that one is
measured and the result stored under its name."""
import sys

import bench_result

NAMES = {64: "64B", 256: "256B", 1024: "1KiB", 4096: "4KiB", 16384: "16KiB", 65536: "64KiB", 1 << 20: "1MiB"}


def medians(tier):
    context, names = bench_result.medians(
        "sm4_gcm_bench", 0.01, f"^({tier}|libgcrypt|openssl.*)/" if tier else ".")
    times = {}
    for name, time in names.items():
        who, keys, size = name.split("/")
        times[who, keys, int(size)] = time
    return context["tier"], times


def main():
    forced = sys.argv[1] if len(sys.argv) > 1 else None
    bench_result.build("sm4_gcm_bench")
    where = bench_result.machine()
    best, times = medians(forced)
    tier = forced or best
    whos = sorted({who for who, _, _ in times})
    if tier not in whos:
        sys.exit(f"this processor cannot run {tier}")

    def ratio(who, keys, size):
        return round(times["libgcrypt", keys, size] / times[who, keys, size], 2)

    values = {"tier": tier, "ratio_to_libgcrypt_1MiB": ratio(tier, "one_key", 1 << 20),
              "ratio_to_libgcrypt_1KiB_new_key": ratio(tier, "new_key", 1024)}
    for who in whos:
        if who != "libgcrypt" and not who.startswith("openssl"):
            values[f"{who}_ratio_to_libgcrypt_1MiB"] = ratio(who, "one_key", 1 << 20)
            values[f"{who}_ratio_to_libgcrypt_1KiB_new_key"] = ratio(who, "new_key", 1024)
        for keys in ("one_key", "new_key", "pieces"):
            for size, name in NAMES.items():
                if (who, keys, size) in times:
                    values[f"{who}_{keys}_{name}_us"] = round(times[who, keys, size] / 1000, 3)
        values[f"{who}_1MiB_MBps"] = round((1 << 20) / times[who, "one_key", 1 << 20] * 1000)
    command = "./bench/run sm4-gcm" + (f" {forced}" if forced else "")
    bench_result.finish("sm4-gcm" + (f"-{forced}" if forced else ""), command, values, where)


if __name__ == "__main__":
    main()
