// A workload as Kubernetes' objects. Pure functions: no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/json/value.h"
#include "mifeng/kubernetes/kubernetes.h"

namespace mifeng::kubernetes {

inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";  // "mifeng"
inline constexpr std::string_view kLabelInstallation = "mifeng.io/installation";
inline constexpr std::string_view kLabelDeployment = "mifeng.io/deployment";
inline constexpr std::string_view kLabelRevision = "mifeng.io/revision";
inline constexpr std::string_view kLabelClaim = "mifeng.io/claim";
inline constexpr std::string_view kAnnotationRestart = "mifeng.io/restart";
inline constexpr const char* kModelAccount = "mifeng-model";
inline constexpr const char* kTokenFolder = "/mifeng/token";  // the guard's: holds `token`
inline constexpr const char* kGuardContainer = "guard";
inline constexpr const char* kModelContainer = "model";
inline constexpr const char* kStartContainer = "start";

// The kinds that we make, with their places in the API.
enum class Kind { kServiceAccount, kDeployment, kService, kDisruptionBudget, kNetworkPolicy, kClaim };
// "/apis/apps/v1/namespaces/NAMESPACE/deployments", without a name that of the list.
std::string target_of(Kind kind, const std::string& name_space, const std::string& name = {});

// "mf-DEPLOYMENT" and back; empty where it is not of ours.
std::string object_name(const std::string& deployment);
std::string deployment_of(std::string_view object);
// "mf-VENDOR.NAME"
std::string claim_name(const std::string& claim);
// "mifeng-<first 8 of the installation>": who owns the fields that we set.
std::string field_manager(const KubernetesOptions& options);

// kInvalidArgument "bad-workload": a name, port or size that cannot be rendered, with its path.
Result<void> validate(const cluster::Workload& workload);
// What the cluster cannot hold of a template, in sentences.
std::vector<std::string> cannot_hold(const cluster::PodTemplate& pod);

struct Rendered {
  Kind kind = Kind::kDeployment;
  std::string name;
  json::Object object;
};
// In the order in which they are applied: what the pods rest on, the service with its ports, the pods.
std::vector<Rendered> render(const KubernetesOptions& options, const cluster::Workload& workload,
                             cluster::Replacing replacing = cluster::Replacing::kSurge);
// Whether old pods have to end before a new one can start, whatever room there is: a claim that one node alone can
// mount, and an old pod that has it, stand in a new one's way.
bool must_recreate(const cluster::Workload& workload);
// What a namespace holds once for all deployments.
std::vector<Rendered> render_common(const KubernetesOptions& options);
// spec.template.spec of the deployment, as in render().
json::Object render_pod_spec(const KubernetesOptions& options, const cluster::Workload& workload);

}  // namespace mifeng::kubernetes
