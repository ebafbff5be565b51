#include "mifeng/sealed/root_key.h"

#include <algorithm>
#include <array>

#include "guard.h"
#include "header_layout.h"
#include "mifeng/crypto/kdf.h"
#include "mifeng/sealed/failure.h"

namespace mifeng::sealed {
namespace {

constexpr std::array<std::uint8_t, 32> kExtractSalt{};
constexpr std::string_view kStreamLabel = "mifeng/v1/";
constexpr std::string_view kSegmentLabel = "mifeng/v1/segment";

crypto::HmacSm3Key extract(const Secret<kRootKeySize>& key) {
  return crypto::HmacSm3Key(crypto::hkdf_sm3_extract(kExtractSalt, key.reveal_for_computing()).reveal_for_computing());
}

// HKDF-Expand of exactly one block: HMAC(prk, info || 01), with `info` in its pieces.
crypto::HmacSm3Key expand_stream_key(const crypto::HmacSm3Key& prk, Kind kind,
                                     std::span<const std::uint8_t, kSaltSize> salt, ByteView context) {
  static constexpr std::array<std::uint8_t, 1> kFirstBlock = {1};
  crypto::HmacSm3 mac(prk);
  mac.update(as_bytes(kStreamLabel)).update(as_bytes(to_string(kind))).update(salt).update(context);
  crypto::Sm3Digest stream_key = mac.update(kFirstBlock).finish();
  crypto::HmacSm3Key key(stream_key);
  wipe(stream_key.data(), stream_key.size());
  return key;
}

Error refused(const char* reason, const char* message) { return Error(ErrorCode::kInvalidArgument, reason, message); }

Result<void> check_options(const SenderKeyOptions& options) {
  const int exponent_max = options.kind == Kind::kResponse ? kResponseExponentMax : kExponentMax;
  if (options.exponent < kExponentMin || options.exponent > exponent_max)
    return refused("bad-exponent", "a segment exponent is 10 to 24, and at most 16 for responses");
  if (options.recipients.empty() || options.recipients.size() > kRecipientsMax)
    return refused("bad-recipient-count", "a stream is sealed to 1 to 16 recipients");
  if (options.kind == Kind::kGrant && options.recipients.size() != 1)
    return refused("bad-recipient-count", "a grant is sealed to exactly one recipient");
  for (std::size_t i = 0; i < options.recipients.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k)
      if (options.recipients[i].key_id() == options.recipients[k].key_id())
        return refused("duplicate-recipient", "a recipient is named twice; name each once");
    if (options.signer != nullptr && options.signer->public_key().key_id() == options.recipients[i].key_id())
      return refused("signer-is-recipient", "a key pair that signs must not also decrypt; use two key pairs");
  }
  return ok();
}

void append_block(Bytes& to, const crypto::KeyId& key_id, ByteView content) {
  append(to, key_id);
  append_be(to, static_cast<std::uint16_t>(content.size()));
  append(to, content);
}

}  // namespace

RootKey::RootKey(Secret<kRootKeySize> key) : key_(std::move(key)), prk_(extract(key_)) {}

StreamKeys::StreamKeys(const RootKey& root_key, Kind kind, std::span<const std::uint8_t, kSaltSize> salt,
                       ByteView context)
    : stream_key_(expand_stream_key(root_key.prk_, kind, salt, context)) {}

crypto::Sm3Digest StreamKeys::header_mac(ByteView fixed_part, const crypto::Sm3Digest& blocks_digest) const {
  return crypto::HmacSm3(stream_key_).update(fixed_part).update(blocks_digest).finish();
}

Secret<16> StreamKeys::segment_key() const {
  crypto::Sm3Digest mac = crypto::HmacSm3(stream_key_).update(as_bytes(kSegmentLabel)).finish();
  Secret<16> key{std::span<const std::uint8_t, 16>(mac.data(), 16)};
  wipe(mac.data(), mac.size());
  return key;
}

Result<SenderKey> SenderKey::create(const SenderKeyOptions& options, Random& random) {
  Secret<kRootKeySize> key;
  random.fill(key.reveal_for_writing());
  return build(options, RootKey(std::move(key)));
}

Result<SenderKey> SenderKey::create_for_payload(const SenderKeyOptions& options, const RootKey& root_key) {
  if (options.kind != Kind::kPayload)
    return refused("not-a-payload", "only a payload may get a new header around its root key");
  return build(options, root_key.clone());
}

Result<SenderKey> SenderKey::build(const SenderKeyOptions& options, RootKey root_key) {
  return guarded([&]() -> Result<SenderKey> {
    MIFENG_CHECK(check_options(options));
    SenderKey made(std::move(root_key));
    made.kind_ = options.kind;
    made.exponent_ = options.exponent;
    made.recipient_count_ = static_cast<std::uint8_t>(options.recipients.size());
    for (const crypto::Sm2PublicKey& recipient : options.recipients) {
      MIFENG_TRY(const Bytes ciphertext, recipient.encrypt(made.root_key_.reveal_for_grant().reveal_for_computing()));
      append_block(made.blocks_, recipient.key_id(), ciphertext);
    }
    if (options.signer != nullptr) {
      const Bytes statement = sender_statement(options.kind, options.exponent, made.recipient_count_, made.blocks_);
      MIFENG_TRY(const Bytes signature, options.signer->sign(statement));
      append_block(made.blocks_, options.signer->public_key().key_id(), signature);
      made.signed_ = true;
    }
    if (made.header_size() > kHeaderSizeMax) return refused("header-too-long", "too many recipients for one header");
    made.blocks_digest_ = crypto::sm3(made.blocks_);
    return made;
  });
}

Result<SenderKey> SenderKey::from_parts(Parts parts, RootKey root_key) {
  return guarded([&]() -> Result<SenderKey> {
    if (parts.exponent < kExponentMin ||
        parts.exponent > (parts.kind == Kind::kResponse ? kResponseExponentMax : kExponentMax))
      return refused("bad-exponent", "a segment exponent is 10 to 24, and at most 16 for responses");
    if (parts.recipient_count < 1 || parts.recipient_count > kRecipientsMax)
      return refused("bad-recipient-count", "a stream is sealed to 1 to 16 recipients");
    SenderKey made(std::move(root_key));
    made.kind_ = parts.kind;
    made.exponent_ = parts.exponent;
    made.recipient_count_ = parts.recipient_count;
    made.signed_ = parts.is_signed;
    made.blocks_ = std::move(parts.blocks);
    if (made.header_size() > kHeaderSizeMax) return failure(FailureClass::kHeaderTooLong);
    made.blocks_digest_ = crypto::sm3(made.blocks_);
    // What a receiver would refuse of the layout is refused here, before it goes into every stream.
    static constexpr std::array<std::uint8_t, kSaltSize> kAnySalt{};
    const StreamKeys any_keys(made.root_key_, made.kind_, kAnySalt, {});
    Policy policy;
    policy.kind = made.kind_;
    MIFENG_CHECK(Header::parse(made.make_header(kAnySalt, true, any_keys), policy));
    return made;
  });
}

}  // namespace mifeng::sealed
