// What `mifeng doctor --cluster` says of a cluster.
#include <cstdlib>

#include "admission.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/kubernetes/joining.h"
#include "rights.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;
using net::Task;
using State = Finding::State;

constexpr int kMinorMin = 21, kMinorMax = 35;  // of Kubernetes 1
constexpr int kMinorOfPolicies = 30;

int minor_of(const json::Object& version) {
  const std::string text = text_at(version, "minor");  // "33", of some providers "33+"
  return static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

void note_version(std::vector<Finding>& findings, const json::Object& version) {
  const int minor = minor_of(version);
  const bool known = text_at(version, "major") == "1" && minor >= kMinorMin && minor <= kMinorMax;
  findings.push_back({known ? State::kFine : State::kWarning, phrase("version"),
                      "kubernetes " + text_at(version, "gitVersion"),
                      known ? "" : phrase("Mifeng is made for Kubernetes 1.21 to 1.35")});
}

// Whether others who may write in the namespace are kept out of the models' pods.
Task<void> note_policy(const ApiServer& api, std::vector<Finding>& findings, std::string name_space,
                       const json::Object& version) {
  Finding finding{.state = State::kWarning, .what = phrase("admission policy"), .detail = "", .remedy = ""};
  finding.remedy = phrase("nothing then keeps others who may write in the namespace out of the models' pods");
  if (minor_of(version) < kMinorOfPolicies) {
    finding.detail = phrase("not available before Kubernetes 1.30");
    findings.push_back(std::move(finding));
    co_return ok();
  }
  auto seen = co_await look_at_policy(api, name_space);
  if (!seen) co_return seen.error();
  switch (*seen) {
    case PolicyState::kInForce:
      finding = {State::kFine, finding.what, phrase("in force: nobody else writes or reaches into the models' pods"),
                 ""};
      break;
    case PolicyState::kMissing:
    case PolicyState::kAltered:
      finding.detail = *seen == PolicyState::kMissing ? phrase("not in force") : phrase("it is not as Mifeng makes it");
      finding.remedy = phrase(
          "`mifeng cluster set` makes it, where pods of nobody else run in the namespace; without it nothing "
          "keeps others who may write there out of the models' pods");
      break;
    case PolicyState::kUnknown:
      finding.detail = phrase("we may not look");
      finding.remedy = phrase(
          "have deploy/kubernetes/admission-policy.yaml applied; without it nothing keeps others who may write "
          "in the namespace out of the models' pods");
      break;
    case PolicyState::kNoneHere: finding.detail = phrase("the cluster has none"); break;
  }
  findings.push_back(std::move(finding));
  co_return ok();
}

// By which keys a token is checked where TokenReview is not ours to ask.
Task<bool> sees_published_keys(const ApiServer& api) {
  auto keys = co_await api.call("GET", "/openid/v1/jwks");
  if (!keys) co_return keys.error();
  auto about = co_await api.call("GET", "/.well-known/openid-configuration");
  if (!about) co_return about.error();
  co_return keys->success() && about->success();
}

void note_nodes(std::vector<Finding>& findings, const json::Object& list) {
  const json::Value* items = list.find("items");
  const json::Array* nodes = items == nullptr ? nullptr : items->if_array();
  int all = 0, ready = 0;
  for (const json::Value& one : nodes == nullptr ? json::Array{} : *nodes) {
    const json::Object* node = one.if_object();
    if (node == nullptr) continue;
    ++all;
    const json::Value* value = cluster::at(*node, "status", "conditions");
    const json::Array* conditions = value == nullptr ? nullptr : value->if_array();
    for (const json::Value& each : conditions == nullptr ? json::Array{} : *conditions)
      if (const json::Object* condition = each.if_object();
          condition != nullptr && text_at(*condition, "type") == "Ready" && text_at(*condition, "status") == "True")
        ++ready;
  }
  const bool fine = all > 0 && ready == all;
  findings.push_back({fine        ? State::kFine
                      : ready > 0 ? State::kWarning
                                  : State::kMissing,
                      phrase("nodes"), phrase("{} of {} are ready", ready, all),
                      fine ? "" : phrase("see `kubectl get nodes`: nothing new runs on those that are not")});
}

// What is lost without a right of the cluster role.
std::string lost_without(const Right& right, bool sees_keys) {
  if (right.resource == "nodes") return phrase("node addresses have to be given by hand, and what is free is unknown");
  if (right.resource == "services")
    return phrase("node ports of other namespaces are not seen: one that is taken is found by trial");
  if (right.resource == "pods") return phrase("what others use of the nodes is not seen");
  if (right.resource == "tokenreviews" && sees_keys)
    return phrase("the tokens of guards are checked by the keys that the cluster publishes");
  if (right.resource == "tokenreviews")
    return phrase("guards cannot prove themselves: no key is given in this cluster");
  if (right.group == "admissionregistration.k8s.io")
    return phrase("nothing then keeps others who may write in the namespace out of the models' pods");
  if (right.resource == "namespaces" && right.verb == "get")
    return phrase("whether the namespace keeps pods to `restricted` is not seen");
  return phrase("it stays in the cluster when that is removed from this platform");
}

// What it takes to remove an account is nobody's concern who was given one.
std::vector<Right> rights_of_cluster(const Membership& membership, const std::string& name_space) {
  std::vector<Right> rights = rights_of(cluster_role(name_space, membership.made_namespace), "");
  if (!membership.made_account)
    std::erase_if(rights, [](const Right& right) { return right.group == "rbac.authorization.k8s.io"; });
  return rights;
}

Task<void> note_rights(const ApiServer& api, std::vector<Finding>& findings, std::vector<Right> rights,
                       bool necessary) {
  auto missing = co_await missing_rights(api, rights);
  if (!missing) co_return missing.error();
  auto sees_keys = co_await sees_published_keys(api);
  if (!sees_keys) co_return sees_keys.error();
  std::size_t at = 0;  // those that are missing come in the order of all
  for (const Right& right : rights) {
    const bool lacks = at < missing->size() && (*missing)[at].text() == right.text();
    if (lacks) ++at;
    Finding finding{.what = right.text(), .detail = phrase("allowed"), .remedy = ""};
    if (lacks) {
      const bool no_proof = right.resource == "tokenreviews" && !*sees_keys;
      finding.state = necessary || no_proof ? State::kMissing : State::kWarning;
      finding.detail = phrase("not allowed");
      finding.remedy =
          necessary ? phrase("give it: deploy/kubernetes/role-namespace.yaml has it") : lost_without(right, *sees_keys);
    }
    findings.push_back(std::move(finding));
  }
  co_return ok();
}

Task<void> note_namespace(const ApiServer& api, std::vector<Finding>& findings, std::string name_space) {
  auto space = co_await api.call("GET", "/api/v1/namespaces/" + name_space);
  if (!space) co_return space.error();
  if (!space->success() || space->object() == nullptr) co_return ok();  // its right says it
  const std::string level = text_at(*space->object(), "metadata", "labels", "pod-security.kubernetes.io/enforce");
  const bool fine = level == "restricted";
  findings.push_back(
      {fine ? State::kFine : State::kWarning, phrase("pod security"),
       fine            ? phrase("the namespace {} keeps pods to `restricted`", name_space)
       : level.empty() ? phrase("the namespace {} keeps pods to nothing", name_space)
                       : phrase("the namespace {} keeps pods to `{}`", name_space, level),
       fine ? "" : phrase("kubectl label namespace {} pod-security.kubernetes.io/enforce=restricted", name_space)});
  co_return ok();
}

Task<std::vector<Finding>> examine_with(const ApiServer& api, const Membership& membership, const Place& place) {
  std::vector<Finding> findings;
  auto version = co_await api.call("GET", "/version");
  if (!version) co_return version.error();
  if (!version->success() || version->object() == nullptr) co_return error_of(*version, "ask for the version");
  note_version(findings, *version->object());
  auto policy = co_await note_policy(api, findings, place.name_space, *version->object());
  if (!policy) co_return policy.error();
  auto nodes = co_await api.call("GET", "/api/v1/nodes?limit=500");
  if (!nodes) co_return nodes.error();
  if (nodes->success() && nodes->object() != nullptr) note_nodes(findings, *nodes->object());
  auto looked = co_await note_namespace(api, findings, place.name_space);
  if (!looked) co_return looked.error();
  if (membership.registry_login) {
    auto secret = co_await api.call("GET", "/api/v1/namespaces/" + place.name_space + "/secrets/" + kPullSecret);
    if (!secret) co_return secret.error();
    const bool there = secret->success();
    findings.push_back({there ? State::kFine : State::kMissing, phrase("pull secret"),
                        there ? kPullSecret : phrase("there is no Secret {}", kPullSecret),
                        there ? "" : phrase("have it made anew: mifeng cluster set CLUSTER --pull-user USER")});
  }
  std::vector<Right> necessary = rights_of(namespace_role(place.name_space), place.name_space);
  auto noted = co_await note_rights(api, findings, std::move(necessary), true);
  if (!noted) co_return noted.error();
  std::vector<Right> more = rights_of_cluster(membership, place.name_space);
  noted = co_await note_rights(api, findings, std::move(more), false);
  if (!noted) co_return noted.error();
  co_return findings;
}

}  // namespace

Result<std::vector<Finding>> examine(const Membership& membership, const Place& place) {
  MIFENG_TRY(auto login, read_login(serialize(membership.login).reveal_for_parsing()));
  MIFENG_TRY(const auto api, ApiServer::create(std::move(login)));
  return net::run_to_result<std::vector<Finding>>([&] { return examine_with(*api, membership, place); });
}

}  // namespace mifeng::kubernetes
