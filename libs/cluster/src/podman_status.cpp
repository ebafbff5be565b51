#include "podman_status.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <map>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"
#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

std::int64_t number_or_zero(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

UnitState state_of(const std::string& state) {
  if (state == "running" || state == "paused") return UnitState::kRunning;
  if (state == "exited") return UnitState::kExited;
  // "stopped" is between the end of the process and its clean-up.
  if (state == "stopping" || state == "removing" || state == "stopped") return UnitState::kStopping;
  return UnitState::kPending;  // "created", "initialized", "configured"
}

// The same of both answers, so that a list says whether a container must be looked at again. libpod lists whole
// seconds, and its zero time as a negative number; the process tells two starts within a second apart.
std::string fingerprint_of(const std::string& id, UnitState state, bool is_paused, std::int64_t pid,
                           std::int64_t started_s, std::int64_t exit_code) {
  const bool has_ended = state == UnitState::kExited;
  return id + (is_paused ? " paused " : " ") + to_string(state) + " " +
         (state == UnitState::kRunning ? std::to_string(pid) : std::string()) + " " +
         std::to_string(std::max<std::int64_t>(0, started_s)) + " " + (has_ended ? std::to_string(exit_code) : "");
}

}  // namespace

const char* to_string(UnitState state) {
  switch (state) {
    case UnitState::kPending: return "pending";
    case UnitState::kRunning: return "running";
    case UnitState::kStopping: return "stopping";
    case UnitState::kExited: return "exited";
    case UnitState::kFailed: return "failed";
  }
  return "pending";
}

const char* to_string(EndpointKind kind) { return kind == EndpointKind::kUnit ? "unit" : "balanced"; }

std::optional<UnixMillis> parse_engine_time(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (text.size() > 64 ||
      std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
          6 ||
      year < 1970) {
    return std::nullopt;
  }
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  std::int64_t ms = static_cast<std::int64_t>(::timegm(&parts)) * 1000;
  std::size_t i = static_cast<std::size_t>(used);
  if (i < text.size() && text[i] == '.') {
    int scale = 100;
    for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, scale /= 10) ms += (text[i] - '0') * scale;
  }
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) {
    int offset_hours = 0, offset_minutes = 0;
    if (std::sscanf(text.c_str() + i + 1, "%2d:%2d", &offset_hours, &offset_minutes) != 2) return std::nullopt;
    const std::int64_t offset_ms = (offset_hours * 60 + offset_minutes) * 60'000LL;
    ms -= text[i] == '+' ? offset_ms : -offset_ms;
  }
  return ms;
}

namespace {

std::vector<NodePort> node_ports_of(const json::Object& inspected, int slot) {
  std::vector<NodePort> ports;
  const json::Value* value = at(inspected, "HostConfig", "PortBindings");
  const json::Object* bindings = value == nullptr ? nullptr : value->if_object();
  if (bindings == nullptr) return ports;
  const std::string names = text_at(inspected, "Config", "Labels", kLabelPorts);
  for (std::size_t from = 0; from < names.size();) {
    const std::size_t end = std::min(names.find(',', from), names.size());
    const std::string entry = names.substr(from, end - from);
    from = end + 1;
    const std::size_t colon = entry.find(':');
    if (colon == std::string::npos) continue;
    const json::Value* bound = bindings->find(entry.substr(colon + 1) + "/tcp");
    if (bound == nullptr || bound->if_array() == nullptr || bound->if_array()->empty()) continue;
    const json::Object* first = bound->if_array()->begin()->if_object();
    const auto number = first == nullptr ? 0 : number_or_zero(text_at(*first, "HostPort"));
    if (number > 0 && number <= 65535)
      ports.push_back({entry.substr(0, colon), slot, static_cast<std::uint16_t>(number)});
  }
  return ports;
}

Claimed claimed_of(const json::Object& inspected) {
  Claimed claimed;
  // As in a cluster: a bound without a request is the request.
  const std::int64_t shares = integer_at(inspected, "HostConfig", "CpuShares");
  const std::int64_t quota = integer_at(inspected, "HostConfig", "CpuQuota");
  claimed.cpu_millis = shares > 0 ? shares * 1000 / 1024 : std::max<std::int64_t>(0, quota) * 1000 / kCpuPeriodMicros;
  const std::int64_t reservation = integer_at(inspected, "HostConfig", "MemoryReservation");
  claimed.memory_bytes =
      reservation > 0 ? reservation : std::max<std::int64_t>(0, integer_at(inspected, "HostConfig", "Memory"));
  return claimed;
}

}  // namespace

