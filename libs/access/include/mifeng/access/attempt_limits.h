// How often one container may be refused. What it was granted is counted in the database; refusals leave only audit
// entries, and those must not be made without end.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::access {

class AttemptLimits {
 public:
  // kResourceExhausted "too-many-requests" after 20 requests in 10 minutes none of which was granted.
  Result<void> take(const std::string& who, UnixMillis now_ms);
  void forget(const std::string& who);
  // The same count without an error: whether this refusal should still be written down.
  bool may_audit(const std::string& who, UnixMillis now_ms);

 private:
  std::mutex mutex_;
  std::map<std::string, std::deque<UnixMillis>> attempts_;
};

}  // namespace mifeng::access
