#include "mifeng/events/kinds.h"

#include <algorithm>
#include <optional>

namespace mifeng::events {
namespace {

using trust::Permission;

// Whose a thing is, where not everybody who may read its kind may see it.
enum class Owned {
  kByNobody,
  kByVendor,  // whom a vendor's person is restricted to
  kByPerson,  // who sees it without the permission too
  kByPersonAlone,
};
struct Rule {
  Kind kind;
  std::string_view word;
  std::optional<Permission> permission;
  Owned owned = Owned::kByNobody;
};
constexpr Rule kRules[kKinds] = {
    {Kind::kDeployments, "deployments", Permission::kReadDeployments},
    {Kind::kUnits, "units", Permission::kReadDeployments},
    {Kind::kBatches, "batches", Permission::kReadDeployments},
    {Kind::kModels, "models", Permission::kReadModels, Owned::kByVendor},
    {Kind::kUploads, "uploads", Permission::kSubmit, Owned::kByPersonAlone},
    {Kind::kVendors, "vendors", Permission::kReadVendors, Owned::kByVendor},
    {Kind::kClusters, "clusters", Permission::kReadClusters},
    {Kind::kPorts, "ports", Permission::kReadPorts},
    {Kind::kRoutes, "routes", Permission::kReadRoutes},
    {Kind::kCallers, "callers", Permission::kReadCallers},
    {Kind::kGateways, "gateways", Permission::kReadGateways},
    {Kind::kKeys, "keys", Permission::kReadKeys},
    {Kind::kInstances, "instances", Permission::kReadKeys},
    {Kind::kPeople, "people", Permission::kManagePeople, Owned::kByPerson},
    {Kind::kSessions, "sessions", std::nullopt, Owned::kByPersonAlone},
    {Kind::kTokens, "tokens", Permission::kManagePeople, Owned::kByPerson},
    {Kind::kAudit, "audit", Permission::kReadAudit},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < kKinds; ++i)
    if (static_cast<std::size_t>(kRules[i].kind) != i) return false;
  return true;
}
static_assert(in_order(), "a kind's rule stands at the kind's number");

}  // namespace

std::string_view to_string(Kind kind) { return kRules[static_cast<std::size_t>(kind)].word; }

Sight::Sight(const trust::Actor& actor) : person_(actor.id) {
  if (actor.must_change_password) return;  // nothing else works before
  const auto has = [&](Permission permission) {
    return std::ranges::any_of(actor.roles, [&](trust::Role role) { return trust::may(role, permission); });
  };
  vendor_ = actor.vendor_id;
  for (const Rule& rule : kRules) {
    Extent& extent = extents_[static_cast<std::size_t>(rule.kind)];
    const bool permitted = !rule.permission || has(*rule.permission);
    switch (rule.owned) {
      case Owned::kByNobody: extent = permitted ? Extent::kAll : Extent::kNothing; break;
      case Owned::kByVendor:
        if (permitted) extent = restricted_to_vendor(actor, *rule.permission).empty() ? Extent::kAll : Extent::kOwn;
        break;
      case Owned::kByPerson: extent = permitted ? Extent::kAll : Extent::kOwn; break;
      case Owned::kByPersonAlone: extent = permitted ? Extent::kOwn : Extent::kNothing; break;
    }
  }
}

bool Sight::sees(Kind kind, const std::string& owner) const {
  const auto at = static_cast<std::size_t>(kind);
  if (extents_[at] != Extent::kOwn) return extents_[at] == Extent::kAll;
  const std::string& own = kRules[at].owned == Owned::kByVendor ? vendor_ : person_;
  return !own.empty() && owner == own;
}

}  // namespace mifeng::events
