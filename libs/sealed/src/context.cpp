#include "mifeng/sealed/context.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "guard.h"

namespace mifeng::sealed {
namespace {

struct Field {
  const char* name;
  std::string_view value;
};

Error bad_context(const char* name, const char* why) {
  return Error(ErrorCode::kInvalidArgument, "bad-context", std::string("the context's ") + name + " " + why);
}

bool is_lower_hex(std::string_view text, std::size_t digits) {
  if (text.size() != digits) return false;
  bool all = true;  // without a branch a digit: this runs twice a request
  for (const char c : text) all &= (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  return all;
}

Result<Bytes> join(std::initializer_list<Field> fields) {
  return guarded([&]() -> Result<Bytes> {
    Bytes context;
    context.reserve(256);
    bool first = true;
    for (const Field& field : fields) {
      if (std::any_of(field.value.begin(), field.value.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
        return bad_context(field.name, "contains a control character or a line feed");
      if (!first) context.push_back('\n');
      first = false;
      append(context, field.value);
    }
    return context;
  });
}

Result<Bytes> join_with_nonce(const char* purpose, Field who, std::string_view nonce) {
  if (who.value.empty()) return bad_context(who.name, "is empty");
  if (!is_lower_hex(nonce, 32)) return bad_context("nonce", "is not 32 lower-case hex digits");
  return join({{"purpose", purpose}, who, {"nonce", nonce}});
}

Result<Bytes> join_with_serial(const char* purpose, std::string_view gateway_id, std::uint64_t serial) {
  if (gateway_id.empty()) return bad_context("gateway id", "is empty");
  const std::string digits = std::to_string(serial);
  return join({{"purpose", purpose}, {"gateway id", gateway_id}, {"serial", digits}});
}

}  // namespace

Result<Bytes> response_context(const ResponseContext& context) {
  if (!is_lower_hex(context.request_id, 32)) return bad_context("request id", "is not 32 lower-case hex digits");
  if (context.status < 100 || context.status > 999) return bad_context("status", "is not three digits");
  if (!context.body_digest.empty() && context.body_digest != kUnboundBody && !is_lower_hex(context.body_digest, 64))
    return bad_context("body digest", "is neither empty, \"unbound\" nor 64 lower-case hex digits");
  const std::string status = std::to_string(context.status);
  return join({{"request id", context.request_id},
               {"status", status},
               {"content type", context.content_type},
               {"content encoding", context.content_encoding},
               {"method", context.method},
               {"target", context.target},
               {"body digest", context.body_digest}});
}

Result<Bytes> payload_context(std::string_view vendor_id, std::string_view model, std::string_view version) {
  if (vendor_id.empty()) return bad_context("vendor id", "is empty");
  if (model.empty()) return bad_context("model name", "is empty");
  if (version.empty()) return bad_context("model version", "is empty");
  return join({{"vendor id", vendor_id}, {"model name", model}, {"model version", version}});
}

Result<Bytes> grant_request_context(std::string_view deployment_id, std::string_view nonce) {
  return join_with_nonce("grant-request", {"deployment id", deployment_id}, nonce);
}
Result<Bytes> renew_context(std::string_view deployment_id, std::string_view nonce) {
  return join_with_nonce("renew", {"deployment id", deployment_id}, nonce);
}
Result<Bytes> grant_context(std::string_view deployment_id, std::string_view nonce) {
  return join_with_nonce("grant", {"deployment id", deployment_id}, nonce);
}
Result<Bytes> snapshot_context(std::string_view gateway_id, std::uint64_t serial) {
  return join_with_serial("snapshot", gateway_id, serial);
}
Result<Bytes> enrol_context(std::string_view gateway_id, std::string_view nonce) {
  return join_with_nonce("enrol", {"gateway id", gateway_id}, nonce);
}
Result<Bytes> report_context(std::string_view gateway_id, std::uint64_t serial) {
  return join_with_serial("report", gateway_id, serial);
}

}  // namespace mifeng::sealed
