#include "mifeng/base/clock.h"

#include <time.h>

#include <cstdio>

namespace mifeng {

UnixMillis SystemClock::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::chrono::steady_clock::time_point SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

std::string format_time(UnixMillis ms) {
  const UnixMillis millis = (ms % 1000 + 1000) % 1000;
  const time_t seconds = static_cast<time_t>((ms - millis) / 1000);
  struct tm parts {};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(millis));
  return text;
}

Result<UnixMillis> parse_time(const std::string& text) {
  struct tm parts {};
  int millis = 0;
  int used = 0;
  const bool read = text.size() == 24 &&
                    std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &parts.tm_year, &parts.tm_mon,
                                &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &millis, &used) == 7;
  if (read) {
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    const UnixMillis ms = static_cast<UnixMillis>(::timegm(&parts)) * 1000 + millis;
    // Written again it must be the same text: that refuses month 13, signs and blanks in one comparison.
    if (format_time(ms) == text) return ms;
  }
  return Error(ErrorCode::kInvalidArgument, "bad-time", "not a time like 2024-06-11T08:30:00.123Z: " + text);
}

}  // namespace mifeng
