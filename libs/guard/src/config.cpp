#include "mifeng/guard/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "mifeng/base/bytes.h"

namespace mifeng::guard {

namespace {

constexpr std::size_t kPortsMax = 16;
// The last number means nobody (setuid(2)), and 0 is root.
constexpr ::uid_t kUidMax = 0xffff'fffe;

Error bad_environment(const std::string& name, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "bad-environment",
               "the environment variable " + name + " " + what + "; the platform sets it when it deploys a model");
}

template <typename Integer>
std::optional<Integer> number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// RFC 6335 section 5.1, as Kubernetes has port names.
bool is_port_name(std::string_view name) {
  return !name.empty() && name.size() <= 15 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<std::vector<NamedPort>> parse_ports(std::string_view text) {
  const auto bad = [] { return bad_environment("MIFENG_PORTS", "must be like http=8080,metrics=9000"); };
  std::vector<NamedPort> ports;
  std::set<std::string> names;
  std::set<std::uint16_t> numbers;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || !is_port_name(item.substr(0, equals))) return bad();
    const auto port = number<std::uint16_t>(item.substr(equals + 1));
    if (!port || *port == 0) return bad();
    ports.push_back({std::string(item.substr(0, equals)), *port});
    if (!names.insert(ports.back().name).second || !numbers.insert(*port).second) return bad();
  }
  if (ports.empty() || ports.size() > kPortsMax) return bad();
  return ports;
}

bool is_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= 1024 && std::all_of(text.begin(), text.end(), [](char c) {
           return c > 0x20 && c < 0x7f && std::string_view("\"\\${};#'").find(c) == std::string_view::npos;
         });
}

