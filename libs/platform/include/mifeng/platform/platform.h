// The platform as one object: everything that mifengd serves stands behind it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "mifeng/access/caller_service.h"
#include "mifeng/access/gateway_service.h"
#include "mifeng/access/route_service.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/base/secret.h"
#include "mifeng/clusters/cluster_service.h"
#include "mifeng/clusters/engine_factory.h"
#include "mifeng/deployments/batch_service.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/deployments/port_service.h"
#include "mifeng/deployments/reconciler.h"
#include "mifeng/deployments/rehearsals.h"
#include "mifeng/events/feed.h"
#include "mifeng/grants/grant_service.h"
#include "mifeng/models/model_service.h"
#include "mifeng/models/submit_service.h"
#include "mifeng/models/vendor_service.h"
#include "mifeng/people/people_service.h"
#include "mifeng/platform/options.h"
#include "mifeng/platform/search_service.h"
#include "mifeng/trials/trial_service.h"
#include "mifeng/trust/audit_service.h"
#include "mifeng/trust/key_service.h"

namespace mifeng::platform {

class Platform {
 public:
  // `master_key`: 32 bytes or more, from outside the data directory (vault::load_master_key). `engines` may be empty.
  // Everything handed in must outlive the platform.
  static Result<std::unique_ptr<Platform>> open(const PlatformOptions& options, SecretBytes master_key,
                                                const clusters::EngineFactory& engines, const Clock& clock,
                                                Random& random);
  ~Platform();

  people::PeopleService& people();
  models::VendorService& vendors();
  models::ModelService& models();
  models::SubmitService& submits();
  clusters::ClusterService& clusters();
  deployments::PortService& ports();
  deployments::DeploymentService& deployments();
  deployments::BatchService& batches();
  deployments::RehearsalService& rehearsals();
  access::RouteService& routes();
  access::CallerService& callers();
  trust::KeyService& keys();
  grants::GrantService& grants();
  access::GatewayService& gateways();
  trials::TrialService& trials();
  trust::AuditService& audit();
  events::Feed& events();
  SearchService& search();
  deployments::Reconciler& reconciler();

  // Takes a cluster out (ClusterService::remove). With `abandon` its deployments are let go of, and what runs there
  // goes on without us; else they are a reason to refuse.
  Result<std::string> remove_cluster(const trust::Actor& actor, const std::string& id, bool abandon);

  // Leases, output keys, audit heads, expired sessions and uploads, what was kept long enough. Call it every few
  // seconds.
  Result<void> housekeep();

  struct Services;

 private:
  explicit Platform(std::unique_ptr<Services> services);
  std::unique_ptr<Services> services_;
};

// Whether there is a database below `data_dir`: then a master key that is missing must not be made anew, since the keys
// in the database are wrapped under the one that is gone.
bool has_database(const std::filesystem::path& data_dir);

}  // namespace mifeng::platform
