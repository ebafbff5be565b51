#include "mifeng/base/secret.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace mifeng {
namespace {

// What /proc/self/smaps says of the mapping that holds `address`.
std::string vm_flags_of(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<unsigned long>(address);
  std::string line;
  bool inside = false;
  while (std::getline(smaps, line)) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2 && line.find(':') > line.find(' '))
      inside = from <= wanted && wanted < to;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(Wipe, AnEmptyBufferNeedsNoAddress) { wipe(nullptr, 0); }  // UBSan looks at the call

TEST(Secret, LiesInLockedMemoryThatIsNotDumped) {
  const SecretBytes small(as_bytes("key"));
  const SecretBytes large(100'000);
  for (const auto* data : {small.reveal_for_computing().data(), large.reveal_for_computing().data()}) {
    const std::string flags = vm_flags_of(data);
    EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
    EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  }
  EXPECT_TRUE(secret_memory_is_locked());
}

TEST(Secret, IsWipedWhenItGoes) {
  const std::uint8_t* where = nullptr;
  {
    const Secret<32> key(std::span<const std::uint8_t, 32>(Bytes(32, 0xaa)));
    where = key.reveal_for_computing().data();
  }
  // The arena keeps the page; of the block only the free list's link may differ from zero.
  for (std::size_t i = sizeof(void*); i < 32; ++i) EXPECT_EQ(where[i], 0) << i;
}

TEST(Secret, ComparesClonesAndMoves) {
  Secret<16> a;
  a.reveal_for_writing()[3] = 9;
  Secret<16> b = a.clone();
  EXPECT_TRUE(a == b);
  b.reveal_for_writing()[0] = 1;
  EXPECT_FALSE(a == b);
  const Secret<16> c = std::move(a);
  EXPECT_EQ(c.reveal_for_computing()[3], 9);
}

TEST(Secret, BlocksNeverOverlap) {
  std::vector<SecretBytes> many;
  std::set<const std::uint8_t*> seen;
  for (std::size_t i = 0; i < 5000; ++i) {
    many.emplace_back(1 + i % 100);
    many.back().reveal_for_writing()[0] = static_cast<std::uint8_t>(i);
    EXPECT_TRUE(seen.insert(many.back().reveal_for_computing().data()).second);
  }
  for (std::size_t i = 0; i < many.size(); ++i)
    EXPECT_EQ(many[i].reveal_for_computing()[0], static_cast<std::uint8_t>(i));
}

}  // namespace
}  // namespace mifeng
