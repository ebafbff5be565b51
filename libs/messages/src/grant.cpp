#include "mifeng/messages/grant.h"

#include "fields.h"

namespace mifeng::messages {

namespace {

constexpr json::ParseLimits kLimits{.bytes = kMessageSizeMax, .depth = 4, .values = 2000};
constexpr std::size_t kTokenSizeMax = 16384;
constexpr std::size_t kEventClassesMax = 64;
constexpr std::string_view kStatusWords[] = {"renewed", "unknown", "revoked"};

SecretBytes take_text(std::string text) {
  SecretBytes secret(as_bytes(text));
  wipe(text.data(), text.size());
  return secret;
}

std::optional<SecretBytes> optional_token(Reader& reader) {
  auto token = reader.fields().optional_string("token", {.min = 1, .max = kTokenSizeMax});
  return token ? std::optional(take_text(std::move(*token))) : std::nullopt;
}

// The first start is what a grant is for.
std::optional<std::uint32_t> optional_start(Reader& reader) {
  const auto number = reader.fields().optional_integer("start", 2, kModelStartsMax);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace

SecretBytes encode_grant_request(const GrantRequest& message) {
  json::Object object{{"format", "mifeng-grant-request/1"}, {"deployment", message.deployment}, {"unit", message.unit}};
  if (message.pod_uid) object.set("pod_uid", *message.pod_uid);
  if (message.token) object.set("token", as_text(message.token->reveal_for_output()));
  object.set("nonce", message.nonce);
  object.set("receive_key", point_text(message.receive_key));
  object.set("signing_key", point_text(message.signing_key));
  object.set("payload_header_sm3", to_hex(message.payload_header_sm3));
  object.set("guard_version", message.guard_version);
  return to_secret(std::move(object));
}

Result<GrantRequest> decode_grant_request(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-grant-request/1");
  std::string deployment = reader.id("deployment");
  std::string unit = reader.id("unit");
  auto pod_uid = reader.fields().optional_string("pod_uid", {.min = 1, .max = 128});
  auto token = optional_token(reader);
  std::string nonce = reader.nonce("nonce");
  const auto receive_key = reader.point("receive_key");
  const auto signing_key = reader.point("signing_key");
  const crypto::Sm3Digest payload = reader.digest("payload_header_sm3");
  std::string version = reader.text("guard_version", 1, 64);
  MIFENG_CHECK(reader.finish());
  return GrantRequest{.deployment = std::move(deployment),
                      .unit = std::move(unit),
                      .pod_uid = std::move(pod_uid),
                      .token = std::move(token),
                      .nonce = std::move(nonce),
                      .receive_key = *receive_key,
                      .signing_key = *signing_key,
                      .payload_header_sm3 = payload,
                      .guard_version = std::move(version)};
}

SecretBytes encode_grant(const Grant& message) {
  return to_secret({{"format", "mifeng-grant/1"},
                    {"deployment", message.deployment},
                    {"instance_id", message.instance_id},
                    {"vendor", message.vendor},
                    {"model", message.model},
                    {"version", message.version},
                    {"vendor_key", point_text(message.vendor_key)},
                    {"payload_root_key", to_base64(message.payload_root_key.reveal_for_output())},
                    {"segments_size", message.segments_size},
                    {"segments_sha256", to_hex(message.segments_sha256)},
                    {"output_key", point_text(message.output_key)},
                    {"output_key_statement", statement_value(message.output_key_statement)},
                    {"identity_chain", chain_value(message.identity_chain)},
                    {"platform_time_ms", message.platform_time_ms},
                    {"lease_ms", message.lease_ms},
                    {"renew_ms", message.renew_ms},
                    {"listed", message.listed},
                    {"gateways_confirm_by_ms", message.gateways_confirm_by_ms}});
}

Result<Grant> decode_grant(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-grant/1");
  std::string deployment = reader.id("deployment");
  std::string instance_id = reader.id("instance_id");
  std::string vendor = reader.text("vendor", 1, 256);
  std::string model = reader.text("model", 1, 256);
  std::string version = reader.text("version", 1, 256);
  const auto vendor_key = reader.point("vendor_key");
  const SecretBytes root_key = reader.secret("payload_root_key", 16);
  const auto segments_size =
      static_cast<std::uint64_t>(reader.fields().integer("segments_size", 1, std::int64_t{1} << 41));
  const crypto::Sha256Digest segments_sha256 = reader.digest("segments_sha256");
  const auto output_key = reader.point("output_key");
  KeyStatement statement = reader.statement("output_key_statement");
  KeyStatements chain = reader.chain("identity_chain");
  const UnixMillis platform_time_ms = reader.millis("platform_time_ms");
  const std::int64_t lease_ms = reader.millis("lease_ms");
  const std::int64_t renew_ms = reader.millis("renew_ms");
  const bool listed = reader.boolean("listed");
  const UnixMillis confirm_by_ms = reader.millis("gateways_confirm_by_ms");
  MIFENG_CHECK(reader.finish());
  return Grant{.deployment = std::move(deployment),
               .instance_id = std::move(instance_id),
               .vendor = std::move(vendor),
               .model = std::move(model),
               .version = std::move(version),
               .vendor_key = *vendor_key,
               .payload_root_key = Secret<16>(root_key.reveal_for_copying().first<16>()),
               .segments_size = segments_size,
               .segments_sha256 = segments_sha256,
               .output_key = *output_key,
               .output_key_statement = std::move(statement),
               .identity_chain = std::move(chain),
               .platform_time_ms = platform_time_ms,
               .lease_ms = lease_ms,
               .renew_ms = renew_ms,
               .listed = listed,
               .gateways_confirm_by_ms = confirm_by_ms};
}

SecretBytes encode_renewal(const Renewal& message) {
  json::Array events;
  for (const EventCount& event : message.events)
    events.push_back(json::Object{{"class", event.event_class}, {"count", event.count}});
  json::Object object{{"format", "mifeng-renewal/1"},
                      {"deployment", message.deployment},
                      {"instance_id", message.instance_id},
                      {"counter", message.counter},
                      {"receive_key", point_text(message.receive_key)},
                      {"events", std::move(events)},
                      {"calls", message.calls}};
  if (message.start) object.set("start", *message.start);
  if (message.token) object.set("token", as_text(message.token->reveal_for_output()));
  return to_secret(std::move(object));
}

Result<Renewal> decode_renewal(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-renewal/1");
  std::string deployment = reader.id("deployment");
  std::string instance_id = reader.id("instance_id");
  const std::uint64_t counter = reader.count("counter");
  const auto receive_key = reader.point("receive_key");
  std::vector<EventCount> events;
  for (json::Fields& each : reader.list("events", kEventClassesMax)) {
    Reader event(each);
    std::string event_class = event.text("class", 1, 64);
    events.push_back({std::move(event_class), event.count("count")});
  }
  const std::uint64_t calls = reader.count("calls");
  const auto start = optional_start(reader);
  // Without a start it is a field that nobody knows, and so refused.
  auto token = start ? optional_token(reader) : std::nullopt;
  MIFENG_CHECK(reader.finish());
  return Renewal{.deployment = std::move(deployment),
                 .instance_id = std::move(instance_id),
                 .counter = counter,
                 .receive_key = *receive_key,
                 .events = std::move(events),
                 .calls = calls,
                 .start = start,
                 .token = std::move(token)};
}

SecretBytes encode_renewed(const Renewed& message) {
  json::Object object{{"format", "mifeng-renewed/1"},
                      {"status", kStatusWords[static_cast<std::size_t>(message.status)]}};
  if (message.terms) {
    object.set("output_key", point_text(message.terms->output_key));
    object.set("output_key_statement", statement_value(message.terms->output_key_statement));
  }
  object.set("identity_chain", chain_value(message.identity_chain));
  if (message.terms) {
    object.set("platform_time_ms", message.terms->platform_time_ms);
    object.set("lease_ms", message.terms->lease_ms);
    object.set("renew_ms", message.terms->renew_ms);
    object.set("listed", message.terms->listed);
    if (message.terms->start) object.set("start", *message.terms->start);
  }
  return to_secret(std::move(object));
}

Result<Renewed> decode_renewed(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-renewed/1");
  Renewed renewed;
  renewed.status =
      static_cast<RenewedStatus>(reader.fields().word("status", {kStatusWords[0], kStatusWords[1], kStatusWords[2]}));
  renewed.identity_chain = reader.chain("identity_chain");
  // With the other two a field of the terms is an unknown one, and so refused.
  if (renewed.status != RenewedStatus::kRenewed) {
    MIFENG_CHECK(reader.finish());
    return renewed;
  }
  const auto output_key = reader.point("output_key");
  KeyStatement statement = reader.statement("output_key_statement");
  const UnixMillis platform_time_ms = reader.millis("platform_time_ms");
  const std::int64_t lease_ms = reader.millis("lease_ms");
  const std::int64_t renew_ms = reader.millis("renew_ms");
  const bool listed = reader.boolean("listed");
  const auto start = optional_start(reader);
  MIFENG_CHECK(reader.finish());
  renewed.terms = Renewed::Terms{.output_key = *output_key,
                                 .output_key_statement = std::move(statement),
                                 .platform_time_ms = platform_time_ms,
                                 .lease_ms = lease_ms,
                                 .renew_ms = renew_ms,
                                 .listed = listed,
                                 .start = start};
  return renewed;
}

}  // namespace mifeng::messages
