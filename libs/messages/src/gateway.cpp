#include "mifeng/messages/gateway.h"

#include <algorithm>

#include "fields.h"
#include "mifeng/base/bounds.h"
#include "read_card.h"

namespace mifeng::messages {

namespace {

constexpr std::size_t kRoutesMax = 100'000;
constexpr std::size_t kEndpointsMax = 100'000;
constexpr std::size_t kAddressesMax = 1'000;
constexpr std::size_t kInstancesMax = 200'000;
constexpr std::size_t kCallersMax = 100'000;
constexpr std::size_t kRowsMax = 10'000;
constexpr const char* kKindWords[] = {"unit", "balanced"};  // in the order of EndpointKind
constexpr std::size_t kRefusalClassesMax = 64;
constexpr json::ParseLimits kMessageLimits{.bytes = kMessageSizeMax, .depth = 6, .values = 2000};
constexpr json::ParseLimits kReportLimits{.bytes = kMessageSizeMax, .depth = 6, .values = 200'000};
constexpr json::ParseLimits kSnapshotLimits{.bytes = kSnapshotSizeMax, .depth = 6, .values = 5'000'000};

SecretBytes take_text(std::string text) {
  SecretBytes secret(as_bytes(text));
  wipe(text.data(), text.size());
  return secret;
}

json::Value texts_value(const std::vector<std::string>& texts) {
  json::Array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

std::string digest_text(const crypto::Sm3Digest& digest) { return to_hex(digest); }

bool is_platform_address(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme))
      return text.size() > scheme.size() && text.find('/', scheme.size()) == std::string_view::npos;
  }
  return text.starts_with("unix:/");
}

bool has_no_control(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// Absent where there is none.
std::uint32_t read_limit(Reader& route, const char* name, std::int64_t max) {
  return static_cast<std::uint32_t>(route.fields().optional_integer(name, 1, max).value_or(0));
}

SnapshotRoute read_route(Reader& route) {
  SnapshotRoute out;
  out.id = route.id("id");
  out.name = route.text("name", 1, 256);
  out.prefix = route.text("prefix", 1, bounds::kRoutePathMax);
  if (!out.prefix.empty() && (out.prefix.front() != '/' || !has_no_control(out.prefix)))
    route.fields().refuse("prefix", "must begin with '/' and have no control characters");
  out.forward = route.text("forward", 1, bounds::kForwardUrlMax);
  if (!out.forward.empty() && (!out.forward.starts_with("mifeng://") || !has_no_control(out.forward)))
    route.fields().refuse("forward", "must be mifeng://DEPLOYMENT[:PORT NAME][/path]");
  out.open = route.boolean("open");
  if (route.fields().has("callers"))
    out.callers = route.fields().strings("callers", {.min = 1, .max = bounds::kIdMax},
                                         {.min = 0, .max = bounds::kRouteCallersMax});
  out.stream_requests = route.boolean("stream_requests");
  out.idempotent = route.boolean("idempotent");
  out.pass_headers = route.fields().strings("pass_headers", {.min = 1, .max = bounds::kPassHeaderNameMax},
                                            {.min = 0, .max = bounds::kPassHeadersMax});
  out.calls_per_minute = read_limit(route, "calls_per_minute", bounds::kCallsPerMinuteMax);
  out.calls_at_once = read_limit(route, "calls_at_once", bounds::kCallsAtOnceMax);
  out.seconds_max = read_limit(route, "seconds_max", bounds::kCallSecondsMax);
  return out;
}

}  // namespace

SecretBytes encode_join(const JoinFile& message) {
  json::Object object{{"format", "mifeng-join/1"}, {"platform", message.platform}};
  if (message.tls_certificate_sm3) object.set("tls_certificate_sm3", *message.tls_certificate_sm3);
  object.set("gateway", message.gateway);
  object.set("code", as_text(message.code.reveal_for_output()));
  object.set("card", card_object(message.card));
  return to_secret(std::move(object));
}

Result<JoinFile> decode_join(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kMessageLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-join/1");
  std::string platform = reader.text("platform", 1, 1024);
  if (!platform.empty() && !is_platform_address(platform))
    reader.fields().refuse("platform", "must be http://HOST:PORT, https://HOST:PORT or unix:/absolute/path");
  std::optional<std::string> certificate;
  if (reader.fields().has("tls_certificate_sm3")) certificate = to_hex(reader.digest("tls_certificate_sm3"));
  std::string gateway = reader.id("gateway");
  std::string code = reader.text("code", 1, 256);
  CardReader card(reader.fields().object("card"));
  MIFENG_CHECK(reader.finish());
  return JoinFile{.platform = std::move(platform),
                  .tls_certificate_sm3 = std::move(certificate),
                  .gateway = std::move(gateway),
                  .code = take_text(std::move(code)),
                  .card = card.take()};
}

SecretBytes encode_enrolment(const Enrolment& message) {
  return to_secret({{"format", "mifeng-enrolment/1"},
                    {"gateway", message.gateway},
                    {"code", as_text(message.code.reveal_for_output())},
                    {"nonce", message.nonce},
                    {"receive_key", point_text(message.receive_key)},
                    {"signing_key", point_text(message.signing_key)},
                    {"version", message.version}});
}

Result<Enrolment> decode_enrolment(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kMessageLimits));
  Reader reader((json::Fields(document.object())));
  reader.format("mifeng-enrolment/1");
  std::string gateway = reader.id("gateway");
  std::string code = reader.text("code", 1, 256);
  std::string nonce = reader.nonce("nonce");
  const auto receive_key = reader.point("receive_key");
  const auto signing_key = reader.point("signing_key");
  std::string version = reader.text("version", 1, 64);
  MIFENG_CHECK(reader.finish());
  return Enrolment{.gateway = std::move(gateway),
                   .code = take_text(std::move(code)),
                   .nonce = std::move(nonce),
                   .receive_key = *receive_key,
                   .signing_key = *signing_key,
                   .version = std::move(version)};
}

