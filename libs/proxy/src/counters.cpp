#include "mifeng/proxy/counters.h"

namespace mifeng::proxy {
namespace {
// Both as in key-socket.md; what is over goes into one row, so that nothing is lost from the sums.
constexpr std::size_t kRowsMax = 4096;
constexpr std::size_t kClassesMax = 64;
}  // namespace

void Counters::refusal(std::string_view deployment, std::string_view instance, std::string_view reason) {
  auto& refusals = row(deployment, instance).refusals;
  std::string name(reason);
  if (!refusals.contains(name) && refusals.size() >= kClassesMax - 1) name = "other";
  ++refusals[name];
}

Counts Counters::take() {
  Counts counts;
  counts.rows.reserve(rows_.size());
  for (auto& [key, row] : rows_) counts.rows.push_back(std::move(row));
  rows_.clear();
  return counts;
}

CountRow& Counters::row(std::string_view deployment, std::string_view instance) {
  std::pair<std::string, std::string> key(deployment, instance);
  const auto found = rows_.find(key);
  if (found != rows_.end()) return found->second;
  if (rows_.size() >= kRowsMax - 1) key = {};
  CountRow& row = rows_[key];
  row.deployment = key.first;
  row.instance = key.second;
  return row;
}

}  // namespace mifeng::proxy
