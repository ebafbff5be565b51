#include "mifeng/access/followers.h"

namespace mifeng::access {

void Followers::opened(const std::string& gateway) {
  {
    const std::lock_guard lock(mutex_);
    if (++connections_[gateway] != 1) return;
  }
  changed_(gateway);
}

void Followers::closed(const std::string& gateway) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(gateway);
    if (found == connections_.end() || --found->second > 0) return;
    connections_.erase(found);
  }
  changed_(gateway);
}

bool Followers::has(const std::string& gateway) const {
  const std::lock_guard lock(mutex_);
  return connections_.contains(gateway);
}

std::vector<std::string> Followers::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> gateways;
  for (const auto& [gateway, count] : connections_) gateways.push_back(gateway);
  return gateways;
}

}  // namespace mifeng::access
