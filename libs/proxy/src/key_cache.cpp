#include "mifeng/proxy/key_cache.h"

#include <algorithm>

namespace mifeng::proxy {

Result<std::shared_ptr<const CachedKey>> KeyCache::find(const std::string& cache_key, Time now) {
  const auto found = by_key_.find(cache_key);
  if (found == by_key_.end()) return Error(ErrorCode::kNotFound, "not-cached", "the root key has to be asked for");
  Entry& entry = *found->second;
  if (now - entry.first_seen >= limits_.age_max) entry.key = nullptr;
  if (entry.key == nullptr) {
    return Error(ErrorCode::kVerificationFailed, "root-key-too-old",
                 "the instance has sealed with one root key for more than an hour; restart it");
  }
  return entry.key;
}

void KeyCache::insert(const std::string& cache_key, std::shared_ptr<const CachedKey> key, Time now) {
  if (by_key_.contains(cache_key)) return;
  std::string signer(as_text(key->signer));
  auto& own = by_signer_[signer];
  if (own.size() >= limits_.entries_per_signer_max) {
    erase(own.front());
  } else if (entries_.size() >= limits_.entries_max) {
    erase(entries_.begin());
  }
  std::string deployment = key->deployment;
  entries_.push_back({cache_key, std::move(key), signer, std::move(deployment), now});
  const auto entry = std::prev(entries_.end());
  by_key_.emplace(entry->cache_key, entry);
  by_signer_[signer].push_back(entry);  // again: erase() may have removed the list that `own` was
}

void KeyCache::keep_only(const Router& router) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    crypto::Sm2Point point{};
    std::copy(entry->signer.begin(), entry->signer.end(), point.begin());
    if (router.instance(entry->deployment, point) == nullptr) erase(entry);
    entry = next;
  }
}

void KeyCache::erase(Entries::iterator entry) {
  by_key_.erase(entry->cache_key);
  const auto own = by_signer_.find(entry->signer);
  own->second.remove(entry);
  if (own->second.empty()) by_signer_.erase(own);
  entries_.erase(entry);
}

}  // namespace mifeng::proxy
