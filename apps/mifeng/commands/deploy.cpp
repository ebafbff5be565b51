// mifeng deploy, update
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/deployment_steps.h"
#include "mifeng/base/bounds.h"

namespace mifeng::cli {
namespace {

struct DeployOptions {
  std::string version, name, cluster, format, route;
  std::int64_t replicas = -1, wait_seconds = 0;
  OverlayFlags overlay;
  bool open = false, plan = false;
};

struct UpdateOptions {
  std::string deployment, version, format;
  std::int64_t wait_seconds = 0;
  OverlayFlags overlay;
  bool plan = false;
};

// What `deploy` says beyond an update has to fit what is there already.
Result<void> check_fits(const PlatformClient& client, const DeployOptions& options, const json::Object& deployment) {
  const json::Value there = deployment;
  const std::string id = text_of(there, "id");
  if (!options.cluster.empty() && options.cluster != text_of(there, "cluster"))
    return Error(ErrorCode::kConflict, "other-cluster",
                 say("{} is there already, in the cluster {}: give another --name, or delete it first.",
                     {id, text_of(there, "cluster")}));
  if (options.route.empty()) return ok();
  const json::Value* routes = deployment.find("route_ids");
  const json::Array none;
  for (const json::Value& route : routes != nullptr && routes->if_array() != nullptr ? *routes->if_array() : none) {
    if (route.if_string() == nullptr) continue;
    MIFENG_TRY(const auto one, client.get("/routes/" + *route.if_string()));
    if (text_of(one, "prefix") == options.route) return ok();
  }
  return Error(ErrorCode::kConflict, "other-route",
               say("{} is there already, and no route {} leads to it: see `mifeng route add` and `mifeng route move`.",
                   {id, options.route}));
}

Result<int> deploy(const PlatformFlags& flags, const DeployOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto version, find_version(client, options.version));
  const std::string name = options.name.empty() ? text_of(version, "name") : options.name;
  json::Object request{{"version_id", text_of(version, "id")}};
  MIFENG_CHECK(set_overlay(request, options.overlay));
  MIFENG_TRY(const auto there, find_deployment_named(client, name));
  if (there) {
    MIFENG_CHECK(check_fits(client, options, *there));
    const UpdateWish wish{.id = text_of(*there, "id"),
                          .seen = *there,
                          .body = request,
                          .replicas = options.replicas,
                          .plan = options.plan,
                          .wait_seconds = options.wait_seconds,
                          .format = options.format};
    return update_deployment(client, wish, console);
  }
  request.set("name", name);
  if (!options.cluster.empty()) request.set("cluster", options.cluster);
  if (options.replicas >= 0) request.set("replicas", options.replicas);
  if (!options.route.empty())
    request.set("route", json::Object{{"name", name}, {"prefix", options.route}, {"open", options.open}});
  const json::Value body = std::move(request);
  if (options.plan) {
    MIFENG_TRY(const auto plan, client.send("POST", "/deployments/plan", body));
    MIFENG_CHECK(console.print(options.format == "json" ? json::serialize_pretty(plan) : to_yaml(plan)));
    return 0;
  }
  MIFENG_TRY(auto deployment, client.send("POST", "/deployments", body));
  if (options.wait_seconds > 0) {
    console.message(say("Waiting for {} to be ready.", {text_of(deployment, "id")}));
    MIFENG_TRY(deployment, wait_ready(client, text_of(deployment, "id"), options.wait_seconds));
  }
  MIFENG_CHECK(print_deployment(client, deployment, options.format, console));
  return 0;
}

// "1.3.0" of the deployment's model, VENDOR/MODEL@VERSION, or a version's id.
Result<std::string> version_id_for(const PlatformClient& client, const std::string& deployment,
                                   const std::string& version) {
  if (version.find('@') == std::string::npos) {
    MIFENG_TRY(const auto there, client.get("/deployments/" + deployment));
    auto found = find_version(client, text_of(there, "vendor_id") + "/" + text_of(there, "model") + "@" + version);
    if (found) return text_of(*found, "id");
    if (found.error().code() != ErrorCode::kNotFound) return std::move(found).error();
  }
  MIFENG_TRY(const auto found, find_version(client, version));
  return text_of(found, "id");
}

Result<int> update(const PlatformFlags& flags, const UpdateOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  UpdateWish wish{.id = {},
                  .seen = {},
                  .body = {},
                  .plan = options.plan,
                  .wait_seconds = options.wait_seconds,
                  .format = options.format};
  MIFENG_TRY(wish.id, find_deployment(client, options.deployment));
  if (!options.version.empty()) {
    MIFENG_TRY(const auto version, version_id_for(client, wish.id, options.version));
    wish.body.set("version_id", version);
  }
  MIFENG_CHECK(set_overlay(wish.body, options.overlay));
  return update_deployment(client, wish, console);
}

}  // namespace

void add_deploy(Command& root) {
  Command command = root.add("deploy", "Deploy an accepted version, or update the deployment of that name to it");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<DeployOptions>();
  command.text("VERSION", options->version, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .text("--name", options->name, "of the deployment; else the model's")
      .text("--cluster", options->cluster, "id of the cluster to run it in; else local")
      .number("--replicas", options->replicas, 0, bounds::kReplicasMax, "how many; else as the vendor's config says");
  add_overlay_flags(command, options->overlay);
  command.text("--route", options->route, "access prefix, such as /digits")
      .flag("--open", options->open, "the route needs no API key")
      .flag("--plan", options->plan, "only show what would be done")
      .number("--wait", options->wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until it is ready");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng deploy acme/digits@1.2.0 --route /digits --wait 60\n"
      "  mifeng deploy acme/digits@1.3.0 --plan");
  command.run([=](Console& console) { return deploy(*flags, *options, console); });
}

void add_update(Command& root) {
  Command command = root.add("update", "Update a deployment, one unit after the other");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<UpdateOptions>();
  command.text("DEPLOYMENT", options->deployment, "its id or name", Need::kRequired)
      .text("--version", options->version, "of the same model; else the one that it has");
  add_overlay_flags(command, options->overlay);
  command.flag("--plan", options->plan, "only show what would be done")
      .number("--wait", options->wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until it is ready");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng update digits --version 1.3.0 --plan\n"
      "  mifeng update digits --version 1.3.0 --wait 120\n"
      "  mifeng update digits --limit memory=4Gi\n"
      "  mifeng rollback digits");
  command.run([=](Console& console) { return update(*flags, *options, console); });
}

}  // namespace mifeng::cli
