// How often somebody may call: the generic cell rate algorithm (ITU-T I.371, annex A) as a virtual schedule. All that
// is remembered is when the next call is due.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mifeng::proxy {

struct CallRate {
  std::chrono::nanoseconds interval;  // between two calls that are evenly spread
  std::uint32_t burst;                // calls that may come at once, after a pause that is long enough

  // A tenth of a minute's calls may come at once, so that a page of calls passes and a minute's whole number does not.
  static constexpr CallRate per_minute(std::uint32_t calls) {
    return {std::chrono::nanoseconds(std::chrono::minutes(1)) / calls, std::max(calls / 10, 1u)};
  }
};

struct RateDecision {
  bool goes = false;
  std::chrono::nanoseconds due{};   // what is to be remembered, whether it goes or not
  std::chrono::nanoseconds wait{};  // after which the next one goes, where it does not
};

// `due` is what was remembered, 0 of nobody; times count from one beginning. What was remembered under a slower rate
// holds nobody up for longer than this rate does: such a due time is cut, and that is remembered where the call does
// not go.
constexpr RateDecision decide(const CallRate& rate, std::chrono::nanoseconds due, std::chrono::nanoseconds now) {
  const std::chrono::nanoseconds from = std::clamp(due, now, now + rate.burst * rate.interval);
  const std::chrono::nanoseconds ahead = (rate.burst - 1) * rate.interval;
  if (from - now > ahead) return {false, from, from - ahead - now};
  return {true, from + rate.interval, {}};
}

}  // namespace mifeng::proxy