SecretBytes encode_snapshot(const Snapshot& message) {
  json::Array routes;
  for (const SnapshotRoute& route : message.routes) {
    json::Object object{{"id", route.id},
                        {"name", route.name},
                        {"prefix", route.prefix},
                        {"forward", route.forward},
                        {"open", route.open}};
    if (route.callers) object.set("callers", texts_value(*route.callers));
    object.set("stream_requests", route.stream_requests);
    object.set("idempotent", route.idempotent);
    object.set("pass_headers", texts_value(route.pass_headers));
    if (route.calls_per_minute != 0) object.set("calls_per_minute", route.calls_per_minute);
    if (route.calls_at_once != 0) object.set("calls_at_once", route.calls_at_once);
    if (route.seconds_max != 0) object.set("seconds_max", route.seconds_max);
    routes.emplace_back(std::move(object));
  }
  json::Array endpoints;
  for (const SnapshotEndpoint& endpoint : message.endpoints)
    endpoints.emplace_back(json::Object{{"deployment", endpoint.deployment},
                                        {"port", endpoint.port},
                                        {"kind", kKindWords[static_cast<std::size_t>(endpoint.kind)]},
                                        {"addresses", texts_value(endpoint.addresses)}});
  json::Array instances;
  for (const SnapshotInstance& instance : message.instances)
    instances.emplace_back(json::Object{
        {"id", instance.id}, {"deployment", instance.deployment}, {"signing_key", point_text(instance.signing_key)}});
  json::Array callers;
  for (const SnapshotCaller& caller : message.callers)
    callers.emplace_back(json::Object{{"id", caller.id}, {"key_sm3", digest_text(caller.key_sm3)}});
  json::Array output_keys;
  for (const SnapshotOutputKey& key : message.output_keys)
    output_keys.emplace_back(json::Object{{"private_key", to_base64(key.private_key.scalar().reveal_for_output())},
                                          {"key_id", to_hex(key.private_key.public_key().key_id())},
                                          {"not_before_ms", key.not_before_ms},
                                          {"not_after_ms", key.not_after_ms}});
  return to_secret({{"format", "mifeng-snapshot/1"},
                    {"gateway", message.gateway},
                    {"serial", message.serial},
                    {"issued_ms", message.issued_ms},
                    {"expires_ms", message.expires_ms},
                    {"identity_chain", chain_value(message.identity_chain)},
                    {"routes", std::move(routes)},
                    {"endpoints", std::move(endpoints)},
                    {"instances", std::move(instances)},
                    {"callers", std::move(callers)},
                    {"output_keys", std::move(output_keys)}});
}

