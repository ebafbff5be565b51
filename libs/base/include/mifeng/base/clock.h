// What time it is; handed in through constructors, so that tests run without waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng {

// Milliseconds since 1970-01-01T00:00:00Z, the form that times have in our formats and tables.
using UnixMillis = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMillis now_ms() const = 0;                                 // may jump
  virtual std::chrono::steady_clock::time_point steady_now() const = 0;  // never goes back
};

class SystemClock final : public Clock {
 public:
  UnixMillis now_ms() const override;
  std::chrono::steady_clock::time_point steady_now() const override;
};

// For tests: stands still until it is moved.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(UnixMillis start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  void advance(std::chrono::milliseconds by) {
    now_ms_ += by.count();
    steady_ += by;
  }
  UnixMillis now_ms() const override { return now_ms_; }
  std::chrono::steady_clock::time_point steady_now() const override { return steady_; }

 private:
  UnixMillis now_ms_;
  std::chrono::steady_clock::time_point steady_{};
};

// "2024-06-11T08:30:00.123Z" (RFC 3339, always UTC, always milliseconds) and back; kInvalidArgument "bad-time".
std::string format_time(UnixMillis ms);
Result<UnixMillis> parse_time(const std::string& text);

}  // namespace mifeng
