#include "mifeng/crypto/sm2_der.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "mifeng/base/guarded.h"
#include "sm2_curve.h"

namespace mifeng::crypto {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kSequence = 0x30;

// Takes one element with this tag from the front of `in`; none where it is not there in DER (X.690 clause 10.1: the
// definite form in the fewest octets). Our longest element is far below 65536 bytes.
std::optional<ByteView> take(ByteView& in, std::uint8_t tag) {
  if (in.size() < 2 || in[0] != tag) return std::nullopt;
  std::size_t length = in[1];
  std::size_t at = 2;
  if (length == 0x81) {
    if (in.size() < 3 || in[2] < 0x80) return std::nullopt;
    length = in[2];
    at = 3;
  } else if (length == 0x82) {
    if (in.size() < 4 || in[2] == 0) return std::nullopt;
    length = static_cast<std::size_t>(in[2]) << 8 | in[3];
    at = 4;
  } else if (length >= 0x80) {
    return std::nullopt;
  }
  if (in.size() - at < length) return std::nullopt;
  const ByteView content = in.subspan(at, length);
  in = in.subspan(at + length);
  return content;
}

// A non-negative INTEGER below `bound`, in the fewest octets (X.690 clause 8.3.2).
std::optional<Scalar> take_integer(ByteView& in, const Scalar& bound) {
  const auto content = take(in, kInteger);
  if (!content || content->empty() || (content->front() & 0x80) != 0) return std::nullopt;
  ByteView digits = *content;
  if (digits[0] == 0 && digits.size() > 1) {
    if ((digits[1] & 0x80) == 0) return std::nullopt;
    digits = digits.subspan(1);
  }
  Scalar value{};
  if (digits.size() > value.size()) return std::nullopt;
  std::copy(digits.begin(), digits.end(), value.end() - static_cast<std::ptrdiff_t>(digits.size()));
  // Public values: no need for constant time.
  if (std::memcmp(value.data(), bound.data(), value.size()) >= 0) return std::nullopt;
  return value;
}

void put_length(Bytes& to, std::size_t length) {
  if (length >= 0x100) {
    to.push_back(0x82);
    to.push_back(static_cast<std::uint8_t>(length >> 8));
  } else if (length >= 0x80) {
    to.push_back(0x81);
  }
  to.push_back(static_cast<std::uint8_t>(length));
}

void put(Bytes& to, std::uint8_t tag, ByteView content) {
  to.push_back(tag);
  put_length(to, content.size());
  append(to, content);
}

void put_integer(Bytes& to, const Scalar& value) {
  auto first = std::find_if(value.begin(), value.end() - 1, [](std::uint8_t byte) { return byte != 0; });
  Bytes digits;
  if ((*first & 0x80) != 0) digits.push_back(0);
  digits.insert(digits.end(), first, value.end());
  put(to, kInteger, digits);
}

Error bad_recipient_der() {
  return Error(ErrorCode::kVerificationFailed, "bad-recipient-der",
               "an SM2 ciphertext is not in the strict DER form of GM/T 0009");
}

Error bad_signature_der() {
  return Error(ErrorCode::kVerificationFailed, "bad-signature", "an SM2 signature is not in strict DER form");
}

}  // namespace

Result<Sm2CiphertextParts> parse_sm2_ciphertext(ByteView der, std::optional<std::size_t> c2_size) {
  return guarded([&]() -> Result<Sm2CiphertextParts> {
    const auto sequence = take(der, kSequence);
    if (!sequence || !der.empty()) return bad_recipient_der();
    ByteView rest = *sequence;
    const auto x = take_integer(rest, kSm2P);
    if (!x) return bad_recipient_der();
    const auto y = take_integer(rest, kSm2P);
    if (!y) return bad_recipient_der();
    const auto c3 = take(rest, kOctetString);
    if (!c3 || c3->size() != 32) return bad_recipient_der();
    const auto c2 = take(rest, kOctetString);
    if (!c2 || !rest.empty()) return bad_recipient_der();
    if (c2_size ? c2->size() != *c2_size : c2->empty()) return bad_recipient_der();
    return Sm2CiphertextParts{*x, *y, *c3, *c2};
  });
}

Result<Sm2SignatureParts> parse_sm2_signature(ByteView der) {
  return guarded([&]() -> Result<Sm2SignatureParts> {
    const auto sequence = take(der, kSequence);
    if (!sequence || !der.empty()) return bad_signature_der();
    ByteView rest = *sequence;
    const auto r = take_integer(rest, kSm2N);
    if (!r) return bad_signature_der();
    const auto s = take_integer(rest, kSm2N);
    if (!s || !rest.empty()) return bad_signature_der();
    return Sm2SignatureParts{*r, *s};
  });
}

Bytes encode_sm2_signature(const Sm2SignatureParts& signature) {
  Bytes content;
  put_integer(content, signature.r);
  put_integer(content, signature.s);
  Bytes out;
  put(out, kSequence, content);
  return out;
}

Bytes encode_sm2_ciphertext(const Sm2CiphertextParts& ciphertext) {
  Bytes content;
  put_integer(content, ciphertext.x);
  put_integer(content, ciphertext.y);
  put(content, kOctetString, ciphertext.c3);
  put(content, kOctetString, ciphertext.c2);
  Bytes out;
  put(out, kSequence, content);
  return out;
}

Result<void> check_sm2_point(const Scalar& x, const Scalar& y) {
  return guarded([&]() -> Result<void> {
    if (!sm2_point_is_on_curve(x, y))
      return Error(ErrorCode::kVerificationFailed, "bad-point",
                   "an SM2 ciphertext names a point that is not on the curve");
    return ok();
  });
}

}  // namespace mifeng::crypto
