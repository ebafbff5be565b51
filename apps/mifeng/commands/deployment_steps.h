// What the commands about deployments have in common.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/console.h"
#include "cli/output.h"

namespace mifeng::cli {

const std::vector<Column>& deployment_columns();
// With where it answers.
Result<void> print_deployment(const PlatformClient& client, json::Value deployment, const std::string& format,
                              Console& console);

// Until all of it is ready, asking twice a second. kInternal "deployment-failed" as soon as it has failed, or an update
// of it; kTimeout "not-ready".
Result<json::Value> wait_ready(const PlatformClient& client, const std::string& id, std::int64_t seconds);

// --env, --request, --limit, --volume, --toleration and --allow-network: the overlay 覆盖参数.
struct OverlayFlags {
  std::vector<std::string> env, requests, limits, volumes, tolerations;
  bool allow_network = false;
};
void add_overlay_flags(Command& command, OverlayFlags& flags);
// Sets those members of a body that were given; kInvalidArgument "bad-env", "bad-quantity", "bad-volume",
// "bad-toleration".
Result<void> set_overlay(json::Object& body, const OverlayFlags& flags);

// The `changes` of a plan, a line each: "  ~ replicas: 1 -> 2", "  + ...", "  - ..."; "" where there are none.
std::string shown_changes(const json::Value& plan);

// The update of a deployment that is there.
struct UpdateWish {
  std::string id;
  json::Object seen;           // the deployment as it was read; empty: nobody looked
  json::Object body;           // of POST /deployments/{id}/revisions
  std::int64_t replicas = -1;  // -1: as many as it has
  bool plan = false;           // only show what would be done
  std::int64_t wait_seconds = 0;
  std::string format;
};
Result<int> update_deployment(const PlatformClient& client, const UpdateWish& wish, Console& console);

}  // namespace mifeng::cli
