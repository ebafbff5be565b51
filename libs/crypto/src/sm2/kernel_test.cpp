// The kernel's arithmetic against OpenSSL's: the field against BIGNUM, points against its curve layer.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>

#include <cstdio>
#include <random>

#include "sm2/order.h"
#include "sm2/protocol.h"
#include "sm2_curve.h"

namespace mifeng::crypto::sm2 {
namespace {

using Point = std::array<std::uint8_t, 64>;

class Sm2Kernel : public ::testing::Test {
 protected:
  Sm2Kernel() { edges = make_edges(); }
  ~Sm2Kernel() override {
    EC_POINT_free(point);
    BN_free(a);
    BN_free(b);
    BN_free(c);
    BN_CTX_free(context);
  }
  // None where this processor has no kernel; SaysWhichRan names that.
  static const Kernel* kernel() { return is_supported(Sm2Tier::kMulx) ? kernel_of(Sm2Tier::kMulx) : nullptr; }

  Scalar some() {
    Scalar out{};
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random());
    // Runs of ones and zeros are where carries go far.
    if (random() % 4 == 0)
      for (std::size_t i = random() % 32; i < 32 && random() % 8 != 0; ++i) out[i] = random() % 2 == 0 ? 0 : 0xff;
    return out;
  }
  static Scalar plus(Scalar from, int addend) {
    for (std::size_t i = 32; i-- > 0 && addend != 0;) {
      addend += from[i];
      from[i] = static_cast<std::uint8_t>(addend);
      addend >>= 8;
    }
    return from;
  }
  // Around 0, p, n, 2^256 and the powers of two at and beside the bounds of limbs and windows.
  static std::vector<Scalar> make_edges() {
    std::vector<Scalar> out;
    for (int i = -34; i <= 34; ++i)
      for (const Scalar& base : {Scalar{}, kSm2P, kSm2N}) out.push_back(plus(base, i));
    for (int bit = 0; bit < 256; bit += bit % 32 == 0 || bit % 32 == 31 ? 1 : 15) {
      Scalar power{};
      power[static_cast<std::size_t>(31 - bit / 8)] = static_cast<std::uint8_t>(1 << bit % 8);
      for (const int i : {-1, 0, 1}) out.push_back(plus(power, i));
    }
    return out;
  }
  void check_field(const Scalar& x, const Scalar& y) {
    BN_bin2bn(x.data(), 32, a);
    BN_bin2bn(y.data(), 32, b);
    BN_bin2bn(kSm2P.data(), 32, c);
    for (const char operation : {'*', '+', '-', '2'}) {
      BIGNUM* result = BN_new();
      switch (operation) {
        case '*': BN_mod_mul(result, a, b, c, context); break;
        case '+': BN_mod_add(result, a, b, c, context); break;
        case '-': BN_mod_sub(result, a, b, c, context); break;
        default: BN_mod_sqr(result, a, c, context); break;
      }
      Scalar expected{};
      BN_bn2binpad(result, expected.data(), 32);
      BN_free(result);
      Scalar got{};
      kernel()->field(operation, x.data(), y.data(), got.data());
      ASSERT_EQ(to_hex(got), to_hex(expected)) << to_hex(x) << operation << to_hex(y);
    }
  }
  // s G + t Q by OpenSSL; zeros for infinity.
  Point reference(const Scalar* s, const Point* q, const Scalar* t) {
    const EC_GROUP* group = sm2_group();
    if (s != nullptr) BN_bin2bn(s->data(), 32, a);
    EC_POINT* base = EC_POINT_new(group);
    if (q != nullptr) {
      BN_bin2bn(q->data(), 32, b);
      BN_bin2bn(q->data() + 32, 32, c);
      EXPECT_EQ(EC_POINT_set_affine_coordinates(group, base, b, c, context), 1);
      BN_bin2bn(t->data(), 32, b);
    }
    EC_POINT_mul(group, point, s == nullptr ? nullptr : a, q == nullptr ? nullptr : base, q == nullptr ? nullptr : b,
                 context);
    EC_POINT_free(base);
    Point out{};
    std::array<std::uint8_t, 65> octets{};
    if (EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets.data(), 65, context) == 65)
      std::copy(octets.begin() + 1, octets.end(), out.begin());
    return out;
  }
  void check_points(const Scalar& s, const Scalar& t) {
    Point got{};
    kernel()->multiply_base(s.data(), got.data());
    ASSERT_EQ(to_hex(got), to_hex(reference(&s, nullptr, nullptr))) << to_hex(s);
    const Point q = got == Point{} ? generator() : got;
    kernel()->multiply(q.data(), t.data(), got.data());
    ASSERT_EQ(to_hex(got), to_hex(reference(nullptr, &q, &t))) << to_hex(t) << " of " << to_hex(q);
    kernel()->multiply_both(s.data(), q.data(), t.data(), got.data());
    ASSERT_EQ(to_hex(got), to_hex(reference(&s, &q, &t))) << to_hex(s) << ' ' << to_hex(t) << ' ' << to_hex(q);
  }
  Point generator() {
    const Scalar one = plus(Scalar{}, 1);
    return reference(&one, nullptr, nullptr);
  }

