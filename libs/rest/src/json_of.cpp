#include "json_of.h"

#include "mifeng/access/route_rows.h"
#include "mifeng/deployments/deployment_rows.h"

namespace mifeng::rest {

using json::Object;
using json::Value;

Value json_of(const deployments::DeploymentRequest& request) {
  Object object{{"name", request.name}};
  if (!request.cluster.empty()) object.set("cluster", request.cluster);
  object.set("version_id", request.version_id);
  if (request.replicas) object.set("replicas", *request.replicas);
  if (!request.ports.empty()) object.set("ports", json_of(request.ports));
  const deployments::Overlay& overlay = request.overlay;
  if (!overlay.env.empty()) object.set("env", json_of(overlay.env));
  if (!overlay.requests.empty()) object.set("requests", json_of(overlay.requests));
  if (!overlay.limits.empty()) object.set("limits", json_of(overlay.limits));
  if (overlay.allow_network) object.set("allow_network", true);
  if (!overlay.volumes.empty()) object.set("volumes", deployments::json_of_volumes(overlay.volumes));
  if (!overlay.tolerations.empty()) object.set("tolerations", deployments::json_of_tolerations(overlay.tolerations));
  if (request.route) object.set("route", access::input_json(*request.route));
  return object;
}

Value json_of(const deployments::Overlay& overlay) { return deployments::overlay_json(overlay); }

Value json_of(const access::Route& route) {
  Object object{{"id", route.id}};
  const Object input = access::input_json(route);
  for (const auto& [name, value] : input) object.set(name, value);
  object.set("deployment_id", route.deployment_id);
  object.set("created_ms", route.created_ms);
  object.set("changed_ms", route.changed_ms);
  object.set("etag", route.etag);
  return object;
}

}  // namespace mifeng::rest
