#if defined(__x86_64__)
#include "sm2/kernel.h"
#include "sm2/point.h"

MIFENG_TARGET("avx2,bmi2")

namespace mifeng::crypto::sm2 {
namespace {

struct Table {
  Affine rows[kBaseRows][kBaseEntries];
};

// 1 .. 32 times 2^(6 i) G in row i. A row shares one inversion (Montgomery's trick).
__attribute__((noinline)) void fill(Table& table) {
  Jacobian unit = to_jacobian(kBase);
  for (auto& row : table.rows) {
    Jacobian points[kBaseEntries];
    Fp products[kBaseEntries];  // of the Z up to here
    points[0] = unit;
    products[0] = unit.z;
    for (int i = 1; i < kBaseEntries; ++i) {
      points[i] = i % 2 == 1 ? twice(points[i / 2]) : add_different(points[i - 1], unit);
      products[i] = mul(products[i - 1], points[i].z);
    }
    unit = twice(points[kBaseEntries - 1]);
    Fp inverse = invert(products[kBaseEntries - 1]);
    for (int i = kBaseEntries - 1; i >= 0; --i) {
      const Fp own = i == 0 ? inverse : mul(inverse, products[i - 1]);
      inverse = mul(inverse, points[i].z);
      const Fp square = sqr(own);
      row[i] = {mul(points[i].x, square), mul(points[i].y, mul(square, own))};
    }
  }
}

// Made at the first use: 86 KiB that a program need not carry.
const Affine (*base_rows())[kBaseEntries] {
  static Table table;
  static const bool is_filled = (fill(table), true);
  static_cast<void>(is_filled);
  return table.rows;
}

// What the compiler cannot leave out.
template <typename T>
void forget(T& secret) {
  __builtin_memset(&secret, 0, sizeof secret);
  asm volatile("" : : "r"(&secret) : "memory");
}

Affine read(const std::uint8_t* point) { return {from_bytes(point), from_bytes(point + 32)}; }
void write(const Jacobian& point, std::uint8_t* out) {
  Affine affine = to_affine(point);
  to_bytes(affine.x, out);
  to_bytes(affine.y, out + 32);
  forget(affine);
}

bool point_is_on_curve(const std::uint8_t* point) { return is_on_curve(read(point)); }

void times_base(const std::uint8_t* scalar, std::uint8_t* out) {
  Jacobian product = multiply_base(base_rows(), scalar);
  write(product, out);
  forget(product);
}

void times(const std::uint8_t* point, const std::uint8_t* scalar, std::uint8_t* out) {
  Jacobian product = multiply(read(point), scalar);
  write(product, out);
  forget(product);
}

void both(const std::uint8_t* s, const std::uint8_t* point, const std::uint8_t* t, std::uint8_t* out) {
  write(add_any(multiply_base(base_rows(), s), multiply(read(point), t)), out);
}

void field(char operation, const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* out) {
  const Fp x = from_bytes(a);
  const Fp y = from_bytes(b);
  switch (operation) {
    case '*': to_bytes(mul(x, y), out); break;
    case '+': to_bytes(add(x, y), out); break;
    case '-': to_bytes(sub(x, y), out); break;
    case '2': to_bytes(sqr(x), out); break;
    case '/': to_bytes(mul(x, invert(y)), out); break;
    default: __builtin_trap();
  }
}

}  // namespace

const Kernel kMulx = {point_is_on_curve, times_base, times, both, field};

}  // namespace mifeng::crypto::sm2

MIFENG_TARGET_END
#endif
