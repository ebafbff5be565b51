// SM2 by every tier that this processor has; one of them is OpenSSL. bench/sm2.py runs it.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "mifeng/crypto/sm2.h"

int main(int argc, char** argv) {
  using namespace mifeng::crypto;
  const auto key = std::make_shared<const Sm2PrivateKey>(Sm2PrivateKey::generate().value());
  const mifeng::Bytes message(100, 0x5a);
  const mifeng::Bytes signature = key->sign(message).value();
  const mifeng::Bytes ciphertext = key->public_key().encrypt(mifeng::Bytes(16, 0x5a)).value();
  for (const Sm2Tier tier : kSm2Tiers) {
    if (!is_supported(tier)) continue;
    const std::string name = to_string(tier);
    benchmark::RegisterBenchmark((name + "/sign").c_str(), [=](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(key->sign(message, tier).value());
    });
    benchmark::RegisterBenchmark((name + "/verify").c_str(), [=](benchmark::State& state) {
      for (auto _ : state)
        if (!key->public_key().verify(message, signature, tier)) state.SkipWithError("refused");
    });
    benchmark::RegisterBenchmark((name + "/decrypt").c_str(), [=](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(key->decrypt(ciphertext, tier).value());
    });
  }
  benchmark::AddCustomContext("tier", to_string(best_sm2_tier()));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
