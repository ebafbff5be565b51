// How often one asker may be refused. What is granted is counted in the database; refusals leave only audit entries,
// and those must not be made without end.
#pragma once

#include <array>
#include <deque>
#include <mutex>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/recent.h"
#include "mifeng/base/result.h"

namespace mifeng::access {

// What is asked for. Each kind is counted apart, so that many of one take nothing from another.
enum class Attempt {
  kGrant,      // by a unit that has proved which it is
  kRenewal,    // the same
  kSocket,     // by a process at a unit's socket that could not prove itself
  kEnrolment,  // of a gateway that is invited; from one address
};
inline constexpr std::size_t kAttemptKinds = 4;

class AttemptLimits {
 public:
  // kResourceExhausted "too-many-requests" after 20 requests in 10 minutes none of which was granted.
  Result<void> take(Attempt kind, const std::string& who, UnixMillis now_ms);
  void forget(Attempt kind, const std::string& who);
  // Of what is granted: kResourceExhausted "too-many-renewals" after 90 of one instance in a minute, where its guard
  // needs one a second at most (the shortest lease), and some more for its model's starts.
  Result<void> take_renewal(const std::string& instance, UnixMillis now_ms);
  // The same count without an error: whether this refusal should still be written down.
  bool may_audit(Attempt kind, const std::string& who, UnixMillis now_ms);

 private:
  static constexpr std::size_t kNamesMax = 10'000;  // of a kind
  using Times = Recent<std::deque<UnixMillis>>;
  bool take_one(Times& of_all, const std::string& who, UnixMillis now_ms, UnixMillis window, std::size_t most);
  Times& of(Attempt kind) { return times_[static_cast<std::size_t>(kind)]; }

  std::mutex mutex_;
  std::array<Times, kAttemptKinds> times_{Times(kNamesMax), Times(kNamesMax), Times(kNamesMax), Times(kNamesMax)};
  Times renewed_{kNamesMax};
};

}  // namespace mifeng::access
