#include "mifeng/guard/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"

namespace mifeng::guard {

namespace {

constexpr std::size_t kCardsMax = 16;
constexpr std::size_t kPortsMax = 16;
constexpr std::string_view kOwnPrefix = "MIFENG_";

Error bad_image(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, "bad-image",
               message + " The image was not made by `mifeng pack`, or was changed; pack the model again");
}

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

}  // namespace

Result<ImageFacts> decode_image_facts(ByteView json) {
  auto object = json::parse_object(as_text(json), {.bytes = kImageFactsSizeMax, .depth = 8, .values = 4000});
  if (!object) return bad_image("/mifeng/package.json: " + object.error().message());
  json::Fields fields(*object, "package.json");
  fields.word("format", {"mifeng-image/1"});
  std::string vendor = fields.string("vendor", {.min = 1, .max = 256});
  std::string model = fields.string("model", {.min = 1, .max = 256});
  std::string version = fields.string("version", {.min = 1, .max = 256});
  const Bytes point = fields.base64("vendor_public_key", crypto::kSm2PointSize, crypto::kSm2PointSize);
  std::vector<messages::PlatformCard> cards;
  std::optional<Error> card_error;
  for (json::Fields& each : fields.objects("cards", {.min = 1, .max = kCardsMax})) {
    auto card = messages::decode_card(each.whole());
    if (card) cards.push_back(std::move(*card));
    if (!card && !card_error) card_error = card.error();
  }
  json::Fields payload = fields.object("payload");
  const Bytes digest = payload.hex("header_sm3", crypto::kSm3Size, crypto::kSm3Size);
  if (auto finished = fields.finish(); !finished) return bad_image(finished.error().message());
  if (card_error) return bad_image(card_error->message());
  auto vendor_key = crypto::Sm2PublicKey::from_point(point);
  if (!vendor_key) return bad_image("package.json.vendor_public_key is no point on sm2p256v1.");
  ImageFacts facts{.vendor = std::move(vendor),
                   .model = std::move(model),
                   .version = std::move(version),
                   .vendor_key = std::move(*vendor_key),
                   .cards = std::move(cards)};
  std::copy(digest.begin(), digest.end(), facts.payload_header_sm3.begin());
  return facts;
}

std::filesystem::path GuardConfig::model_socket(std::size_t port_index) const {
  return folders.run / (port_index == 0 ? "model.sock" : "model-" + ports[port_index].name + ".sock");
}

Result<GuardConfig> read_config(const std::map<std::string, std::string>& environment,
                                const std::vector<std::string>& command, Folders folders) {
  GuardConfig config;
  config.folders = std::move(folders);
  const auto find = [&](const std::string& name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    return at == environment.end() ? std::nullopt : std::optional(at->second);
  };
  const auto required = [&](const std::string& name) -> Result<std::string> {
    const auto value = find(name);
    if (!value || value->empty()) return bad_environment(name, "is missing");
    return *value;
  };
  MIFENG_TRY(config.deployment, required("MIFENG_DEPLOYMENT"));
  MIFENG_TRY(config.instance, required("MIFENG_UNIT"));
  MIFENG_TRY(config.platform, required("MIFENG_PLATFORM"));
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
  config.card = find("MIFENG_CARD");
  config.pod_uid = find("MIFENG_POD_UID");
  if (const auto token = find("MIFENG_TOKEN_FILE")) config.token_file = *token;
  if (command.empty())
    return Error(ErrorCode::kInvalidArgument, "no-command",
                 "no command of the model was given; call mifeng-guard -- PROGRAM [ARGUMENT...]");
  config.command = command;
  for (const auto& [name, value] : environment)
    if (!name.starts_with(kOwnPrefix)) config.environment[name] = value;
  return config;
}

std::map<std::string, std::string> model_environment(const GuardConfig& config, const ImageFacts& image) {
  std::map<std::string, std::string> environment = config.environment;
  environment["MIFENG_MODEL_NAME"] = image.model;
  environment["MIFENG_MODEL_VERSION"] = image.version;
  environment["MIFENG_SOCKET"] = config.model_socket(0).string();
  for (std::size_t i = 1; i < config.ports.size(); ++i) {
    std::string name = "MIFENG_SOCKET_";
    for (const char c : config.ports[i].name)
      name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    environment[name] = config.model_socket(i).string();
  }
  return environment;
}

Result<messages::CardKeys> choose_card(const ImageFacts& image, const std::optional<std::string>& key_id) {
  const messages::PlatformCard* chosen = nullptr;
  for (const messages::PlatformCard& card : image.cards) {
    if (key_id ? to_hex(card.identity.key_id()) != *key_id : image.cards.size() != 1) continue;
    chosen = &card;
    break;
  }
  if (chosen == nullptr)
    return Error(ErrorCode::kInvalidArgument, "no-card",
                 key_id ? "the image was not packed for the platform with identity key " + *key_id +
                              "; pack it with --for and this platform's card"
                        : "the image was packed for several platforms; MIFENG_CARD has to say which this is");
  return messages::verify_card(*chosen);
}

}  // namespace mifeng::guard
