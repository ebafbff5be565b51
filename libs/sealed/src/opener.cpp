#include <algorithm>
#include <array>
#include <cstring>

#include "guard.h"
#include "limits_seam.h"
#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"
#include "segment.h"

namespace mifeng::sealed {

struct Opener::State {
  // What the header is checked with; `private_key` or `root_key` is there until it has arrived.
  Policy policy;
  const crypto::Sm2PrivateKey* private_key = nullptr;
  std::optional<RootKey> root_key;
  Bytes context;
  crypto::Sm4GcmProvider* provider = nullptr;
  HeaderReader reader{Policy{}};

  std::optional<Header> header;  // verified
  std::unique_ptr<crypto::Sm4GcmCipher> cipher;

  // The segment that is arriving.
  std::uint64_t index = 0;
  std::array<std::uint8_t, kSegmentLengthSize> length_field{};
  std::size_t length_have = 0;
  bool final = false;
  std::size_t plaintext_size = 0;
  std::unique_ptr<std::uint8_t[]> buffer;  // ciphertext and tag, then plaintext in place
  std::size_t buffer_size = 0;
  std::size_t buffer_have = 0;

  bool finished = false;
  std::optional<Error> error;

  ~State() {
    if (buffer) wipe(buffer.get(), buffer_size);
  }

