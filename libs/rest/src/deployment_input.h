// A deployment as a body, alone or as an item of a batch.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mifeng/base/bounds.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/json/fields.h"
#include "route_input.h"

namespace mifeng::rest {

inline std::map<std::string, std::string> quantities(json::Fields& body, std::string_view name) {
  std::map<std::string, std::string> map;
  for (auto& [key, value] : body.string_map(name, {1, 64}, {0, 32})) map.emplace(std::move(key), std::move(value));
  return map;
}

inline std::vector<deployments::EnvVar> variables(json::Fields& body) {
  std::vector<deployments::EnvVar> env;
  for (json::Fields& variable : body.objects("env", {0, bounds::kEnvVarsMax})) {
    const auto name = variable.string("name", {1, bounds::kEnvNameMax});
    env.push_back({name, variable.string("value", {0, 32768})});
  }
  return env;
}

// All but what names it: name and version.
inline void read_deployment(json::Fields& body, deployments::DeploymentRequest& request) {
  request.cluster = body.optional_string("cluster", {1, bounds::kLabelMax}).value_or("");
  if (const auto replicas = body.optional_integer("replicas", 0, bounds::kReplicasMax))
    request.replicas = static_cast<int>(*replicas);
  for (const auto port : body.integers("ports", 1, 65535, {0, 1000})) request.ports.push_back(static_cast<int>(port));
  request.overlay = {variables(body),
                     quantities(body, "requests"),
                     quantities(body, "limits"),
                     body.optional_boolean("allow_network").value_or(false),
                     deployments::read_volumes(body),
                     deployments::read_tolerations(body)};
  if (auto route = body.optional_object("route")) request.route = route_input(*route);
}

inline deployments::DeploymentRequest deployment_request(json::Fields& body) {
  deployments::DeploymentRequest request;
  request.name = body.string("name", {1, bounds::kDeploymentNameMax});
  request.version_id = body.string("version_id", {1, bounds::kIdMax});
  read_deployment(body, request);
  return request;
}

}  // namespace mifeng::rest
