#include "mifeng/proxy/key_cache.h"

#include <gtest/gtest.h>

#include "test_table.h"

namespace mifeng::proxy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

std::shared_ptr<const CachedKey> key_of(std::uint8_t signer, const std::string& deployment = "dep-1") {
  return std::make_shared<const CachedKey>(
      CachedKey{sealed::RootKey(Secret<16>()), crypto::Sm3Digest{}, point(signer), deployment});
}

TEST(KeyCache, FindsWhatWasInserted) {
  KeyCache cache;
  const KeyCache::Time now{};
  EXPECT_EQ(cache.find("a", now).error().reason(), "not-cached");
  const auto key = key_of(1);
  cache.insert("a", key, now);
  EXPECT_EQ(cache.find("a", now).value(), key);
  EXPECT_FALSE(cache.find("A", now));
}

TEST(KeyCache, StopsAcceptingAKeyAfterAnHourAndDoesNotForgetThat) {
  KeyCache cache;
  const KeyCache::Time begin{};
  cache.insert("a", key_of(1), begin);
  EXPECT_TRUE(cache.find("a", begin + hours(1) - milliseconds(1)));
  EXPECT_EQ(cache.find("a", begin + hours(1)).error().reason(), "root-key-too-old");
  cache.insert("a", key_of(1), begin + hours(1));
  EXPECT_EQ(cache.find("a", begin + hours(1)).error().reason(), "root-key-too-old");
}

TEST(KeyCache, OneSignerPushesOutItsOwnKeysOnly) {
  KeyCache cache({.entries_max = 100, .entries_per_signer_max = 3});
  const KeyCache::Time now{};
  cache.insert("other", key_of(2), now);
  for (int i = 0; i < 10; ++i) cache.insert("k" + std::to_string(i), key_of(1), now);
  EXPECT_EQ(cache.size(), 4u);
  EXPECT_TRUE(cache.find("other", now));
  EXPECT_TRUE(cache.find("k9", now));
  EXPECT_FALSE(cache.find("k6", now));
}

TEST(KeyCache, IsBoundedInAll) {
  KeyCache cache({.entries_max = 3, .entries_per_signer_max = 3});
  const KeyCache::Time now{};
  for (std::uint8_t i = 0; i < 10; ++i) cache.insert("k" + std::to_string(i), key_of(i), now);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_FALSE(cache.find("k6", now));
  EXPECT_TRUE(cache.find("k7", now));
}

TEST(KeyCache, ForgetsTheKeysOfWhoIsNotListed) {
  KeyCache cache;
  const KeyCache::Time now{};
  cache.insert("listed", key_of(1, "dep-1"), now);
  cache.insert("elsewhere", key_of(2, "dep-1"), now);  // listed, but for dep-2
  cache.insert("gone", key_of(3, "dep-1"), now);
  const auto in_use = cache.find("gone", now).value();
  cache.keep_only(*Router::create(test_table()));
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_TRUE(cache.find("listed", now));
  EXPECT_EQ(in_use->signer, point(3));  // whoever opens an answer under it still has it
}

}  // namespace
}  // namespace mifeng::proxy
