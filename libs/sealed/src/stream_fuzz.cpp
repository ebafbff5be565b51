// Any bytes as a stream under a known root key. The header MAC is made right first, since no fuzzer guesses it: so the
// segments are reached. The first byte is how the input arrives; the way must not change what comes out.
#include <algorithm>
#include <cstdlib>

#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/open.h"

namespace {

using namespace mifeng;
using namespace mifeng::sealed;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  Bytes released;
  std::string reason;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

const RootKey& root_key() {
  static const RootKey key{Secret<kRootKeySize>()};  // zero, as in the seeds
  return key;
}

Outcome open_in_pieces(ByteView stream, std::size_t piece) {
  static const auto provider = crypto::Sm4GcmProvider::create().value();
  Outcome outcome;
  Opener opener(Policy{}, root_key().clone(), to_bytes("fuzz"), *provider);
  while (!stream.empty()) {
    const std::size_t size = std::min(piece, stream.size());
    ByteView rest = stream.first(size);
    auto result = opener.next(rest);
    for (; result; result = opener.next(rest)) {
      append(outcome.released, *result);
      if (rest.empty()) break;
    }
    stream = stream.subspan(size);
    if (!result) {
      outcome.reason = result.error().reason();
      require(failure_class_of(result.error()).has_value());
      return outcome;
    }
  }
  const auto end = opener.finish();
  require(end.has_value() == opener.finished());
  outcome.reason = end ? "ok" : end.error().reason();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes stream(data + 1, data + size);
  if (const auto header = Header::parse(stream, {})) {
    const StreamKeys keys(root_key(), header->kind(), header->salt(), as_bytes("fuzz"));
    const auto mac = keys.header_mac(ByteView(stream).first(kFixedPartSize), crypto::sm3(header->blocks()));
    std::copy(mac.begin(), mac.end(), stream.begin() + static_cast<std::ptrdiff_t>(header->size() - kMacSize));
  }
  const Outcome whole = open_in_pieces(stream, stream.size() + 1);
  require(whole.released.size() <= stream.size());
  require(open_in_pieces(stream, 1 + data[0]) == whole);
  return 0;
}
