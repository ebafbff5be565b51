#include "guard_events.h"

#include <algorithm>
#include <array>
#include <limits>

namespace mifeng::grants {
namespace {

// Sorted. Its own, and what its nginx counts (spec/key-socket.md).
constexpr std::array<std::string_view, 16> kClasses{
    "bad-request-id",   "body-too-large",       "duplicate-field", "grant-refused",
    "grant-unanswered", "informational-status", "length-mismatch", "model-broke-off",
    "model-ended",      "nginx-restarted",      "no-seal-key",     "other",
    "renewal-refused",  "renewal-unanswered",   "seal-not-empty",  "upgrade-refused"};
static_assert(std::is_sorted(kClasses.begin(), kClasses.end()));

std::string_view known(std::string_view event_class) {
  const auto found = std::lower_bound(kClasses.begin(), kClasses.end(), event_class);
  return found != kClasses.end() && *found == event_class ? *found : std::string_view("other");
}

}  // namespace

std::map<std::string_view, std::uint64_t> summed_events(const std::vector<messages::EventCount>& events) {
  std::map<std::string_view, std::uint64_t> sums;
  for (const messages::EventCount& event : events) {
    if (event.count == 0) continue;
    std::uint64_t& sum = sums[known(event.event_class)];
    sum += std::min(event.count, std::numeric_limits<std::uint64_t>::max() - sum);
  }
  return sums;
}

}  // namespace mifeng::grants
