// The kernels by themselves, each against the standard's vectors and against the portable one: what the mode cannot
// reach, since its counter never wraps, and where a fault of a kernel and one of the mode could hide each other.
#include "sm4/kernel.h"

#include <gtest/gtest.h>

#include <random>

#include "sm4/algebra.h"
#include "test_vectors.h"

namespace mifeng::crypto::sm4 {
namespace {

// GB/T 32907-2016 clause 6.2.
constexpr const char* kSboxTable =
    "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62"
    "e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
    "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1"
    "e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
    "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684"
    "18f07dec3adc4d2079ee5f3ed7cb3948";

TEST(Sm4Algebra, MakesTheSboxInEveryField) {
  Bytes made[3];
  for (unsigned x = 0; x < 256; ++x) {
    made[0].push_back(sbox<Sm4Field>(x));
    made[1].push_back(sbox<AesField>(x));
    made[2].push_back(sbox<TowerField>(x));
  }
  for (const Bytes& table : made) EXPECT_EQ(to_hex(table), kSboxTable);
}

struct KeyMemory {
  alignas(64) std::uint8_t round_keys[4096];
  alignas(64) std::uint8_t powers[kBatchMax * kBlock];
};

class Sm4Kernel : public ::testing::TestWithParam<Sm4Tier> {
 protected:
  void SetUp() override {
    random.seed(20260);
    ASSERT_LE(kernel.key_bytes, sizeof key.round_keys);
    const Bytes bytes = some(16);
    kernel.expand_key(bytes.data(), key.round_keys);
    kPortable.expand_key(bytes.data(), reference.round_keys);
    const Bytes h = some(kBlock);
    for (auto* memory : {&key, &reference})
      std::copy(h.begin(), h.end(), memory->powers + sizeof memory->powers - kBlock);
  }
  Bytes some(std::size_t size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  }
  // H^1 .. H^count, or all that the kernel can use.
  Powers powers(std::size_t count) {
    Powers made{key.powers + sizeof key.powers, 1};
    for (; kernel.has_powers && made.count < count; made.count *= 2) kernel.double_powers(made);
    return made;
  }
  Powers reference_powers() { return {reference.powers + sizeof reference.powers, 1}; }
  // Block by block, each made as the first of a batch.
  Bytes expected_stream(const Bytes& nonce, std::uint32_t counter, std::size_t blocks) {
    Bytes stream(blocks * kBlock);
    Bytes batch(kPortable.batch * kBlock);
    for (std::size_t i = 0; i < blocks; ++i) {
      kPortable.key_stream(reference.round_keys, nonce.data(), counter + static_cast<std::uint32_t>(i), false,
                           batch.data(), 1);
      std::copy_n(batch.begin(), kBlock, stream.begin() + static_cast<std::ptrdiff_t>(i * kBlock));
    }
    return stream;
  }

