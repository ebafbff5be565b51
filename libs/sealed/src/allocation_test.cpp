// Every allocation of sealing and of opening fails once, in turn: what comes back is an error and never an exception,
// and what was released before is right.
#include <gtest/gtest.h>

#include <array>

#include "mifeng/base_fixture/failing_allocations.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::sealed {
namespace {

class AllocationTest : public ::testing::Test {
 protected:
  AllocationTest() {
    options.kind = Kind::kResponse;
    options.exponent = 10;
    options.recipients = recipients;
    options.signer = &signer;
  }
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey receiver = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey signer = crypto::Sm2PrivateKey::generate().value();
  std::vector<crypto::Sm2PublicKey> recipients = {receiver.public_key()};
  SenderKeyOptions options;
  Bytes context = to_bytes("context");
  Bytes plaintext = Bytes(3000, 'p');
};

TEST_F(AllocationTest, MakingASenderKey) {
  EXPECT_GT(fail_each_allocation([&] { return error_of(SenderKey::create(options, random)); }), 2);
}

TEST_F(AllocationTest, Sealing) {
  auto key = SenderKey::create(options, random).value();
  const int failures =
      fail_each_allocation([&] { return error_of(seal(key, {.context = context}, plaintext, random, *provider)); });
  EXPECT_GT(failures, 2);
}

TEST_F(AllocationTest, SealingInPieces) {
  auto key = SenderKey::create(options, random).value();
  const int failures = fail_each_allocation([&]() -> std::optional<Error> {
    auto sealer = Sealer::create(key, {.context = context}, random, *provider);
    if (!sealer) return error_of(std::move(sealer));
    std::array<std::uint8_t, 1100> segment{};
    ByteView rest = ByteView(plaintext).first(10);
    auto written = sealer->next(rest, Sealer::After::kMore, segment);
    if (!written) {
      // The error stays, also when there is memory again.
      const long left = allow_allocations(-1);
      EXPECT_EQ(sealer->next(rest, Sealer::After::kLast, segment).error().reason(), "out-of-memory");
      allow_allocations(left);
      return error_of(std::move(written));
    }
    return error_of(sealer->next(rest, Sealer::After::kLast, segment));
  });
  EXPECT_GT(failures, 2);
}

TEST_F(AllocationTest, OpeningAResponseWithACachedRootKey) {
  auto key = SenderKey::create(options, random).value();
  const Bytes stream = seal(key, {.context = context}, plaintext, random, *provider).value();
  const Policy policy;
  const int failures = fail_each_allocation([&]() -> std::optional<Error> {
    auto header = Header::parse(stream, policy);
    if (!header) return error_of(std::move(header));
    ByteView rest = ByteView(stream).subspan(header->size());
    auto opener = Opener::resume(policy, std::move(*header), key.root_key(), context, *provider);
    if (!opener) return error_of(std::move(opener));
    std::size_t released = 0;
    while (!rest.empty()) {
      auto piece = opener->next(rest);
      if (!piece) {
        // The error stays, also when there is memory again.
        const long left = allow_allocations(-1);
        EXPECT_EQ(opener->next(rest).error().reason(), "out-of-memory");
        allow_allocations(left);
        return error_of(std::move(piece));
      }
      released += piece->size();
    }
    EXPECT_EQ(released, plaintext.size());
    return error_of(opener->finish());
  });
  EXPECT_GT(failures, 3);
}

TEST_F(AllocationTest, ReadingAHeaderInPieces) {
  auto key = SenderKey::create(options, random).value();
  const Bytes stream = seal(key, {.context = context}, plaintext, random, *provider).value();
  const int failures = fail_each_allocation([&]() -> std::optional<Error> {
    HeaderReader reader{Policy{}};
    for (ByteView rest = stream; !reader.done();) {
      ByteView piece = rest.first(10);
      auto fed = reader.feed(piece);
      if (!fed) return error_of(std::move(fed));
      rest = rest.subspan(10 - piece.size());
    }
    return std::nullopt;
  });
  EXPECT_GE(failures, 1);
}

TEST_F(AllocationTest, BuildingAContext) {
  EXPECT_GE(fail_each_allocation([&] { return error_of(payload_context("acme", "digits", "1.0.0")); }), 1);
}

}  // namespace
}  // namespace mifeng::sealed