bool is_tag(std::string_view text) {
  return text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::filesystem::path GuardConfig::start_socket() const { return folders.guard / "start.sock"; }

std::filesystem::path GuardConfig::model_socket(std::size_t port_index) const {
  return folders.model / (port_index == 0 ? "model.sock" : "model-" + ports[port_index].name + ".sock");
}

Result<GuardConfig> read_config(const std::map<std::string, std::string>& environment, Folders folders) {
  const auto find = [&](const std::string& name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    return at == environment.end() ? std::nullopt : std::optional(at->second);
  };
  const auto required = [&](const std::string& name) -> Result<std::string> {
    const auto value = find(name);
    if (!value || value->empty()) return bad_environment(name, "is missing");
    return *value;
  };
  const auto required_key = [&](const std::string& name) -> Result<crypto::Sm2PublicKey> {
    MIFENG_TRY(const std::string text, required(name));
    const auto point = from_base64(text);
    auto key = point ? crypto::Sm2PublicKey::from_point(*point) : Result<crypto::Sm2PublicKey>(point.error());
    if (!key) return bad_environment(name, "must be a public key: the base64 of a point's 65 bytes");
    return key;
  };
  MIFENG_TRY(std::string deployment, required("MIFENG_DEPLOYMENT"));
  MIFENG_TRY(std::string instance, required("MIFENG_UNIT"));
  MIFENG_TRY(std::string platform, required("MIFENG_PLATFORM"));
  MIFENG_TRY(auto identity_key, required_key("MIFENG_IDENTITY_KEY"));
  MIFENG_TRY(auto delivery_key, required_key("MIFENG_DELIVERY_KEY"));
  MIFENG_TRY(const std::string user, required("MIFENG_MODEL_UID"));
  const auto model_uid = number<::uid_t>(user);
  // With one number for both, who listens on a socket would say nothing.
  if (!model_uid || *model_uid < 1 || *model_uid > kUidMax || *model_uid == ::geteuid())
    return bad_environment("MIFENG_MODEL_UID",
                           "must be the number of the model's user, neither root's nor the guard's");
  GuardConfig config{.folders = std::move(folders),
                     .deployment = std::move(deployment),
                     .instance = std::move(instance),
                     .platform = std::move(platform),
                     .identity_key = std::move(identity_key),
                     .delivery_key = std::move(delivery_key),
                     .model_uid = *model_uid,
                     .ports = {},
                     .readiness = {},
                     .seal_key = {},
                     .door = {}};
  if (!config.platform.starts_with("unix:/")) {
    if (!config.platform.starts_with("http://"))
      return bad_environment("MIFENG_PLATFORM", "must be like unix:/FILE or http://HOST:PORT");
    DoorConfig door;
    MIFENG_TRY(door.tag, required("MIFENG_DOOR_TAG"));
    if (!is_tag(door.tag))
      return bad_environment("MIFENG_DOOR_TAG", "must be at most 256 printable characters without spaces");
    MIFENG_TRY(door.pod_uid, required("MIFENG_POD_UID"));
    MIFENG_TRY(door.token_file, required("MIFENG_TOKEN_FILE"));
    if (!door.token_file.is_absolute()) return bad_environment("MIFENG_TOKEN_FILE", "must be an absolute path");
    config.door = std::move(door);
  } else {
    for (const char* name : {"MIFENG_DOOR_TAG", "MIFENG_POD_UID", "MIFENG_TOKEN_FILE"})
      if (find(name)) return bad_environment(name, "goes with a MIFENG_PLATFORM of http://HOST:PORT alone");
  }
  MIFENG_TRY(const std::string ports, required("MIFENG_PORTS"));
  MIFENG_TRY(config.ports, parse_ports(ports));
  config.readiness = find("MIFENG_READINESS").value_or("");
  if (!config.readiness.empty() && !is_path(config.readiness))
    return bad_environment("MIFENG_READINESS", "must be a path such as /v2/health/ready");
  if (const auto grace = find("MIFENG_TERMINATION_GRACE")) {
    const auto seconds = number<int>(*grace);
    if (!seconds || *seconds < 1 || *seconds > 86400)
      return bad_environment("MIFENG_TERMINATION_GRACE", "must be a number of seconds from 1 to 86400");
    config.termination_grace = std::chrono::seconds(*seconds);
  }
  if (const auto lame_duck = find("MIFENG_LAME_DUCK")) {
    const auto seconds = number<int>(*lame_duck);
    if (!seconds || *seconds < 0 || *seconds > 60)
      return bad_environment("MIFENG_LAME_DUCK", "must be a number of seconds from 0 to 60");
    config.lame_duck = std::chrono::seconds(*seconds);
  }
  if (const auto age = find("MIFENG_SEAL_KEY_SECONDS")) {
    const auto seconds = number<int>(*age);
    if (!seconds || *seconds < 2 || std::chrono::seconds(*seconds) > sealed::kResponseKeyAgeMax)
      return bad_environment("MIFENG_SEAL_KEY_SECONDS", "must be a number of seconds from 2 to 900");
    config.seal_key.age_max = std::chrono::seconds(*seconds);
  }
  if (const auto streams = find("MIFENG_SEAL_KEY_ANSWERS")) {
    const auto answers = number<std::uint64_t>(*streams);
    if (!answers || *answers < 1000 || *answers > sealed::kResponseStreamsMax)
      return bad_environment("MIFENG_SEAL_KEY_ANSWERS", "must be a number from 1000 to 1048576");
    config.seal_key.streams_max = *answers;
  }
  return config;
}

Result<RehearsalConfig> read_rehearsal(const std::map<std::string, std::string>& environment) {
  const auto required = [&](const char* name) -> Result<std::string> {
    const auto at = environment.find(name);
    if (at == environment.end() || at->second.empty()) return bad_environment(name, "is missing");
    return at->second;
  };
  RehearsalConfig config;
  MIFENG_TRY(config.deployment, required("MIFENG_DEPLOYMENT"));
  MIFENG_TRY(config.platform, required("MIFENG_PLATFORM"));
  MIFENG_TRY(config.tag, required("MIFENG_DOOR_TAG"));
  if (!is_tag(config.tag))
    return bad_environment("MIFENG_DOOR_TAG", "must be at most 256 printable characters without spaces");
  MIFENG_TRY(const std::string ports, required("MIFENG_PORTS"));
  MIFENG_TRY(const auto named, parse_ports(ports));
  config.port = named.front().port;
  return config;
}

}  // namespace mifeng::guard
