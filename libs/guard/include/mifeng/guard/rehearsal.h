// A guard without a model: what a platform puts on a cluster's nodes before anything of a vendor's is there, to see
// that their pods start, reach the platform, and are reached (`mifeng cluster rehearse`).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/guard/config.h"

namespace mifeng::guard {

struct RehearsalOptions {
  RehearsalConfig config;
  std::uint16_t health_port = 0;
  std::function<void(const std::string&)> log;
};
// Asks at the guards' door until it has been let in once, is ready then, and goes on answering until SIGTERM or SIGINT.
// kConflict "port-taken" and the like before that.
Result<void> rehearse(const RehearsalOptions& options);

}  // namespace mifeng::guard
