// What libpod says about a container, as an InstanceStatus. Pure functions: no I/O.
#pragma once

#include <string>
#include <vector>

#include "mifeng/cluster/engine.h"
#include "mifeng/json/value.h"

namespace mifeng::cluster {

// Of GET containers/NAME/json. `reason` and `ready` are the caller's to complete: they need more than this answer.
InstanceStatus status_of_inspected(const json::Object& inspected);
// Of one entry of GET containers/json.
InstanceStatus status_of_listed(const json::Object& listed);

// "2026-11-23T03:02:59.934135394Z" or with an offset; nothing for libpod's zero time (year 1) and for what is no time.
std::optional<UnixMillis> parse_engine_time(const std::string& text);

// An end in one sentence: exit code, what it means, the last line of the log. Fills reason and reason_code.
void explain_exit(InstanceStatus& status, const std::string& last_line, std::optional<std::int64_t> memory_limit);

// What the engine said when a start or a pull failed, as a sentence for a person, and the code of the reason.
struct Explained {
  std::string code;
  std::string sentence;
};
Explained explain_start_failure(const std::string& engine_message, const std::vector<HostPort>& ports);

}  // namespace mifeng::cluster
