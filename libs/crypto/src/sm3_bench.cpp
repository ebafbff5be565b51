// SM3 of one message and of many, by what this processor has, beside OpenSSL and libgcrypt. bench/sm3.py runs it.
#include <benchmark/benchmark.h>
#include <gcrypt.h>
#include <openssl/evp.h>

#include <string>

#include "mifeng/crypto/sm3.h"
#include "sm3_compress.h"
#include "sm3_lanes.h"

namespace mifeng::crypto {
namespace {

constexpr std::int64_t kSizes[] = {32, 256, 1024, 4096, 65'536, 1 << 20};
constexpr std::size_t kPiece = 4096;

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

template <typename Hash>
void measure(const std::string& name, Hash hash) {
  auto* registered = benchmark::RegisterBenchmark((name + "/one").c_str(), [=](benchmark::State& state) {
    const Bytes data(static_cast<std::size_t>(state.range(0)), 0x5a);
    for (auto _ : state) {
      Sm3Digest digest;
      hash(data, digest);
      benchmark::DoNotOptimize(digest);
    }
    count_bytes(state);
  });
  for (const std::int64_t size : kSizes) registered->Arg(size);
}

// Whole blocks by one way to compress: the time of a message without its padding.
void measure_compression(const std::string& name, Sm3Compress compress) {
  auto* registered = benchmark::RegisterBenchmark((name + "/blocks").c_str(), [=](benchmark::State& state) {
    const Bytes data(static_cast<std::size_t>(state.range(0)), 0x5a);
    std::array<std::uint32_t, 8> chain{};
    for (auto _ : state) {
      compress(chain.data(), data.data(), data.size() / kSm3BlockSize);
      benchmark::DoNotOptimize(chain);
    }
    count_bytes(state);
  });
  for (const std::int64_t size : {1024, 1 << 20}) registered->Arg(size);
}

void measure_many(const std::string& name, std::vector<Sm3Lanes> widths) {
  auto* registered = benchmark::RegisterBenchmark((name + "/many").c_str(), [=](benchmark::State& state) {
    const Bytes data(static_cast<std::size_t>(state.range(0)), 0x5a);
    std::vector<Sm3Digest> digests(data.size() / kPiece);
    for (auto _ : state) {
      sm3_many(widths, data, kPiece, digests);
      benchmark::DoNotOptimize(digests.data());
    }
    count_bytes(state);
  });
  for (const std::int64_t pieces : {8, 16, 32, 256}) registered->Arg(pieces * static_cast<std::int64_t>(kPiece));
}

void hash_by_openssl(const Bytes& data, Sm3Digest& digest) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SM3", nullptr);
  static EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestInit_ex2(context, algorithm, nullptr);
  EVP_DigestUpdate(context, data.data(), data.size());
  EVP_DigestFinal_ex(context, digest.data(), nullptr);
}

}  // namespace
}  // namespace mifeng::crypto

int main(int argc, char** argv) {
  using namespace mifeng::crypto;
  gcry_check_version(nullptr);
  measure("ours", [](const mifeng::Bytes& data, Sm3Digest& digest) { digest = sm3(data); });
  measure("openssl", hash_by_openssl);
  measure("libgcrypt", [](const mifeng::Bytes& data, Sm3Digest& digest) {
    gcry_md_hash_buffer(GCRY_MD_SM3, digest.data(), data.data(), data.size());
  });
  const auto compressions = supported_sm3_compressions();
  // What there was before messages were expanded in vector registers: the second best.
  measure_compression("chosen", compressions.front());
  measure_compression("scalar", compressions[compressions.size() > 1 ? 1 : 0]);
  const auto widths = supported_sm3_lanes();
  measure_many("lanes_chosen", widths);
  for (std::size_t i = 0; i < widths.size(); ++i)
    measure_many("lanes_" + std::to_string(i) + "_of_" + std::to_string(widths[i].count), {widths[i]});
  benchmark::AddCustomContext("widest", std::to_string(widths.empty() ? 1 : widths.front().count));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
