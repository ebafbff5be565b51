// The header of a sealed stream: its layout and the checks that need no key. Bytes in, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::sealed {

enum class Kind : std::uint8_t { kPayload = 1, kResponse = 2, kGrant = 3 };
std::string_view to_string(Kind kind);  // "payload", "response", "grant"
std::optional<Kind> kind_from_string(std::string_view name);

inline constexpr std::size_t kFixedPartSize = 28;  // bytes 0..27, those before the recipient blocks
inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kRootKeySize = 16;
inline constexpr std::size_t kMacSize = 32;
inline constexpr std::size_t kHeaderSizeMax = 4096;
inline constexpr std::size_t kRecipientsMax = 16;
inline constexpr int kExponentMin = 10;
inline constexpr int kExponentMax = 24;
inline constexpr int kResponseExponentMax = 16;  // what a gateway accepts, so what a sender of responses uses at most

enum class SignatureRule { kOptional, kRequired };

// What a receiver asks of a stream.
struct Policy {
  std::optional<Kind> kind = std::nullopt;  // none: any known kind (only `mifeng open` and `inspect` do that)
  int exponent_max = kExponentMax;
  SignatureRule signature = SignatureRule::kOptional;
  // Known: a signature that is there must be this key's. Unknown: it is not verified here, and a receiver that takes
  // the key from the plaintext or from elsewhere calls check_signature() of open.h itself.
  std::optional<crypto::Sm2PublicKey> signer = std::nullopt;
};

struct Recipient {
  crypto::KeyId key_id;
  ByteView ciphertext;  // DER, points into the header
};

// A header whose layout is right: everything down to the second "header-trailing" of the order of refusal holds.
// Nothing in it is authenticated yet. Owns its bytes.
class Header {
 public:
  // The size H of the header from its first 28 bytes (more may follow). kVerificationFailed with the class.
  static Result<std::size_t> size_of(ByteView fixed_part, const Policy& policy);
  // From at least H bytes; what follows them is left alone.
  static Result<Header> parse(ByteView bytes, const Policy& policy);

  ByteView bytes() const { return bytes_; }  // H of them
  std::size_t size() const { return bytes_.size(); }
  Kind kind() const { return static_cast<Kind>(bytes_[4]); }
  int exponent() const { return bytes_[5]; }
  std::size_t segment_size() const { return std::size_t{1} << exponent(); }  // S
  std::size_t recipient_count() const { return bytes_[24]; }
  bool is_signed() const { return (bytes_[25] & 1) != 0; }
  bool is_fixed() const { return (bytes_[25] & 2) != 0; }
  std::span<const std::uint8_t, kSaltSize> salt() const {
    return std::span<const std::uint8_t, kSaltSize>(bytes_.data() + 8, kSaltSize);
  }
  ByteView mac() const { return ByteView(bytes_).last(kMacSize); }

  // header[28 .. H-32): all recipient blocks and the signature block, exact bytes.
  ByteView blocks() const {
    return ByteView(bytes_).subspan(kFixedPartSize, bytes_.size() - kFixedPartSize - kMacSize);
  }
  ByteView recipient_blocks() const { return ByteView(bytes_).subspan(kFixedPartSize, recipient_blocks_size_); }
  Recipient recipient(std::size_t index) const;  // index < recipient_count()
  // The first block with this key id.
  std::optional<Recipient> recipient_for(const crypto::KeyId& key_id) const;
  // Only where is_signed().
  crypto::KeyId signer_key_id() const;
  ByteView signature() const;

  // What the signature is over: "mifeng/v1/sender" || kind || e || R || recipient blocks.
  Bytes sender_statement() const;
  // kind || e || R || blocks(): under these exact bytes a gateway caches a root key. SM3 of them is no substitute.
  std::string cache_key() const;

 private:
  friend class HeaderReader;
  // From exactly H bytes, whose first 28 size_of() has accepted.
  static Result<Header> from_whole(Bytes bytes);
  explicit Header(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
  std::size_t recipient_blocks_size_ = 0;
};

// Collects a header from pieces of any size.
class HeaderReader {
 public:
  explicit HeaderReader(Policy policy) : policy_(std::move(policy)) {}
  // Takes from the front of `in` what belongs to the header. The error stays.
  Result<void> feed(ByteView& in);
  bool done() const { return header_.has_value(); }
  // Once done().
  Header take() { return std::move(*header_); }
  // The error for an input that ends before done().
  Error ended_early() const;

 private:
  Policy policy_;
  Bytes bytes_;
  std::size_t size_ = 0;  // 0: not known yet
  std::optional<Header> header_;
  std::optional<Error> error_;
};

}  // namespace mifeng::sealed
