#include "sm2/protocol.h"

#include <algorithm>

#include "mifeng/base/secret.h"
#include "sm2/order.h"
#include "sm2_curve.h"

namespace mifeng::crypto::sm2 {
namespace {

// a, b and G of GB/T 32918.5: what Z has between the user id and the key.
constexpr std::array<std::uint8_t, 128> kCurve = {
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f,
    0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7, 0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd,
    0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93, 0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46,
    0x6a, 0x39, 0xc9, 0x94, 0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74,
    0xc7, 0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53, 0xd0, 0xa9,
    0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0};

// Wiped at the end of a block.
template <typename T>
struct Wiped {
  T value{};
  Wiped() = default;
  explicit Wiped(const T& from) : value(from) {}
  ~Wiped() { wipe(&value, sizeof value); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
};

}  // namespace

std::array<std::uint8_t, 64> join(const Scalar& x, const Scalar& y) {
  std::array<std::uint8_t, 64> point{};
  std::copy(x.begin(), x.end(), point.begin());
  std::copy(y.begin(), y.end(), point.begin() + 32);
  return point;
}

Sm3Digest message_digest(const Sm2Point& signer, std::string_view user_id, ByteView message) {
  const std::size_t bits = user_id.size() * 8;
  const std::array<std::uint8_t, 2> size = {static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits)};
  const Sm3Digest z =
      Sm3().update(size).update(as_bytes(user_id)).update(kCurve).update(ByteView(signer).subspan(1)).finish();
  return Sm3().update(z).update(message).finish();
}

void invert_one_plus(std::span<const std::uint8_t, 32> scalar, std::span<std::uint8_t, 32> out) {
  const Wiped<Number> sum(add_modulo_n(number_of(scalar.data()), {{1, 0, 0, 0}}));
  const Wiped<Number> inverse(invert_modulo_n(sum.value));
  store(inverse.value, out.data());
}

bool sign_with_nonce(const Kernel& kernel, std::span<const std::uint8_t, 32> inverse, const Sm3Digest& digest,
                     std::span<const std::uint8_t, 32> nonce, Sm2SignatureParts& out) {
  Wiped<std::array<std::uint8_t, 64>> point;
  kernel.multiply_base(nonce.data(), point.value.data());
  const Number r = add_modulo_n(number_of(digest.data()), number_of(point.value.data()));
  const Wiped<Number> k(number_of(nonce.data()));
  const Wiped<Number> sum(add_modulo_n(r, k.value));
  const Wiped<Number> factor(number_of(inverse.data()));
  // s = (k - r d) / (1 + d) = (k + r) / (1 + d) - r
  const Number s = add_modulo_n(multiply_modulo_n(sum.value, factor.value), negate_modulo_n(r));
  store(r, out.r.data());
  store(s, out.s.data());
  return (static_cast<unsigned>(is_zero(r)) | static_cast<unsigned>(is_zero(sum.value)) |
          static_cast<unsigned>(is_zero(s))) == 0;
}

bool verify(const Kernel& kernel, const Sm2Point& point, const Sm3Digest& digest, const Sm2SignatureParts& signature) {
  if (signature.r >= kSm2N || signature.s >= kSm2N) return false;
  const Number r = number_of(signature.r.data());
  const Number s = number_of(signature.s.data());
  const Number t = add_modulo_n(r, s);
  if (is_zero(r) || is_zero(s) || is_zero(t)) return false;
  Scalar t_bytes{};
  store(t, t_bytes.data());
  std::array<std::uint8_t, 64> sum{};
  kernel.multiply_both(signature.s.data(), point.data() + 1, t_bytes.data(), sum.data());
  if (sum == std::array<std::uint8_t, 64>{}) return false;  // infinity has no x
  Scalar expected{};
  store(add_modulo_n(number_of(digest.data()), number_of(sum.data())), expected.data());
  return expected == signature.r;
}

bool decrypt_unwiped(const Kernel& kernel, std::span<const std::uint8_t, 32> scalar,
                     const Sm2CiphertextParts& ciphertext, MutableBytes out) {
  Wiped<std::array<std::uint8_t, 64>> point;
  kernel.multiply(join(ciphertext.x, ciphertext.y).data(), scalar.data(), point.value.data());
  // The key derivation of GB/T 32918.4 clause 5.4.3: SM3(x2 || y2 || 1), SM3(x2 || y2 || 2), ...
  const Wiped<Sm3> start(Sm3().update(point.value));
  Wiped<Sm3> hash;
  Wiped<Sm3Digest> piece;
  unsigned any = 0;
  std::uint32_t counter = 0;
  for (std::size_t at = 0; at < out.size(); at += kSm3Size) {
    ++counter;
    const std::array<std::uint8_t, 4> number = {
        static_cast<std::uint8_t>(counter >> 24), static_cast<std::uint8_t>(counter >> 16),
        static_cast<std::uint8_t>(counter >> 8), static_cast<std::uint8_t>(counter)};
    hash.value = start.value;
    piece.value = hash.value.update(number).finish();
    const std::size_t size = std::min(kSm3Size, out.size() - at);
    for (std::size_t i = 0; i < size; ++i) {
      any |= piece.value[i];
      out[at + i] = static_cast<std::uint8_t>(ciphertext.c2[at + i] ^ piece.value[i]);
    }
  }
  const ByteView coordinates = point.value;
  hash.value = Sm3();
  piece.value = hash.value.update(coordinates.first(32)).update(out).update(coordinates.last(32)).finish();
  const bool fits = equal_in_constant_time(piece.value, ciphertext.c3);
  return (static_cast<unsigned>(fits) & static_cast<unsigned>(any != 0)) != 0;
}

bool decrypt(const Kernel& kernel, std::span<const std::uint8_t, 32> scalar, const Sm2CiphertextParts& ciphertext,
             MutableBytes out) {
  if (decrypt_unwiped(kernel, scalar, ciphertext, out)) return true;
  wipe(out.data(), out.size());
  return false;
}

}  // namespace mifeng::crypto::sm2