namespace {

std::string fingerprint_in(const json::Object& inspected) {
  const std::string status = text_at(inspected, "State", "Status");
  return fingerprint_of(text_at(inspected, "Id"), state_of(status), status == "paused",
                        integer_at(inspected, "State", "Pid"),
                        parse_engine_time(text_at(inspected, "State", "StartedAt")).value_or(0) / 1000,
                        integer_at(inspected, "State", "ExitCode"));
}

std::string fingerprint_listed(const json::Object& entry) {
  const std::string state = text_at(entry, "State");
  return fingerprint_of(text_at(entry, "Id"), state_of(state), state == "paused", integer_at(entry, "Pid"),
                        integer_at(entry, "StartedAt"), integer_at(entry, "ExitCode"));
}

std::string of_both(const std::string& guard, const std::string& model) { return guard + "| " + model; }

}  // namespace

Seen seen_in(const json::Object& inspected, const json::Object* model) {
  Seen seen;
  Unit& unit = seen.unit;
  unit.name = text_at(inspected, "Name");
  unit.engine_id = text_at(inspected, "Id");
  unit.deployment = text_at(inspected, "Config", "Labels", kLabelDeployment);
  unit.revision = number_or_zero(text_at(inspected, "Config", "Labels", kLabelRevision));
  unit.restart = number_or_zero(text_at(inspected, "Config", "Labels", kLabelRestart));
  const std::string status = text_at(inspected, "State", "Status");
  unit.state = state_of(status);
  unit.started_at_ms = parse_engine_time(text_at(inspected, "State", "StartedAt"));
  if (unit.state == UnitState::kExited || unit.state == UnitState::kStopping) {
    unit.finished_at_ms = parse_engine_time(text_at(inspected, "State", "FinishedAt"));
    unit.exit_code = static_cast<int>(integer_at(inspected, "State", "ExitCode"));
  }
  const std::string slot = text_at(inspected, "Config", "Labels", kLabelSlot);
  const std::int64_t number = number_or_zero(slot);
  const bool is_slot = number >= 0 && number < kSlots && slot == std::to_string(number);
  // Its place is what its name says: so two never have the same, whatever their labels are.
  if (is_slot && unit.name.ends_with("-" + unit.deployment + "-" + slot)) seen.slot = static_cast<int>(number);
  unit.node_ports = node_ports_of(inspected, seen.slot);
  const std::int64_t health = number_or_zero(text_at(inspected, "Config", "Labels", kLabelHealthPort));
  if (health > 0 && health <= 65535) seen.health_port = static_cast<std::uint16_t>(health);
  seen.claimed = claimed_of(inspected);
  if (model != nullptr) {
    const Claimed more = claimed_of(*model);
    seen.claimed.cpu_millis += more.cpu_millis;
    seen.claimed.memory_bytes += more.memory_bytes;
    seen.model_runs = state_of(text_at(*model, "State", "Status")) == UnitState::kRunning;
    seen.model_memory_limit = integer_at(*model, "HostConfig", "Memory");
    if (const std::int64_t pid = integer_at(*model, "State", "Pid"); seen.model_runs && pid > 0) seen.model_pid = pid;
  }
  if (const std::int64_t memory = integer_at(inspected, "HostConfig", "Memory"); memory > 0) seen.memory_limit = memory;
  seen.is_paused = status == "paused";
  if (const json::Value* networks = at(inspected, "NetworkSettings", "Networks");
      networks != nullptr && networks->if_object() != nullptr) {
    for (const auto& [name, network] : *networks->if_object()) {
      if (network.if_object() != nullptr) seen.address = text_at(*network.if_object(), "IPAddress");
    }
  }
  seen.fingerprint = of_both(fingerprint_in(inspected), model == nullptr ? "" : fingerprint_in(*model));
  return seen;
}

std::vector<Listed> listed_in(const std::vector<json::Object>& containers) {
  std::map<std::string, std::string> models;  // fingerprints, by unit
  const auto name_of = [](const json::Object& container) {
    const std::vector<std::string> names = texts_at(container, "Names");
    return names.empty() ? std::string() : names.front();
  };
  const auto is_of_model = [](const json::Object& container) {
    return text_at(container, "Labels", kLabelPart) == to_string(Part::kModel);
  };
  for (const json::Object& container : containers)
    if (is_of_model(container)) models[unit_of(name_of(container))] = fingerprint_listed(container);
  std::vector<Listed> listed;
  for (const json::Object& container : containers) {
    if (is_of_model(container)) continue;
    Listed one;
    one.name = name_of(container);
    one.deployment = text_at(container, "Labels", kLabelDeployment);
    const auto model = models.find(one.name);
    one.fingerprint = of_both(fingerprint_listed(container), model == models.end() ? "" : model->second);
    listed.push_back(std::move(one));
  }
  return listed;
}

