// Header fields by name. Names are lower case.
#pragma once

#include <string_view>

#include "mifeng/proxy/router.h"

namespace mifeng::proxy {

inline constexpr std::string_view kSealedContentType = "application/vnd.mifeng.sealed";

// Where an answer carries its sealed stream: as its body, or, where it has none, in Mifeng-Seal. The stream is empty
// then.
enum class SealForm { kBody, kField };

// "mifeng-...": ours alone. Removed from what a caller or a model sends.
bool is_mifeng_field(std::string_view name);

// Whether a gateway passes this field of an opened answer to the caller. None of them is authenticated, so only
// harmless ones do, and those that the route lists. Content-Type and Content-Encoding are not asked for here: their
// values come from the context, which is authenticated.
bool passes_to_caller(std::string_view name, const RouteEntry& route);

// Removes the white space that RFC 9110 clause 5.5 allows around a value.
std::string_view trim(std::string_view value);

// The key in "Bearer KEY" (RFC 6750 clause 2.1), empty where the value is none.
std::string_view bearer_key(std::string_view authorization);

// 32 lower-case hex digits.
bool is_request_id(std::string_view text);

}  // namespace mifeng::proxy
