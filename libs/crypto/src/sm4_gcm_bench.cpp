// Sealing with SM4-GCM by every tier that this processor has, by libgcrypt, and what OpenSSL has beside it: SM4 in
// counter mode (no GCM) and AES-128-GCM, the limit of what a processor made for it does. bench/sm4-gcm.py runs it.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/crypto/sm4_gcm.h"
#include "sm4_gcm_gcrypt.h"

namespace mifeng::crypto {
namespace {

constexpr std::int64_t kSizes[] = {64, 256, 1024, 4096, 16'384, 65'536, 1 << 20};
constexpr std::size_t kPiece = 4096;
constexpr std::array<std::uint8_t, kGcmNonceSize> kNonce{};

void seal(Sm4GcmCipher& cipher, Bytes& data) {
  std::array<std::uint8_t, kGcmTagSize> tag;
  cipher.seal(kNonce, as_bytes("0123"), data, data, tag);
  benchmark::DoNotOptimize(tag);
}

void measure(const std::string& name, void (*run)(benchmark::State&, const char*), const char* what) {
  auto* registered = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    run(state, what);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  });
  for (const std::int64_t size : kSizes) registered->Arg(size);
}

void measure_provider(const std::string& name, std::shared_ptr<Sm4GcmProvider> provider) {
  const auto one_key = [=](benchmark::State& state) {
    const std::array<std::uint8_t, kSm4KeySize> key{1};
    Bytes data(static_cast<std::size_t>(state.range(0)));
    const auto cipher = provider->cipher(key).value();
    for (auto _ : state) seal(*cipher, data);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  };
  const auto new_key = [=](benchmark::State& state) {
    std::array<std::uint8_t, kSm4KeySize> key{1};
    Bytes data(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
      ++key[3];
      seal(*provider->cipher(key).value(), data);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  };
  // As a proxy has it in its buffers, the first of which begins with something else: the cuts go through blocks.
  const auto in_pieces = [=](benchmark::State& state) {
    const std::array<std::uint8_t, kSm4KeySize> key{1};
    Bytes data(static_cast<std::size_t>(state.range(0)));
    std::vector<GcmPiece> pieces;
    for (std::size_t at = 0; at < data.size(); at += pieces.back().in.size()) {
      const std::size_t size = std::min(at == 0 ? kPiece - 20 : kPiece, data.size() - at);
      const MutableBytes piece = MutableBytes(data).subspan(at, size);
      pieces.push_back({piece, piece});
    }
    const auto cipher = provider->cipher(key).value();
    std::array<std::uint8_t, kGcmTagSize> tag;
    for (auto _ : state) {
      cipher->seal(kNonce, as_bytes("0123"), pieces, tag);
      benchmark::DoNotOptimize(tag);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  };
  auto* one = benchmark::RegisterBenchmark((name + "/one_key").c_str(), one_key);
  auto* fresh = benchmark::RegisterBenchmark((name + "/new_key").c_str(), new_key);
  for (const std::int64_t size : kSizes) {
    one->Arg(size);
    fresh->Arg(size);
  }
  auto* pieces = benchmark::RegisterBenchmark((name + "/pieces").c_str(), in_pieces);
  for (const std::int64_t size : {65'536, 1 << 20}) pieces->Arg(size);
}

void run_openssl(benchmark::State& state, const char* algorithm) {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, algorithm, nullptr);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  const std::array<std::uint8_t, 16> key{1};
  const std::array<std::uint8_t, 16> nonce{};
  Bytes data(static_cast<std::size_t>(state.range(0)));
  EVP_EncryptInit_ex2(context, cipher, key.data(), nonce.data(), nullptr);
  for (auto _ : state) {
    int size = 0;
    EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr);
    EVP_EncryptUpdate(context, data.data(), &size, data.data(), static_cast<int>(data.size()));
    EVP_EncryptFinal_ex(context, data.data() + size, &size);
    benchmark::DoNotOptimize(data.data());
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
}

}  // namespace
}  // namespace mifeng::crypto

int main(int argc, char** argv) {
  using namespace mifeng::crypto;
  for (const Sm4Tier tier : kSm4Tiers)
    if (is_supported(tier)) measure_provider(to_string(tier), Sm4GcmProvider::create(tier).value());
  auto reference = create_gcrypt_provider();
  if (!reference) return 1;
  measure_provider("libgcrypt", std::move(*reference));
  measure("openssl_sm4_ctr/one_key", run_openssl, "SM4-CTR");
  measure("openssl_aes_128_gcm/one_key", run_openssl, "AES-128-GCM");
  benchmark::AddCustomContext("tier", to_string(best_sm4_tier()));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