void explain_exit(Unit& unit, const LastWords& words, std::optional<std::int64_t> memory_limit) {
  const int code = unit.exit_code.value_or(0);
  std::string sentence;
  if (code == 137 && memory_limit) {
    // libpod's OOMKilled stays false; with a limit set, SIGKILL that nobody sent is nearly always that limit.
    unit.reason_code = "out-of-memory";
    sentence = phrase(
        "its guard was killed (exit status 137), most likely because it needed more than its {} MiB of memory, which "
        "follow from the payload's size: report this",
        *memory_limit >> 20);
  } else {
    unit.reason_code = "exited";
    sentence = code > 128 && code < 160 ? phrase("ended with exit status {} (signal {})", code, code - 128)
                                        : phrase("ended with exit status {}", code);
  }
  if (!words.guard.empty()) sentence = phrase("{}; its last words: {}", sentence, one_line(words.guard));
  if (!words.model.empty()) sentence = phrase("{}; its model's last words: {}", sentence, one_line(words.model));
  unit.reason = sentence;
}

// "listen tcp4 127.0.0.1:30991: bind: address already in use": the digits before ": bind".
static std::string port_in(std::string_view message) {
  const std::size_t end = message.find(": bind:");
  if (end == std::string_view::npos) return "";
  std::size_t begin = end;
  while (begin > 0 && message[begin - 1] >= '0' && message[begin - 1] <= '9') --begin;
  return begin > 0 && message[begin - 1] == ':' ? std::string(message.substr(begin, end - begin)) : "";
}

Explained explain_start_failure(const std::string& engine_message, const std::vector<NodePort>& ports) {
  const auto has = [&](std::string_view part) { return engine_message.find(part) != std::string::npos; };
  if (has("address already in use") || has("port is already allocated")) {
    std::string port;
    for (const NodePort& candidate : ports) {
      const std::string number = std::to_string(candidate.node_port);
      if (has(":" + number + ":") || has(":" + number + " ")) port = number;
    }
    // A container that is started again comes without its workload; then the engine's words have to do.
    if (ports.empty()) port = port_in(engine_message);
    return {"port-taken",
            port.empty()
                ? phrase("host port of this unit is held by another program: free it, or deploy to another port")
                : phrase("host port {} is held by another program: free it, or deploy to another port", port)};
  }
  if (has("no such file or directory") && has("exec:"))
    return {"cannot-start", phrase("the image does not hold the program that starts it: {}", one_line(engine_message))};
  if (has("permission denied") && has("exec:"))
    return {"cannot-start",
            phrase("the program that starts the image is not executable: {}", one_line(engine_message))};
  if (has("unresolvable CDI devices"))
    return {"cannot-start", phrase("this machine does not have the hardware asked for: {}", one_line(engine_message))};
  return {"cannot-start", phrase("the container engine could not start it: {}", one_line(engine_message))};
}

std::optional<ContainerNews> news_in(const std::string& line) {
  const auto parsed = json::parse_object(line);
  if (!parsed || text_at(*parsed, "Type") != "container") return std::nullopt;
  ContainerNews news;
  news.name = unit_of(text_at(*parsed, "Actor", "Attributes", "name"));
  news.is_of_guard = text_at(*parsed, "Actor", "Attributes", kLabelPart) != to_string(Part::kModel);
  news.deployment = text_at(*parsed, "Actor", "Attributes", kLabelDeployment);
  if (news.name.empty() || news.deployment.empty()) return std::nullopt;
  news.event.unit = news.name;
  news.event.action = text_at(*parsed, "Action");
  news.event.time_ms = integer_at(*parsed, "timeNano") / 1'000'000;
  if (news.event.time_ms == 0) news.event.time_ms = integer_at(*parsed, "time") * 1000;
  const std::string exit_code = text_at(*parsed, "Actor", "Attributes", "containerExitCode");
  if (news.event.action == "died" && !exit_code.empty())
    news.event.detail = phrase("ended with exit status {}", exit_code);
  return news;
}

}  // namespace mifeng::cluster
