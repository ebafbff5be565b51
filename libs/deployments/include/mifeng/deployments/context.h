// What deployments, their ports and the reconciler work with.
#pragma once

#include <string>
#include <vector>

#include "mifeng/access/context.h"
#include "mifeng/base/clock.h"
#include "mifeng/clusters/cluster_set.h"
#include "mifeng/deployments/guard_image.h"
#include "mifeng/deployments/refused_grants.h"
#include "mifeng/deployments/rehearsals.h"
#include "mifeng/deployments/renderings.h"
#include "mifeng/models/image_library.h"
#include "mifeng/models/registry.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/door_tags.h"

namespace mifeng::deployments {

struct DeploymentOptions {
  std::string registry;  // "127.0.0.1:5000"
  models::RegistryAccess registry_access;
  int parallel;                         // deployments of each cluster that are looked at at the same time
  UnixMillis resync_ms;                 // from one look at everything to the next
  UnixMillis progress_deadline_ms;      // an update whose units are not ready by then has failed
  int cluster_lame_duck_seconds;        // for which guards in clusters go on after they were asked to stop
  UnixMillis image_pruning_ms;          // from one look for unused images to the next
  std::string proc;                     // where listening sockets are read
  std::vector<std::string> port_rules;  // what prints the ports that the packet filter sends elsewhere
  std::string guard_url;                // where guards of other machines reach the platform; empty: nowhere
};

struct Context : trust::Context {
  const access::Context& access;
  clusters::ClusterSet& clusters;
  models::ImageLibrary& images;
  GuardImage& guard_image;
  Renderings& renderings;
  RefusedGrants& refused_grants;
  RunningRehearsals& rehearsals;
  const trust::DoorTags& door_tags;
  trust::Subscribers& changed;  // the reconciler has something to do
  DeploymentOptions options;
};

}  // namespace mifeng::deployments
