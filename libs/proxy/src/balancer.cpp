#include "mifeng/proxy/balancer.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace mifeng::proxy {

namespace {

// Longer than it takes a guard from its first word of it until it takes no more connections (its lame-duck time, 5 s
// unless set otherwise): so that none is just being made then. What is the only one is asked all the same.
constexpr std::chrono::seconds kLeavingMark{10};

}  // namespace

const EndpointAddress* Balancer::choose(const std::vector<EndpointAddress>& endpoints,
                                        const std::vector<const EndpointAddress*>& tried, Time now) {
  const EndpointAddress* best = nullptr;
  using Rank = std::tuple<std::ptrdiff_t, bool, std::uint32_t, std::uint64_t>;
  Rank best_rank;
  for (const auto& endpoint : endpoints) {
    const std::ptrdiff_t before = std::count(tried.begin(), tried.end(), &endpoint);
    if (before > 0 && endpoint.kind == EndpointKind::kUnit) continue;
    const auto state = states_.find(endpoint.name);
    const auto rank = state == states_.end() ? Rank(before, false, 0, 0)
                                             : Rank(before, state->second.marked_until > now, state->second.under_way,
                                                    state->second.chosen);
    if (best == nullptr || rank < best_rank) {
      best = &endpoint;
      best_rank = rank;
    }
  }
  if (best != nullptr) {
    State& state = states_[best->name];
    ++state.under_way;
    state.chosen = ++choices_;
  }
  return best;
}

void Balancer::done(const std::string& name, Outcome outcome, Time now) {
  const auto found = states_.find(name);
  if (found == states_.end()) return;
  State& state = found->second;
  if (state.under_way > 0) --state.under_way;
  if (outcome == Outcome::kAnswered) {
    state.failures = 0;
    state.marked_until = {};
  } else if (outcome == Outcome::kLeaving) {
    state.failures = 0;
    state.marked_until = now + kLeavingMark;
  } else if (outcome == Outcome::kFailed) {
    mark(name, now);
  }
}

void Balancer::mark(const std::string& name, Time now) {
  const auto found = states_.find(name);
  if (found == states_.end()) return;
  State& state = found->second;
  state.marked_until = std::max(state.marked_until, now + std::chrono::seconds(1u << std::min(state.failures, 4u)));
  ++state.failures;
}

void Balancer::keep_only(const Router& router) {
  std::unordered_set<std::string> listed;
  router.for_each_endpoint([&](const EndpointAddress& endpoint) { listed.insert(endpoint.name); });
  std::erase_if(states_, [&](const auto& item) { return item.second.under_way == 0 && !listed.contains(item.first); });
}

}  // namespace mifeng::proxy
