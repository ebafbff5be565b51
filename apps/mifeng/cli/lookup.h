// What a person calls something, and what the platform calls it.
#pragma once

#include <optional>
#include <string>

#include "cli/connect.h"

namespace mifeng::cli {

// "acme/digits@1.2.0", or the id of a version: its object.
Result<json::Object> find_version(const PlatformClient& client, const std::string& name);
// The id of a deployment from its id or its name. kConflict "ambiguous" where several have the name.
Result<std::string> find_deployment(const PlatformClient& client, const std::string& name);
// The deployment of exactly this name; none where there is none, or it is being deleted.
Result<std::optional<json::Object>> find_deployment_named(const PlatformClient& client, const std::string& name);
// The id of a route from its id, its access prefix or its name.
Result<std::string> find_route(const PlatformClient& client, const std::string& name);
// A person or a caller, from its id or its name: its object.
Result<json::Object> find_person(const PlatformClient& client, const std::string& name);
Result<json::Object> find_caller(const PlatformClient& client, const std::string& name);

// The list that an answer of the platform holds. kUnavailable "bad-answer" where there is none.
Result<const json::Array*> items_of(const json::Value& answer);

}  // namespace mifeng::cli
