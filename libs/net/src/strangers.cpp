#include "strangers.h"

#include <algorithm>

namespace mifeng::net {

std::optional<Strangers::Id> Strangers::add(Id id, const std::string& from) {
  if (limits_.all == 0) return std::nullopt;
  const bool source_is_full = waiting_.contains(from) && waiting_[from].size() >= limits_.of_one_source;
  std::optional<Id> goes;
  if (source_is_full) {
    goes = waiting_[from].front();
  } else if (sources_.size() >= limits_.all) {
    const auto most = std::max_element(waiting_.begin(), waiting_.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    goes = most->second.front();
  }
  if (goes) remove(*goes);
  waiting_[from].push_back(id);
  sources_[id] = from;
  return goes;
}

void Strangers::remove(Id id) {
  const auto source = sources_.find(id);
  if (source == sources_.end()) return;
  const auto waiting = waiting_.find(source->second);
  std::erase(waiting->second, id);
  if (waiting->second.empty()) waiting_.erase(waiting);
  sources_.erase(source);
}

}  // namespace mifeng::net
