// The root keys that a gateway's worker has been told, each under the exact bytes of the header blocks that carried it
// (spec/sealed-format.md, Policy). Keys lie in locked memory.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/proxy/router.h"
#include "mifeng/sealed/root_key.h"

namespace mifeng::proxy {

struct KeyCacheLimits {
  std::size_t entries_max = 8192;
  std::size_t entries_per_signer_max = 64;  // so that one instance cannot push out the keys of others
  std::chrono::steady_clock::duration age_max = std::chrono::hours(1);
};

// A root key with what belongs to it. Shared with the responses that are being opened under it, which outlive the
// entry where a table delists the signer in between.
struct CachedKey {
  sealed::RootKey root_key;
  crypto::Sm3Digest blocks_digest;  // SM3(header.blocks())
  crypto::Sm2Point signer;
  std::string deployment;
};

class KeyCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit KeyCache(KeyCacheLimits limits = {}) : limits_(limits) {}

  // `cache_key` is Header::cache_key(). kNotFound "not-cached"; kVerificationFailed "root-key-too-old" for one that was
  // first seen more than an hour ago (it is remembered, without the key, so that asking again does not make it young).
  Result<std::shared_ptr<const CachedKey>> find(const std::string& cache_key, Time now);
  // Only after MAC and signature have verified. The oldest entry gives way: the signer's own, or in all. What is there
  // under this key stays.
  void insert(const std::string& cache_key, std::shared_ptr<const CachedKey> key, Time now);
  // Forgets the keys of signers that are not listed any more for their deployment.
  void keep_only(const Router& router);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string cache_key;
    std::shared_ptr<const CachedKey> key;  // none: too old
    std::string signer;                    // the point's bytes
    std::string deployment;
    Time first_seen;
  };
  using Entries = std::list<Entry>;  // oldest first
  void erase(Entries::iterator entry);

  KeyCacheLimits limits_;
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> by_key_;  // views into the entries
  std::map<std::string, std::list<Entries::iterator>> by_signer_;   // oldest first
};

}  // namespace mifeng::proxy
