// Writes the seeds of stream_fuzz and header_fuzz: streams under the root key that stream_fuzz knows (zeros).
//   build/release/libs/sealed_fixture/fuzz_seeds libs/sealed/fuzz
#include <algorithm>
#include <cstdio>

#include "mifeng/os/file.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/sealed_fixture/feed.h"

namespace mifeng::sealed {
namespace {

class ZeroRandom final : public Random {
 public:
  void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), std::uint8_t{0}); }
};

struct Seed {
  const char* name;
  Kind kind;
  Segmentation segmentation;
  std::size_t recipients;
  bool is_signed;
  std::vector<std::size_t> pieces;
};

Bytes make(const Seed& seed) {
  ZeroRandom random;
  const auto provider = crypto::Sm4GcmProvider::create().value();
  const auto signer = crypto::Sm2PrivateKey::generate().value();
  std::vector<crypto::Sm2PublicKey> recipients;
  for (std::size_t i = 0; i < seed.recipients; ++i)
    recipients.push_back(crypto::Sm2PrivateKey::generate().value().public_key());
  SenderKeyOptions options;
  options.kind = seed.kind;
  options.exponent = 10;
  options.recipients = recipients;
  options.signer = seed.is_signed ? &signer : nullptr;
  auto key = SenderKey::create(options, random).value();
  auto sealer =
      Sealer::create(key, {.segmentation = seed.segmentation, .context = as_bytes("fuzz")}, random, *provider).value();
  Bytes out(sealer.header().begin(), sealer.header().end());
  for (const std::size_t size : seed.pieces) {
    testing::feed(sealer, Bytes(size, 'x'), Sealer::After::kMore, out).value();
    if (seed.segmentation == Segmentation::kFlushed) testing::feed(sealer, {}, Sealer::After::kFlush, out).value();
  }
  testing::feed(sealer, {}, Sealer::After::kLast, out).value();
  return out;
}

}  // namespace
}  // namespace mifeng::sealed

int main(int argc, char** argv) {
  using namespace mifeng;
  using namespace mifeng::sealed;
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const std::string folder = argv[1];
  for (const Seed& seed : {Seed{"payload", Kind::kPayload, Segmentation::kFixed, 2, true, {1100}},
                           Seed{"payload-empty", Kind::kPayload, Segmentation::kFixed, 1, false, {}},
                           Seed{"response", Kind::kResponse, Segmentation::kFlushed, 1, true, {5, 1024, 7}},
                           Seed{"response-fixed", Kind::kResponse, Segmentation::kFixed, 1, false, {20}},
                           Seed{"grant", Kind::kGrant, Segmentation::kFixed, 1, true, {40}}}) {
    const Bytes stream = make(seed);
    Bytes with_way(1 + stream.size(), 9);
    std::copy(stream.begin(), stream.end(), with_way.begin() + 1);
    write_file_atomic(folder + "/stream/" + seed.name, with_way).value();
    write_file_atomic(folder + "/header/" + seed.name,
                      ByteView(stream).first(std::min<std::size_t>(stream.size(), 700)))
        .value();
  }
  return 0;
}