  std::mt19937 random{20262};
  std::vector<Scalar> edges;
  BN_CTX* context = BN_CTX_new();
  EC_POINT* point = EC_POINT_new(sm2_group());
  BIGNUM* a = BN_new();
  BIGNUM* b = BN_new();
  BIGNUM* c = BN_new();
};

TEST_F(Sm2Kernel, SaysWhichRan) {
  for (const Sm2Tier tier : kSm2Tiers)
    std::printf("%s: %s\n", to_string(tier), is_supported(tier) ? "ran" : "NOT RUN, not on this processor");
  EXPECT_TRUE(is_supported(best_sm2_tier()));
  EXPECT_EQ(kernel_of(Sm2Tier::kOpenSsl), nullptr);
  EXPECT_EQ(kernel() == nullptr, best_sm2_tier() == Sm2Tier::kOpenSsl);
}

TEST_F(Sm2Kernel, FieldOnEdges) {
  if (kernel() == nullptr) return;
  for (const Scalar& x : edges)
    for (const Scalar& y : edges)
      if (x < kSm2P && y < kSm2P) check_field(x, y);
}

TEST_F(Sm2Kernel, FieldOnRandomValues) {
  if (kernel() == nullptr) return;
  for (int i = 0; i < 20'000; ++i) {
    const Scalar x = some();
    const Scalar y = some();
    if (x < kSm2P && y < kSm2P) check_field(x, y);
  }
}

TEST_F(Sm2Kernel, FieldInverts) {
  if (kernel() == nullptr) return;
  for (const Scalar& x : edges) {
    if (!(x < kSm2P)) continue;
    Scalar quotient{};
    kernel()->field('/', x.data(), x.data(), quotient.data());
    EXPECT_EQ(quotient, plus(Scalar{}, x == Scalar{} ? 0 : 1)) << to_hex(x);
  }
}

TEST_F(Sm2Kernel, OrderOnEdges) {
  BIGNUM* n = BN_bin2bn(kSm2N.data(), 32, nullptr);
  BIGNUM* expected = BN_new();
  const auto same = [&](const Number& number) {
    Scalar got{};
    Scalar wanted{};
    store(number, got.data());
    BN_nnmod(expected, expected, n, context);
    BN_bn2binpad(expected, wanted.data(), 32);
    return got == wanted;
  };
  for (int i = 0; i < 2000; ++i) edges.push_back(some());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const Scalar& x = edges[i];
    const Number number = number_of(x.data());
    BN_bin2bn(x.data(), 32, a);
    BN_copy(expected, a);
    EXPECT_TRUE(same(number)) << to_hex(x);
    EXPECT_EQ(is_in_range(x.data()), x < kSm2N && x != Scalar{}) << to_hex(x);
    BN_sub(expected, n, a);
    EXPECT_TRUE(same(negate_modulo_n(number))) << to_hex(x);
    if (BN_mod_inverse(expected, a, n, context) == nullptr) BN_zero(expected);
    EXPECT_TRUE(same(invert_modulo_n(number))) << to_hex(x);
    for (const Scalar& y : {edges[(i * 7 + 5) % edges.size()], edges[(i * 31 + 3) % edges.size()], x}) {
      BN_bin2bn(y.data(), 32, b);
      BN_add(expected, a, b);
      EXPECT_TRUE(same(add_modulo_n(number, number_of(y.data())))) << to_hex(x) << '+' << to_hex(y);
      BN_mul(expected, a, b, context);
      EXPECT_TRUE(same(multiply_modulo_n(number, number_of(y.data())))) << to_hex(x) << '*' << to_hex(y);
    }
  }
  BN_free(n);
  BN_free(expected);
}

TEST_F(Sm2Kernel, PointsOnEdges) {
  if (kernel() == nullptr) return;
  for (std::size_t i = 0; i < edges.size(); ++i) check_points(edges[i], edges[(i * 7 + 5) % edges.size()]);
}

// Multiples of G by a scalar and of the same point by another one meet equal and opposite points: s G + t G.
TEST_F(Sm2Kernel, SumsOfEqualAndOppositePoints) {
  if (kernel() == nullptr) return;
  const Point g = generator();
  for (const Scalar& s : edges) {
    Scalar opposite{};
    store(negate_modulo_n(number_of(s.data())), opposite.data());
    for (const Scalar& t : {s, opposite}) {
      Point got{};
      kernel()->multiply_both(s.data(), g.data(), t.data(), got.data());
      ASSERT_EQ(to_hex(got), to_hex(reference(&s, &g, &t))) << to_hex(s) << ' ' << to_hex(t);
    }
  }
}

TEST_F(Sm2Kernel, PointsOnRandomScalars) {
  if (kernel() == nullptr) return;
  for (int i = 0; i < 1000; ++i) check_points(some(), some());
}

TEST_F(Sm2Kernel, KnowsTheCurve) {
  if (kernel() == nullptr) return;
  const Point g = generator();
  EXPECT_TRUE(kernel()->is_on_curve(g.data()));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Point bad = g;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(kernel()->is_on_curve(bad.data())) << bit;
  }
  EXPECT_FALSE(kernel()->is_on_curve(Point{}.data()));
}

}  // namespace
}  // namespace mifeng::crypto::sm2
