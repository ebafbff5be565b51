// The two DER forms of GM/T 0009-2012, parsed strictly before any library sees them: short and long lengths in their
// shortest form only, minimal non-negative integers, no trailing byte at any level.
#pragma once

#include <array>
#include <optional>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::crypto {

using Scalar = std::array<std::uint8_t, 32>;  // big-endian

// SM2 ciphertext, SEQUENCE { x INTEGER, y INTEGER, C3 OCTET STRING (32), C2 OCTET STRING }. Views into the input.
struct Sm2CiphertextParts {
  Scalar x{};
  Scalar y{};
  ByteView c3;
  ByteView c2;
};
// x and y below p, C3 of 32 bytes, C2 of `c2_size` bytes where given and else not empty.
// kVerificationFailed "bad-recipient-der".
Result<Sm2CiphertextParts> parse_sm2_ciphertext(ByteView der, std::optional<std::size_t> c2_size = std::nullopt);

// SM2 signature, SEQUENCE { r INTEGER, s INTEGER }, both in 0..n-1. kVerificationFailed "bad-signature".
struct Sm2SignatureParts {
  Scalar r{};
  Scalar s{};
};
Result<Sm2SignatureParts> parse_sm2_signature(ByteView der);

// The inverse, for tests and for keys from other systems that carry r || s.
Bytes encode_sm2_signature(const Sm2SignatureParts& signature);
Bytes encode_sm2_ciphertext(const Sm2CiphertextParts& ciphertext);

// Whether (x, y) lies on sm2p256v1; kVerificationFailed "bad-point".
Result<void> check_sm2_point(const Scalar& x, const Scalar& y);

}  // namespace mifeng::crypto
