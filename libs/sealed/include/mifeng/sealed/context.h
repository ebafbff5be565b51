// The context of a stream: what both ends know and neither sends. Fields joined by LF. Both sides build it here.
#pragma once

#include <cstdint>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::sealed {

// Every builder refuses a field that contains a byte below 20 hex (LF among them), and one that is not in the form said
// here: kInvalidArgument "bad-context". It names the field, never its content.

struct ResponseContext {
  std::string_view request_id = {};        // 32 lower-case hex digits
  int status = 0;                          // 100..999
  std::string_view content_type = {};      // of the model, without white space around; empty where absent
  std::string_view content_encoding = {};  // the same
  std::string_view method = {};            // of the request line from gateway to model
  std::string_view target = {};            // path and query, raw, of the same
  std::string_view body_digest = {};       // "" (no body), 64 lower-case hex digits, or "unbound"
};
Result<Bytes> response_context(const ResponseContext& context);

inline constexpr std::string_view kUnboundBody = "unbound";

Result<Bytes> payload_context(std::string_view vendor_id, std::string_view model, std::string_view version);

// A nonce is 32 lower-case hex digits.
Result<Bytes> grant_request_context(std::string_view deployment_id, std::string_view nonce);
Result<Bytes> renew_context(std::string_view deployment_id, std::string_view nonce);
Result<Bytes> grant_context(std::string_view deployment_id, std::string_view nonce);
Result<Bytes> snapshot_context(std::string_view gateway_id, std::uint64_t serial);
Result<Bytes> enrol_context(std::string_view gateway_id, std::string_view nonce);
Result<Bytes> report_context(std::string_view gateway_id, std::uint64_t serial);

}  // namespace mifeng::sealed
