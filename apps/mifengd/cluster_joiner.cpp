#include "cluster_joiner.h"

#include "mifeng/kubernetes/joining.h"
#include "mifeng/kubernetes/kubernetes.h"

namespace mifeng::daemon {
namespace {

kubernetes::Place place_of(const std::string& installation, const clusters::ClusterAccess& access) {
  return {.installation = installation, .cluster = access.id, .name_space = access.name_space};
}

clusters::FindingState state_of(kubernetes::Finding::State state) {
  switch (state) {
    case kubernetes::Finding::State::kFine: return clusters::FindingState::kFine;
    case kubernetes::Finding::State::kWarning: return clusters::FindingState::kWarning;
    case kubernetes::Finding::State::kMissing: return clusters::FindingState::kMissing;
  }
  return clusters::FindingState::kMissing;
}

}  // namespace

Result<clusters::JoinedCluster> KubernetesJoiner::join(const clusters::JoinRequest& request) {
  MIFENG_TRY(auto login,
             kubernetes::read_kubeconfig(as_text(request.kubeconfig.reveal_for_parsing()), request.context));
  clusters::JoinedCluster cluster;
  cluster.address = login.server;
  kubernetes::JoinOptions options;
  options.place = {.installation = installation_, .cluster = request.id, .name_space = request.name_space};
  options.registry = request.registry;
  options.as_given = request.as_given;
  options.has_cluster = request.has_cluster;
  std::optional<kubernetes::RegistryLogin> registry_login;
  if (!request.pull_user.empty()) registry_login.emplace(request.pull_user, request.pull_password.clone());
  MIFENG_TRY(auto joined, kubernetes::join(std::move(login), options, std::move(registry_login)));
  cluster.version = joined.version;
  cluster.node_addresses = joined.node_addresses;
  cluster.secret = kubernetes::serialize(joined.membership);
  return cluster;
}

Result<std::optional<SecretBytes>> KubernetesJoiner::set_pull_login(const clusters::ClusterAccess& access,
                                                                    const clusters::PullLogin& login) {
  MIFENG_TRY(auto membership, kubernetes::read_membership(access.secret.reveal_for_parsing()));
  if (!login.user.empty()) membership.registry_login.emplace(login.user, login.password.clone());
  if (!membership.registry_login) return std::optional<SecretBytes>();
  MIFENG_CHECK(kubernetes::set_pull_login(membership, place_of(installation_, access), login.registry));
  return std::optional<SecretBytes>(kubernetes::serialize(membership));
}

Result<std::string> KubernetesJoiner::leave(const clusters::ClusterAccess& access) {
  MIFENG_TRY(const auto membership, kubernetes::read_membership(access.secret.reveal_for_parsing()));
  return kubernetes::leave(membership, place_of(installation_, access));
}

Result<void> KubernetesJoiner::protect(const clusters::ClusterAccess& access) {
  MIFENG_TRY(const auto membership, kubernetes::read_membership(access.secret.reveal_for_parsing()));
  return kubernetes::protect(membership, place_of(installation_, access));
}

Result<std::vector<clusters::ClusterFinding>> KubernetesJoiner::examine(const clusters::ClusterAccess& access) {
  MIFENG_TRY(const auto membership, kubernetes::read_membership(access.secret.reveal_for_parsing()));
  MIFENG_TRY(auto found, kubernetes::examine(membership, place_of(installation_, access)));
  std::vector<clusters::ClusterFinding> findings;
  for (auto& one : found)
    findings.push_back({state_of(one.state), std::move(one.what), std::move(one.detail), std::move(one.remedy)});
  return findings;
}

Result<std::shared_ptr<cluster::Engine>> kubernetes_engine(const std::string& installation, int deadline_seconds,
                                                           const clusters::ClusterAccess& access, const Clock& clock) {
  MIFENG_TRY(auto membership, kubernetes::read_membership(access.secret.reveal_for_parsing()));
  kubernetes::KubernetesOptions options;
  options.installation = installation;
  options.name_space = access.name_space;
  options.progress_deadline_seconds = deadline_seconds;
  MIFENG_TRY(auto engine, kubernetes::create_kubernetes_engine(std::move(membership.login), options, clock));
  return std::shared_ptr<cluster::Engine>(std::move(engine));
}

}  // namespace mifeng::daemon
