// How many streams there are at once: each holds a connection for as long as somebody looks at a page or follows a log.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::rest {

struct SeatLimits {
  std::size_t of_one_person = 16;  // a browser has one, whatever tabs it has
  std::size_t all = 512;           // half of what the listener takes, so that requests find a connection
};

// Thread-safe.
class StreamSeats {
 public:
  explicit StreamSeats(const SeatLimits& limits = {}) : limits_(limits) {}

  // Until what it gives has ended. kResourceExhausted "too-many-streams".
  Result<std::shared_ptr<void>> take(const std::string& person);

 private:
  void give_back(const std::string& person);

  const SeatLimits limits_;
  std::mutex mutex_;
  std::size_t all_ = 0;
  std::map<std::string, std::size_t> taken_;  // by person
};

}  // namespace mifeng::rest
