// The root key K and what is kept with it; a sender's root key with its recipient blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "mifeng/base/random.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/sealed/header.h"

namespace mifeng::sealed {

// K with the HMAC pads of prk = HKDF-Extract(32 zero bytes, K), made once. All of it in locked memory. Immutable.
class RootKey {
 public:
  explicit RootKey(Secret<kRootKeySize> key);
  RootKey clone() const { return RootKey(key_.clone(), prk_.clone()); }
  // For what hands it on (a grant carries the payload's root key).
  const Secret<kRootKeySize>& reveal_for_grant() const { return key_; }

 private:
  friend class StreamKeys;
  RootKey(Secret<kRootKeySize> key, crypto::HmacSm3Key prk) : key_(std::move(key)), prk_(std::move(prk)) {}
  Secret<kRootKeySize> key_;
  crypto::HmacSm3Key prk_;
};

// What one stream uses, derived from root key, kind, salt and context.
class StreamKeys {
 public:
  StreamKeys(const RootKey& root_key, Kind kind, std::span<const std::uint8_t, kSaltSize> salt, ByteView context);
  // HMAC-SM3(stream key, header[0..28) || blocks_digest).
  crypto::Sm3Digest header_mac(ByteView fixed_part, const crypto::Sm3Digest& blocks_digest) const;
  Secret<16> segment_key() const;

 private:
  crypto::HmacSm3Key stream_key_;
};

// A sender of responses makes a new SenderKey at the latest after this many streams or this long.
inline constexpr std::uint64_t kResponseStreamsMax = std::uint64_t{1} << 20;
inline constexpr std::chrono::minutes kResponseKeyAgeMax{15};

struct SenderKeyOptions {
  Kind kind = Kind::kPayload;
  int exponent = 16;                                      // e; at most 16 for responses
  std::span<const crypto::Sm2PublicKey> recipients = {};  // 1..16, no key id twice
  const crypto::Sm2PrivateKey* signer = nullptr;          // none: unsigned. Used here once, not kept
};

// A fresh root key, encrypted to its recipients and signed: one SM2 encryption a recipient and one signature, made once
// and used for many streams. Hand it to Sealer. One thread at a time.
class SenderKey {
 public:
  // kInvalidArgument: "bad-exponent", "bad-recipient-count", "duplicate-recipient", "header-too-long",
  // "signer-is-recipient" (a key pair that signs must not also decrypt).
  static Result<SenderKey> create(const SenderKeyOptions& options, Random& random);
  // The same around a root key that exists: only for a payload that gets a new header (more recipients, the same
  // segments); "not-a-payload" for another kind.
  static Result<SenderKey> create_for_payload(const SenderKeyOptions& options, const RootKey& root_key);

  // What a keyholder hands to the process that seals with its key, beside root_key().reveal_for_grant().
  struct Parts {
    Kind kind = Kind::kResponse;
    int exponent = 16;
    std::uint8_t recipient_count = 1;
    bool is_signed = true;
    Bytes blocks;  // header[28 .. H-32)
  };
  Parts parts() const { return {kind_, exponent_, recipient_count_, signed_, blocks_}; }
  // The other end of it. The blocks are taken as they are, but for what Header::parse refuses of their layout: that
  // class, or kInvalidArgument "bad-exponent", "bad-recipient-count".
  static Result<SenderKey> from_parts(Parts parts, RootKey root_key);

  Kind kind() const { return kind_; }
  int exponent() const { return exponent_; }
  std::size_t header_size() const { return kFixedPartSize + blocks_.size() + kMacSize; }  // H, of every stream
  const RootKey& root_key() const { return root_key_; }
  std::uint64_t streams() const { return streams_; }  // begun so far

 private:
  friend class Sealer;
  friend struct LimitsSeam;  // src/limits_seam.h
  friend Result<Bytes> replace_payload_header(const Header& old_header, const SenderKey& key, ByteView context);
  explicit SenderKey(RootKey root_key) : root_key_(std::move(root_key)) {}
  static Result<SenderKey> build(const SenderKeyOptions& options, RootKey root_key);
  Bytes make_header(std::span<const std::uint8_t, kSaltSize> salt, bool fixed, const StreamKeys& keys) const;

  RootKey root_key_;
  Kind kind_ = Kind::kPayload;
  int exponent_ = 0;
  std::uint8_t recipient_count_ = 0;
  bool signed_ = false;
  Bytes blocks_;                       // header[28 .. H-32)
  crypto::Sm3Digest blocks_digest_{};  // SM3 of them
  std::uint64_t streams_ = 0;
};

}  // namespace mifeng::sealed
