#include "trial_checks.h"

#include <algorithm>
#include <array>

#include "mifeng/base/beginning.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/path.h"

namespace mifeng::trials {
namespace {

Error bad_trial(std::string message) { return Error(ErrorCode::kInvalidArgument, "bad-trial", std::move(message)); }

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// RFC 9110 section 5.1.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= bounds::kTrialHeaderNameMax &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") ==
             std::string_view::npos;
}

bool is_field_value(std::string_view value) {
  return value.size() <= bounds::kTrialHeaderValueMax && std::ranges::none_of(value, [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
         });
}

// Those of the connection and of the gateway are ours to set, and who asks is the platform: a key of somebody else's is
// not for trying.
bool is_ours(const std::string& name) {
  static constexpr std::array<std::string_view, 16> kOurs = {
      "authorization", "connection", "content-length",   "cookie", "expect",  "forwarded",
      "host",          "keep-alive", "proxy-connection", "te",     "trailer", "transfer-encoding",
      "upgrade",       "x-api-key",  "x-forwarded-for",  "range"};
  return name.starts_with("mifeng-") || name.starts_with("proxy-auth") || name.starts_with("x-accel-") ||
         std::ranges::find(kOurs, name) != kOurs.end();
}

Result<void> check_headers(const TrialRequest& request) {
  if (request.headers.size() > bounds::kTrialHeadersMax)
    return bad_trial(phrase("At most {} header fields can be sent.", bounds::kTrialHeadersMax));
  for (const auto& [name, value] : request.headers) {
    if (!is_field_name(name) || !is_field_value(value))
      return bad_trial(phrase("The header field \"{}\" cannot be sent as it is.", std::string(beginning_of(name, 64))));
    if (is_ours(lower(name)))
      return bad_trial(phrase("The header field {} is set by the gateway or the platform; leave it out.", name));
  }
  return ok();
}

}  // namespace

std::string_view to_string(TrialWay way) {
  switch (way) {
    case TrialWay::kGateway: return "gateway";
    case TrialWay::kUnit: return "unit";
  }
  return "";
}

Result<void> check_request(const TrialRequest& request) {
  if (request.route_id.empty() == request.deployment_id.empty())
    return bad_trial(phrase("A trial is of a route or of a deployment: name one of them."));
  if (request.way == TrialWay::kGateway && request.route_id.empty())
    return bad_trial(phrase("The way through the gateway needs a route."));
  if (!request.route_id.empty() && !(request.port.empty() && request.unit.empty()))
    return bad_trial(phrase("Port and unit can be chosen for a deployment alone."));
  if (request.path.size() > bounds::kTrialPathMax || request.body.size() > bounds::kTrialBodyMax)
    return bad_trial(phrase("A path of at most {} bytes and a body of at most {} can be sent.", bounds::kTrialPathMax,
                            bounds::kTrialBodyMax));
  const bool has_blank =
      std::ranges::any_of(request.path, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (has_blank || request.path.find('#') != std::string::npos)
    return bad_trial(phrase("A space, a control character or a # stands in the path; write it as %XX."));
  if (!request.path.empty() && !proxy::normalise_path(proxy::path_of(request.path)))
    return Error(ErrorCode::kInvalidArgument, "bad-path",
                 phrase("The path is not in its plain form: it begins with a slash, and has no segment . or .., no two "
                        "slashes in a row, and no escaped slash, backslash, full stop or NUL."));
  if (!request.body.empty() && (request.method == "GET" || request.method == "HEAD"))
    return bad_trial(phrase("A {} has no body.", request.method));
  return check_headers(request);
}

}  // namespace mifeng::trials
