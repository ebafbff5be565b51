// What libpod says about a container, as a Unit. Pure functions: no I/O.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mifeng/cluster/engine.h"
#include "mifeng/json/value.h"

namespace mifeng::cluster {

struct Claimed {
  std::int64_t cpu_millis = 0;
  std::int64_t memory_bytes = 0;
};

// A unit as its containers were last looked at: what is said of it is said of its guard's, unless it says otherwise.
struct Seen {
  Unit unit;                // `ready` and `reason` are completed by what asks for its health and its log
  int slot = -1;            // -1: its name is not the one of its labels, so we did not make it
  std::string fingerprint;  // another one when a container is another one, or in another state, or started again
  std::string address;      // in the container network; may be empty
  std::uint16_t health_port = manifest::kHealthPort;
  std::optional<std::int64_t> memory_limit;
  std::int64_t model_memory_limit = 0;  // bytes; 0 where there is none
  bool is_paused = false;
  bool model_runs = false;                // its container
  Claimed claimed;                        // of both
  std::optional<std::int64_t> model_pid;  // while it runs; of this machine
  // Why it was not ready when its logs were last looked into, and when that was.
  std::optional<Reason> told;
  UnixMillis told_at_ms = 0;
  // What it was compared with, and the first field that differs. Shared with the view, which keeps the wanted one.
  std::shared_ptr<const Workload> compared;
  std::optional<std::string> drift;
};

// Of GET containers/NAME/json for the guard's container, and for the model's where there is one.
Seen seen_in(const json::Object& inspected, const json::Object* model);

// Of GET containers/json: enough of each unit to know whether it must be looked at again. A model's container without
// its guard's is no unit.
struct Listed {
  std::string name;
  std::string deployment;
  std::string fingerprint;
};
std::vector<Listed> listed_in(const std::vector<json::Object>& containers);

// "2026-11-23T03:02:59.934135394Z" or with an offset; nothing for libpod's zero time (year 1) and for what is no time.
std::optional<UnixMillis> parse_engine_time(const std::string& text);

// What a unit's two containers logged last; empty where there is nothing.
struct LastWords {
  std::vector<std::string> guard_lines;  // the newest last
  std::string guard, model;              // the last line; of a model, which may write to two outputs, the last two
};

// An end in one sentence: exit code, what it means, the last lines of the logs. Fills reason and reason_code.
void explain_exit(Unit& unit, const LastWords& words, std::optional<std::int64_t> memory_limit);

// What the engine said when a start or a pull failed, as a sentence for a person, and the code of the reason.
struct Explained {
  std::string code;
  std::string sentence;
  bool operator==(const Explained&) const = default;
};
Explained explain_start_failure(const std::string& engine_message, const std::vector<NodePort>& ports);

// One line of GET events. Of other things than containers of a deployment, and of nonsense, there is nothing.
struct ContainerNews {
  std::string name;  // of the unit
  bool is_of_guard = true;
  std::string deployment;
  Event event;
};
std::optional<ContainerNews> news_in(const std::string& line);

}  // namespace mifeng::cluster