  const Kernel& kernel = kernel_of(GetParam());
  std::mt19937 random;
  KeyMemory key{};
  KeyMemory reference{};
};

std::vector<Sm4Tier> supported_tiers() {
  std::vector<Sm4Tier> tiers;
  for (const Sm4Tier tier : kSm4Tiers)
    if (is_supported(tier)) tiers.push_back(tier);
  return tiers;
}
INSTANTIATE_TEST_SUITE_P(Each, Sm4Kernel, ::testing::ValuesIn(supported_tiers()), [](const auto& instance) {
  std::string name = to_string(instance.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Sm4Kernel, ThirdPartyVectors) {
  const auto tests = testing::botan_vectors("sm4.vec", "Out");
  ASSERT_GE(tests.size(), 3U);
  Bytes out(kernel.batch * kBlock);
  for (const auto& test : tests) {
    const Bytes block_key = from_hex(test.at("Key")).value();
    const Bytes in = from_hex(test.at("In")).value();
    Bytes made;
    kernel.expand_key(block_key.data(), key.round_keys);
    for (std::size_t at = 0; at < in.size(); at += kBlock) {
      const ByteView block = ByteView(in).subspan(at, kBlock);
      kernel.key_stream(key.round_keys, block.data(), load_be<std::uint32_t>(block.subspan(12)), false, out.data(), 1);
      append(made, ByteView(out).first(kBlock));
    }
    EXPECT_EQ(to_hex(made), to_hex(from_hex(test.at("Out")).value()));
  }
}

// GB/T 32907-2016 annex A.2.
TEST_P(Sm4Kernel, AMillionEncryptions) {
  Bytes block = from_hex("0123456789abcdeffedcba9876543210").value();
  kernel.expand_key(block.data(), key.round_keys);
  Bytes out(kernel.batch * kBlock);
  for (int i = 0; i < 1'000'000; ++i) {
    kernel.key_stream(key.round_keys, block.data(), load_be<std::uint32_t>(ByteView(block).subspan(12)), false,
                      out.data(), 1);
    std::copy_n(out.begin(), kBlock, block.begin());
  }
  EXPECT_EQ(to_hex(block), "595298c7c6fd271f0402f804c33d3f66");
}

TEST_P(Sm4Kernel, TheCounterWraps) {
  const Bytes nonce = some(12);
  for (std::size_t batches = 1; batches <= kBatchesMax; ++batches) {
    const std::size_t blocks = batches * kernel.batch;
    Bytes out(blocks * kBlock);
    for (const std::uint32_t counter : {0U, 1U, 0xffU, 0xfffeU, 0x00ffffc1U, 0x7fffffffU, 0xffffff01U, 0xffffffc0U,
                                        0xffffffdfU, 0xfffffff0U, 0xffffffffU, 0x12345678U}) {
      kernel.key_stream(key.round_keys, nonce.data(), counter, false, out.data(), batches);
      ASSERT_EQ(out, expected_stream(nonce, counter, blocks)) << counter << " " << batches;
      kernel.key_stream(key.round_keys, nonce.data(), counter, true, out.data(), batches);
      const Bytes rest = expected_stream(nonce, counter, blocks);
      EXPECT_TRUE(std::equal(out.begin() + kBlock, out.end(), rest.begin() + kBlock));
      EXPECT_EQ(Bytes(out.begin(), out.begin() + kBlock), expected_stream(Bytes(12), 0, 1)) << "no block of zeros";
    }
  }
}

// In each lane of each batch.
TEST_P(Sm4Kernel, TheCounterWrapsAtEveryBlock) {
  const Bytes nonce = some(12);
  const std::size_t blocks = kBatchesMax * kernel.batch;
  const auto first = 0U - static_cast<std::uint32_t>(blocks);
  const Bytes expected = expected_stream(nonce, first, 2 * blocks);
  Bytes out(blocks * kBlock);
  for (std::size_t skipped = 0; skipped <= blocks; ++skipped) {
    kernel.key_stream(key.round_keys, nonce.data(), first + static_cast<std::uint32_t>(skipped), false, out.data(),
                      kBatchesMax);
    ASSERT_TRUE(std::equal(out.begin(), out.end(), expected.begin() + static_cast<std::ptrdiff_t>(skipped * kBlock)))
        << "with " << blocks - skipped << " blocks before it";
  }
}

TEST_P(Sm4Kernel, HashesAnyNumberOfBlocksWithAnyNumberOfPowers) {
  for (std::size_t count = 1; count <= kBatchMax; count *= 2) {
    const Powers with = powers(count);
    for (std::size_t blocks = 0; blocks <= 200; ++blocks) {
      const Bytes data = some(blocks * kBlock);
      Bytes state = some(kBlock);
      Bytes expected = state;
      kernel.hash(with, state.data(), data.data(), blocks);
      kPortable.hash(reference_powers(), expected.data(), data.data(), blocks);
      ASSERT_EQ(to_hex(state), to_hex(expected)) << blocks << " with " << count;
    }
  }
}

TEST_P(Sm4Kernel, PassesAreTheirParts) {
  if (kernel.seal_passes == nullptr) {
    EXPECT_EQ(GetParam(), Sm4Tier::kPortable);
    return;
  }
  const Powers with = powers(kernel.batch);
  const Bytes nonce = some(12);
  for (const std::size_t passes : {1U, 2U, 3U, 5U})
    for (const std::uint32_t counter :
         {2U, 60U, 0xfff0U, 0xfffff0U, 0xffffff01U, 0xffffff80U, 0xffffffc0U, 0xfffffff7U}) {
      const std::size_t blocks = passes * 2 * kernel.batch;
      const Bytes text = some(blocks * kBlock);
      Bytes sealed = expected_stream(nonce, counter, blocks);
      for (std::size_t i = 0; i < text.size(); ++i) sealed[i] ^= text[i];
      const Bytes before = some(kBlock);
      Bytes after = before;
      kPortable.hash(reference_powers(), after.data(), sealed.data(), blocks);

      Bytes state = before;
      Bytes out(text.size());
      kernel.seal_passes(key.round_keys, with, state.data(), nonce.data(), counter, text.data(), out.data(), passes);
      EXPECT_EQ(out, sealed);
      EXPECT_EQ(state, after);
      state = before;
      kernel.open_passes(key.round_keys, with, state.data(), nonce.data(), counter, sealed.data(), out.data(), passes);
      EXPECT_EQ(out, text);
      EXPECT_EQ(state, after);
      state = before;  // in place
      kernel.open_passes(key.round_keys, with, state.data(), nonce.data(), counter, sealed.data(), sealed.data(),
                         passes);
      EXPECT_EQ(sealed, text);
      EXPECT_EQ(state, after);
      state = before;
      kernel.seal_passes(key.round_keys, with, state.data(), nonce.data(), counter, sealed.data(), sealed.data(),
                         passes);
      EXPECT_EQ(state, after);
    }
}

}  // namespace
}  // namespace mifeng::crypto::sm4
