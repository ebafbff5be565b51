// The arithmetic of SM2 (GB/T 32918) that does not go through OpenSSL: functions over plain memory. Numbers are 32
// bytes, big-endian; points 64, x || y. No branch and no address depends on an argument that is not called public.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mifeng::crypto::sm2 {

struct Kernel {
  // Whether a public (x, y), both below p, is on the curve.
  bool (*is_on_curve)(const std::uint8_t* point);
  // The scalar times G, and times a point on the curve; any 256 bits. 64 zeros for infinity.
  void (*multiply_base)(const std::uint8_t* scalar, std::uint8_t* out);
  void (*multiply)(const std::uint8_t* point, const std::uint8_t* scalar, std::uint8_t* out);
  // s G + t P of public numbers, P on the curve; 64 zeros for infinity.
  void (*multiply_both)(const std::uint8_t* s, const std::uint8_t* point, const std::uint8_t* t, std::uint8_t* out);

  // For tests: one operation on elements of the field, both below p.
  void (*field)(char operation, const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* out);
};

#if defined(__x86_64__)
extern const Kernel kMulx;  // BMI2 and AVX2
#endif

}  // namespace mifeng::crypto::sm2
