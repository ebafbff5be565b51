#include "sm2_curve.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

namespace mifeng::crypto {
namespace {

struct Deleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

}  // namespace

const Scalar kSm2P = {0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                      0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
const Scalar kSm2N = {0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                      0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23};

const EC_GROUP* sm2_group() {
  static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_sm2);  // never freed, for threads at exit
  return group;
}

bool sm2_point_is_on_curve(const Scalar& x, const Scalar& y) {
  const EC_GROUP* group = sm2_group();
  if (group == nullptr) return false;
  const Owned<BN_CTX> context(BN_CTX_new());
  const Owned<EC_POINT> point(EC_POINT_new(group));
  const Owned<BIGNUM> bx(BN_bin2bn(x.data(), static_cast<int>(x.size()), nullptr));
  const Owned<BIGNUM> by(BN_bin2bn(y.data(), static_cast<int>(y.size()), nullptr));
  // Refuses a point off the curve by itself; asked once more, since everything rests on it.
  return context && point && bx && by &&
         EC_POINT_set_affine_coordinates(group, point.get(), bx.get(), by.get(), context.get()) == 1 &&
         EC_POINT_is_on_curve(group, point.get(), context.get()) == 1;
}

std::optional<Sm2Point> sm2_multiply_base(ByteView scalar) {
  const EC_GROUP* group = sm2_group();
  if (group == nullptr) return std::nullopt;
  const Owned<BN_CTX> context(BN_CTX_secure_new());
  const Owned<EC_POINT> point(EC_POINT_new(group));
  const Owned<BIGNUM> d(BN_secure_new());
  if (!context || !point || !d || BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), d.get()) == nullptr)
    return std::nullopt;
  BN_set_flags(d.get(), BN_FLG_CONSTTIME);
  Sm2Point out{};
  if (EC_POINT_mul(group, point.get(), d.get(), nullptr, nullptr, context.get()) != 1 ||
      EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(), context.get()) !=
          out.size())
    return std::nullopt;
  return out;
}

}  // namespace mifeng::crypto