  Result<void> read_header(ByteView& in);
  Result<void> accept_header(Header arrived, const RootKey& key, ByteView stream_context,
                             const crypto::Sm3Digest* blocks_digest);
  Result<ByteView> read_segments(ByteView& in);
  Result<void> begin_segment();
  Result<ByteView> open_segment(ByteView ciphertext, crypto::ConstGcmTag tag);
  Result<void> reserve(std::size_t size);
};

Result<void> Opener::State::read_header(ByteView& in) {
  MIFENG_CHECK(reader.feed(in));
  if (!reader.done()) return ok();
  Header arrived = reader.take();
  if (private_key != nullptr) {
    MIFENG_TRY(RootKey unwrapped, unwrap_root_key(arrived, *private_key));
    root_key.emplace(std::move(unwrapped));
    private_key = nullptr;
  } else {
    MIFENG_CHECK(check_der(arrived));
  }
  return accept_header(std::move(arrived), *root_key, context, nullptr);
}

// Everything from the header MAC to the first segment.
Result<void> Opener::State::accept_header(Header arrived, const RootKey& key, ByteView stream_context,
                                          const crypto::Sm3Digest* blocks_digest) {
  MIFENG_TRY(const StreamKeys keys, check_header_mac(arrived, key, stream_context, blocks_digest));
  MIFENG_CHECK(check_signature(arrived, policy));
  if (arrived.kind() == Kind::kPayload && !arrived.is_fixed()) return failure(FailureClass::kFixedRule);
  MIFENG_TRY(cipher, provider->cipher(keys.segment_key().reveal_for_computing()));
  header.emplace(std::move(arrived));
  return ok();
}

// The length field is there: checks it against the header.
Result<void> Opener::State::begin_segment() {
  const auto field = load_be<std::uint32_t>(length_field);
  if ((field & kReservedBits) != 0) return failure(FailureClass::kReservedNotZero);
  final = (field & kFinalBit) != 0;
  plaintext_size = field & kLengthBits;
  if (plaintext_size > header->segment_size()) return failure(FailureClass::kSegmentTooLong);
  if (header->is_fixed() && (plaintext_size == header->segment_size()) == final)
    return failure(FailureClass::kFixedRule);
  return ok();
}

Result<void> Opener::State::reserve(std::size_t size) {
  if (size <= buffer_size) return ok();
  std::unique_ptr<std::uint8_t[]> larger(new (std::nothrow) std::uint8_t[size]);
  if (!larger) return out_of_memory();
  if (buffer) wipe(buffer.get(), buffer_size);
  buffer = std::move(larger);
  buffer_size = size;
  return ok();
}

Result<ByteView> Opener::State::open_segment(ByteView ciphertext, crypto::ConstGcmTag tag) {
  const MutableBytes plaintext(buffer.get(), plaintext_size);
  if (!cipher->open(segment_nonce(index, final), length_field, ciphertext, plaintext, tag))
    return failure(FailureClass::kBadTag);
  ++index;
  length_have = 0;
  buffer_have = 0;
  finished = final;
  return ByteView(plaintext);
}

Result<ByteView> Opener::State::read_segments(ByteView& in) {
  if (in.empty()) return ByteView{};
  if (finished) return failure(FailureClass::kTrailingData);
  if (length_have < length_field.size()) {
    if (index >= kSegmentsMax) return failure(FailureClass::kTooManySegments);
    const std::size_t take = std::min(length_field.size() - length_have, in.size());
    std::memcpy(length_field.data() + length_have, in.data(), take);
    length_have += take;
    in = in.subspan(take);
    if (length_have < length_field.size()) return ByteView{};
    MIFENG_CHECK(begin_segment());
    MIFENG_CHECK(reserve(plaintext_size + crypto::kGcmTagSize));
  }
  const std::size_t body = plaintext_size + crypto::kGcmTagSize;
  if (buffer_have == 0 && in.size() >= body) {  // all of it is here: no copy
    const ByteView segment = in.first(body);
    in = in.subspan(body);
    return open_segment(segment.first(plaintext_size), segment.last<crypto::kGcmTagSize>());
  }
  const std::size_t take = std::min(body - buffer_have, in.size());
  if (take != 0) std::memcpy(buffer.get() + buffer_have, in.data(), take);
  buffer_have += take;
  in = in.subspan(take);
  if (buffer_have < body) return ByteView{};
  const ByteView segment(buffer.get(), body);
  return open_segment(segment.first(plaintext_size), segment.last<crypto::kGcmTagSize>());
}

Opener::Opener(std::unique_ptr<State> state) : state_(std::move(state)) {}
Opener::Opener(Opener&&) noexcept = default;
Opener& Opener::operator=(Opener&&) noexcept = default;
Opener::~Opener() = default;

Opener::Opener(Policy policy, const crypto::Sm2PrivateKey& private_key, Bytes context, crypto::Sm4GcmProvider& provider)
    : state_(std::make_unique<State>()) {
  state_->reader = HeaderReader(policy);
  state_->policy = std::move(policy);
  state_->private_key = &private_key;
  state_->context = std::move(context);
  state_->provider = &provider;
}

Opener::Opener(Policy policy, RootKey root_key, Bytes context, crypto::Sm4GcmProvider& provider)
    : state_(std::make_unique<State>()) {
  state_->reader = HeaderReader(policy);
  state_->policy = std::move(policy);
  state_->root_key.emplace(std::move(root_key));
  state_->context = std::move(context);
  state_->provider = &provider;
}

Result<Opener> Opener::resume(const Policy& policy, Header header, const RootKey& root_key, ByteView context,
                              crypto::Sm4GcmProvider& provider, const crypto::Sm3Digest* blocks_digest) {
  return guarded([&]() -> Result<Opener> {
    auto state = std::make_unique<State>();
    state->policy = policy;
    state->provider = &provider;
    // Blocks whose digest is at hand were parsed when their key came into the cache.
    if (blocks_digest == nullptr) MIFENG_CHECK(check_der(header));
    MIFENG_CHECK(state->accept_header(std::move(header), root_key, context, blocks_digest));
    return Opener(std::move(state));
  });
}

Result<ByteView> Opener::next(ByteView& in) {
  State& state = *state_;
  return guarded(state.error, [&]() -> Result<ByteView> {
    if (!state.header) {
      MIFENG_CHECK(state.read_header(in));
      if (!state.header) return ByteView{};
    }
    return state.read_segments(in);
  });
}

Result<void> Opener::finish() {
  State& state = *state_;
  return guarded(state.error, [&]() -> Result<void> {
    if (state.finished) return ok();
    const bool too_many = state.header && state.length_have == 0 && state.index >= kSegmentsMax;
    return failure(too_many ? FailureClass::kTooManySegments : FailureClass::kTruncated);
  });
}

bool Opener::finished() const { return state_->finished && !state_->error; }
const std::optional<Header>& Opener::header() const { return state_->header; }
const std::optional<RootKey>& Opener::root_key() const {
  static const std::optional<RootKey> kNone;
  return state_->header ? state_->root_key : kNone;
}

void LimitsSeam::begin_at_segment(Opener& opener, std::uint64_t index) { opener.state_->index = index; }

Result<SecretBytes> open(const Policy& policy, const crypto::Sm2PrivateKey& private_key, ByteView context,
                         ByteView stream, crypto::Sm4GcmProvider& provider) {
  return guarded([&]() -> Result<SecretBytes> {
    Opener opener(policy, private_key, Bytes(context.begin(), context.end()), provider);
    SecretBytes room(stream.size());  // plaintext is never longer
    std::size_t size = 0;
    do {
      MIFENG_TRY(const ByteView plaintext, opener.next(stream));
      if (!plaintext.empty()) std::memcpy(room.reveal_for_writing().data() + size, plaintext.data(), plaintext.size());
      size += plaintext.size();
    } while (!stream.empty());
    MIFENG_CHECK(opener.finish());
    return SecretBytes(room.reveal_for_copying().first(size));
  });
}

}  // namespace mifeng::sealed
