// Which endpoint of a deployment a request is sent to next. One for each worker: what a worker has seen itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "mifeng/proxy/router.h"

namespace mifeng::proxy {

class Balancer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Where the next attempt goes: those that stand least often in `tried`, of these the unmarked ones first, then the
  // one with the fewest of our requests under way, then the one that was chosen longest ago. A unit is tried once, a
  // balanced address as often as one likes: the next connection leads to another unit. None when every unit was tried.
  // Counts as under way until done() is called.
  const EndpointAddress* choose(const std::vector<EndpointAddress>& endpoints,
                                const std::vector<const EndpointAddress*>& tried, Time now);

  enum class Outcome {
    kAnswered,  // a response came, whatever it said
    kFailed,    // no connection, or it broke: marked for 1 s, then twice as long each time, up to 16 s
    kLeaving,   // it answered and said that it ends soon: marked for 10 s
    kUnused,    // the caller went away, or one connection of a balanced address failed
  };
  void done(const std::string& name, Outcome outcome, Time now);

  // Marks one as failed of which no request is under way any more: a balanced address behind which no unit was reached.
  void mark(const std::string& name, Time now);

  // Forgets what belongs to no address of this table, unless a request is under way there.
  void keep_only(const Router& router);

 private:
  struct State {
    std::uint32_t under_way = 0;
    std::uint32_t failures = 0;
    Time marked_until{};
    std::uint64_t chosen = 0;  // when, in counts of choices
  };
  std::unordered_map<std::string, State> states_;
  std::uint64_t choices_ = 0;
};

}  // namespace mifeng::proxy
