// sm2p256v1 (GB/T 32918.5-2017): its constants, and the arithmetic that we ask of OpenSSL's curve layer directly.
#pragma once

#include <openssl/ec.h>

#include <optional>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"

namespace mifeng::crypto {

// p, the field's prime; n, the group's order.
extern const Scalar kSm2P;
extern const Scalar kSm2N;

// Made once, never changed: threads may share it. Null only where OpenSSL was built without SM2.
const EC_GROUP* sm2_group();
bool sm2_point_is_on_curve(const Scalar& x, const Scalar& y);
// d * G as 04 || x || y; none where OpenSSL fails. `scalar` in 1..n-1.
std::optional<Sm2Point> sm2_multiply_base(ByteView scalar);

}  // namespace mifeng::crypto
