#include "podman_status.h"

#include <charconv>
#include <cstdio>
#include <ctime>

#include "json_path.h"
#include "mifeng/base/phrase.h"
#include "podman_render.h"

namespace mifeng::cluster {
namespace {

int number_or_zero(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

InstanceState state_of(const std::string& state) {
  if (state == "running" || state == "paused") return InstanceState::kRunning;
  if (state == "exited") return InstanceState::kExited;
  // "stopped" is between the end of the process and its clean-up.
  if (state == "stopping" || state == "removing" || state == "stopped") return InstanceState::kStopping;
  return InstanceState::kPending;  // "created", "initialized", "configured"
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > 300) {
    // Not within a character of UTF-8.
    std::size_t end = 300;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return text;
}

}  // namespace

const char* to_string(InstanceState state) {
  switch (state) {
    case InstanceState::kMissing: return "missing";
    case InstanceState::kPending: return "pending";
    case InstanceState::kRunning: return "running";
    case InstanceState::kStopping: return "stopping";
    case InstanceState::kExited: return "exited";
    case InstanceState::kFailed: return "failed";
  }
  return "missing";
}

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

InstanceStatus status_of_inspected(const json::Object& inspected) {
  InstanceStatus status;
  status.name = text_at(inspected, "Name");
  status.engine_id = text_at(inspected, "Id");
  status.deployment = text_at(inspected, "Config", "Labels", kLabelDeployment);
  status.replica = number_or_zero(text_at(inspected, "Config", "Labels", kLabelReplica));
  status.image = text_at(inspected, "ImageName");
  status.state = state_of(text_at(inspected, "State", "Status"));
  status.started_at_ms = parse_engine_time(text_at(inspected, "State", "StartedAt"));
  if (status.state == InstanceState::kExited || status.state == InstanceState::kStopping) {
    status.finished_at_ms = parse_engine_time(text_at(inspected, "State", "FinishedAt"));
    status.exit_code = static_cast<int>(integer_at(inspected, "State", "ExitCode"));
  }
  if (const json::Value* networks = at(inspected, "NetworkSettings", "Networks");
      networks != nullptr && networks->if_object() != nullptr) {
    for (const auto& [name, network] : *networks->if_object()) {
      if (network.if_object() != nullptr) status.address = text_at(*network.if_object(), "IPAddress");
    }
  }
  return status;
}

InstanceStatus status_of_listed(const json::Object& listed) {
  InstanceStatus status;
  const std::vector<std::string> names = texts_at(listed, "Names");
  if (!names.empty()) status.name = names.front();
  status.engine_id = text_at(listed, "Id");
  status.deployment = text_at(listed, "Labels", kLabelDeployment);
  status.replica = number_or_zero(text_at(listed, "Labels", kLabelReplica));
  status.image = text_at(listed, "Image");
  status.state = state_of(text_at(listed, "State"));
  if (const std::int64_t started = integer_at(listed, "StartedAt"); started > 0) status.started_at_ms = started * 1000;
  if (status.state == InstanceState::kExited) {
    if (const std::int64_t ended = integer_at(listed, "ExitedAt"); ended > 0) status.finished_at_ms = ended * 1000;
    status.exit_code = static_cast<int>(integer_at(listed, "ExitCode"));
    explain_exit(status, "", std::nullopt);
  }
  return status;
}

void explain_exit(InstanceStatus& status, const std::string& last_line, std::optional<std::int64_t> memory_limit) {
  const int code = status.exit_code.value_or(0);
  std::string sentence;
  if (code == 137 && memory_limit) {
    // libpod's OOMKilled stays false; with a limit set, SIGKILL that nobody sent is nearly always that limit.
    status.reason_code = "out-of-memory";
    sentence = phrase(
        "killed (exit status 137), most likely because it needed more than its memory limit of {} MiB: raise "
        "resources.limits.memory",
        *memory_limit >> 20);
  } else {
    status.reason_code = "exited";
    sentence = code > 128 && code < 160 ? phrase("ended with exit status {} (signal {})", code, code - 128)
                                        : phrase("ended with exit status {}", code);
  }
  if (!last_line.empty()) sentence = phrase("{}; its last words: {}", sentence, one_line(last_line));
  status.reason = sentence;
}

// "listen tcp4 127.0.0.1:30991: bind: address already in use": the digits before ": bind".
static std::string port_in(std::string_view message) {
  const std::size_t end = message.find(": bind:");
  if (end == std::string_view::npos) return "";
  std::size_t begin = end;
  while (begin > 0 && message[begin - 1] >= '0' && message[begin - 1] <= '9') --begin;
  return begin > 0 && message[begin - 1] == ':' ? std::string(message.substr(begin, end - begin)) : "";
}

Explained explain_start_failure(const std::string& engine_message, const std::vector<HostPort>& ports) {
  const auto has = [&](std::string_view part) { return engine_message.find(part) != std::string::npos; };
  if (has("address already in use") || has("port is already allocated")) {
    std::string port;
    for (const HostPort& candidate : ports) {
      const std::string number = std::to_string(candidate.host_port);
      if (has(":" + number + ":") || has(":" + number + " ")) port = number;
    }
    // A container that is started again comes without its workload; then the engine's words have to do.
    if (ports.empty()) port = port_in(engine_message);
    return {"port-taken",
            port.empty()
                ? phrase("host port of this replica is held by another program: free it, or deploy to another port")
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

}  // namespace mifeng::cluster