Result<Snapshot> decode_snapshot(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kSnapshotLimits));
  Reader reader((json::Fields(document.object())));
  Snapshot snapshot;
  reader.format("mifeng-snapshot/1");
  snapshot.gateway = reader.id("gateway");
  snapshot.serial = reader.count("serial");
  snapshot.issued_ms = reader.millis("issued_ms");
  snapshot.expires_ms = reader.millis("expires_ms");
  snapshot.identity_chain = reader.chain("identity_chain");
  // What stands there twice is for the router (libs/proxy): it leaves that one out and takes the rest.
  for (json::Fields& each : reader.list("routes", kRoutesMax)) {
    Reader route(each);
    snapshot.routes.push_back(read_route(route));
  }
  for (json::Fields& each : reader.list("endpoints", kEndpointsMax)) {
    Reader endpoint(each);
    SnapshotEndpoint out{
        .deployment = endpoint.id("deployment"),
        .port = endpoint.id("port"),
        .kind = static_cast<EndpointKind>(endpoint.fields().word("kind", {kKindWords[0], kKindWords[1]})),
        .addresses = endpoint.fields().strings("addresses", {.min = 3, .max = 272}, {.min = 0, .max = kAddressesMax})};
    snapshot.endpoints.push_back(std::move(out));
  }
  for (json::Fields& each : reader.list("instances", kInstancesMax)) {
    Reader instance(each);
    std::string id = instance.id("id");
    std::string deployment = instance.id("deployment");
    auto key = instance.point("signing_key");
    if (key) snapshot.instances.push_back({std::move(id), std::move(deployment), std::move(*key)});
  }
  for (json::Fields& each : reader.list("callers", kCallersMax)) {
    Reader caller(each);
    std::string id = caller.id("id");
    snapshot.callers.push_back({std::move(id), caller.digest("key_sm3")});
  }
  for (json::Fields& each : reader.list("output_keys", kOutputKeysMax)) {
    Reader key(each);
    const SecretBytes scalar = key.secret("private_key", 32);
    const Bytes key_id = key.fields().hex("key_id", 8, 8);
    const UnixMillis not_before = key.millis("not_before_ms");
    const UnixMillis not_after = key.millis("not_after_ms");
    auto private_key = crypto::Sm2PrivateKey::from_scalar(scalar.reveal_for_computing());
    if (!private_key || !std::equal(key_id.begin(), key_id.end(), private_key->public_key().key_id().begin(),
                                    private_key->public_key().key_id().end())) {
      key.fields().refuse("key_id", "is not that of the private key");
      continue;
    }
    snapshot.output_keys.push_back({std::move(*private_key), not_before, not_after});
  }
  MIFENG_CHECK(reader.finish());
  return snapshot;
}

SecretBytes encode_report(const Report& message) {
  json::Array rows;
  for (const ReportRow& row : message.rows) {
    json::Object refusals;
    for (const auto& [refusal_class, count] : row.refusals) refusals.set(refusal_class, count);
    rows.emplace_back(json::Object{{"deployment", row.deployment},
                                   {"instance", row.instance},
                                   {"calls", row.calls},
                                   {"errors", row.errors},
                                   {"refusals", std::move(refusals)}});
  }
  json::Object report{{"format", "mifeng-report/1"}, {"gateway", message.gateway}, {"serial", message.serial},
                      {"counter", message.counter},  {"from_ms", message.from_ms}, {"to_ms", message.to_ms},
                      {"rows", std::move(rows)}};
  if (message.trouble)
    report.set("trouble", json::Object{{"reason", message.trouble->reason}, {"detail", message.trouble->detail}});
  return to_secret(std::move(report));
}

Result<Report> decode_report(ByteView json) {
  MIFENG_TRY(const Document document, Document::parse(json, kReportLimits));
  Reader reader((json::Fields(document.object())));
  Report report;
  reader.format("mifeng-report/1");
  report.gateway = reader.id("gateway");
  report.serial = reader.count("serial");
  report.counter = reader.count("counter");
  report.from_ms = reader.millis("from_ms");
  report.to_ms = reader.millis("to_ms");
  for (json::Fields& each : reader.list("rows", kRowsMax)) {
    Reader row(each);
    ReportRow out;
    out.deployment = row.text("deployment", 0, 128);
    out.instance = row.text("instance", 0, 128);
    if ((!out.deployment.empty() && !is_id(out.deployment)) || (!out.instance.empty() && !is_id(out.instance)))
      row.fields().refuse("instance", "and deployment must be ids or empty");
    out.calls = row.count("calls");
    out.errors = row.count("errors");
    json::Fields refusals = row.fields().object("refusals");
    for (const auto& [refusal_class, count] : refusals.whole()) {
      const std::int64_t* number = count.if_int64();
      if (number == nullptr || *number < 0 || !is_id(refusal_class) || out.refusals.size() >= kRefusalClassesMax) {
        refusals.refuse(refusal_class, "must be a class with its count, at most 64 of them");
        break;
      }
      out.refusals[refusal_class] = static_cast<std::uint64_t>(*number);
    }
    report.rows.push_back(std::move(out));
  }
  if (reader.fields().has("trouble")) {
    json::Fields each = reader.fields().object("trouble");
    Reader trouble(each);
    GatewayTrouble out{.reason = trouble.id("reason"), .detail = trouble.text("detail", 0, kTroubleDetailMax)};
    if (!has_no_control(out.detail)) trouble.fields().refuse("detail", "must have no control characters");
    report.trouble = std::move(out);
  }
  MIFENG_CHECK(reader.finish());
  return report;
}

}  // namespace mifeng::messages
