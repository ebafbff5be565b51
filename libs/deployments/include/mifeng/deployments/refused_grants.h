// Why units got no key, kept for whoever asks why they are not ready. What is lost with the process is said again soon:
// a guard without a key goes on asking.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/error.h"

namespace mifeng::deployments {

class RefusedGrants {
 public:
  struct Refused {
    UnixMillis at_ms = 0;
    std::string reason;   // stable word: "drifted"
    std::string message;  // the platform's own, which guards are not told
  };

  // Any thread.
  void note(const std::string& cluster, const std::string& deployment, const Error& why, UnixMillis now);
  // The last one of the deployment, of the last ten minutes.
  std::optional<Refused> find(const std::string& cluster, const std::string& deployment, UnixMillis now) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Refused> last_;  // by CLUSTER/DEPLOYMENT
};

}  // namespace mifeng::deployments
