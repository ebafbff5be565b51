// Why a unit is not ready, by what its guard's log says: for engines that see of its containers no more than that they
// run. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/cluster/units.h"

namespace mifeng::cluster {

// What the newest of these lines of a guard's log says of a unit that is not ready; nothing where none says anything.
struct GuardSaid {
  enum class Kind { kNoGrant, kStarting, kModelEnded, kNotReady };
  Kind kind = Kind::kNotReady;
  std::string words;  // why there is no grant, how the model ended, why it is not ready
};
std::optional<GuardSaid> read_guard_log(const std::vector<std::string>& lines);

// "no-grant", "out-of-memory", "exited", "not-ready". `model_words`: the last that the model said itself;
// `memory_limit`: its container's, in bytes, 0 where it is not known.
Reason why_by_guard(const GuardSaid& said, const std::string& model_words, std::int64_t memory_limit = 0);
Reason why_not_ready(const std::string& words);
// "listens-elsewhere", of a model that its guard waits for.
Reason why_elsewhere(const std::string& address, std::uint16_t port);

// What to do about a model that does not come up.
std::string see_log();

}  // namespace mifeng::cluster
