#include "mifeng/trust/actor.h"

#include <algorithm>

#include "mifeng/base/phrase.h"

namespace mifeng::trust {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kAdministrator: return "administrator";
    case Role::kVendor: return "vendor";
    case Role::kOperator: return "operator";
    case Role::kAuditor: return "auditor";
    case Role::kCaller: return "caller";
  }
  return "";
}

Result<Role> parse_role(std::string_view text) {
  for (const Role role : kAllRoles)
    if (to_string(role) == text) return role;
  return Error(ErrorCode::kInvalidArgument, "unknown-role",
               "A role is administrator, vendor, operator, auditor or caller, not \"" + std::string(text) + "\".");
}

std::string_view to_string(Permission permission) {
  switch (permission) {
    case Permission::kReadModels: return "read-models";
    case Permission::kSubmit: return "submit";
    case Permission::kDecideVersions: return "decide-versions";
    case Permission::kReadVendors: return "read-vendors";
    case Permission::kManageVendors: return "manage-vendors";
    case Permission::kConfirmVendorKeys: return "confirm-vendor-keys";
    case Permission::kReadDeployments: return "read-deployments";
    case Permission::kDeploy: return "deploy";
    case Permission::kReadClusters: return "read-clusters";
    case Permission::kManageClusters: return "manage-clusters";
    case Permission::kReadPorts: return "read-ports";
    case Permission::kManagePorts: return "manage-ports";
    case Permission::kReadRoutes: return "read-routes";
    case Permission::kManageRoutes: return "manage-routes";
    case Permission::kTryModels: return "try-models";
    case Permission::kReadCallers: return "read-callers";
    case Permission::kManageCallers: return "manage-callers";
    case Permission::kReadCard: return "read-card";
    case Permission::kReadKeys: return "read-keys";
    case Permission::kManageKeys: return "manage-keys";
    case Permission::kReadGateways: return "read-gateways";
    case Permission::kManageGateways: return "manage-gateways";
    case Permission::kReadAudit: return "read-audit";
    case Permission::kManagePeople: return "manage-people";
    case Permission::kReadSystem: return "read-system";
  }
  return "";
}

// The administrator runs the platform, the operator the models; an operator cannot change keys and people, and the
// auditor sees everything and changes nothing.
bool may(Role role, Permission permission) {
  using P = Permission;
  switch (role) {
    case Role::kAdministrator: return true;
    case Role::kOperator:
      switch (permission) {
        case P::kConfirmVendorKeys:
        case P::kManageClusters:
        case P::kManageKeys:
        case P::kManageGateways:
        case P::kReadAudit:
        case P::kManagePeople: return false;
        default: return true;
      }
    case Role::kAuditor:
      switch (permission) {
        case P::kReadModels:
        case P::kReadVendors:
        case P::kReadDeployments:
        case P::kReadClusters:
        case P::kReadPorts:
        case P::kReadRoutes:
        case P::kReadCallers:
        case P::kReadCard:
        case P::kReadKeys:
        case P::kReadGateways:
        case P::kReadAudit:
        case P::kReadSystem: return true;
        default: return false;
      }
    case Role::kVendor:
      return permission == P::kReadModels || permission == P::kSubmit || permission == P::kReadVendors ||
             permission == P::kReadCard;
    case Role::kCaller: return permission == P::kReadRoutes || permission == P::kReadCard;
  }
  return false;
}

Actor Actor::system() {
  Actor actor;
  actor.id = "system";
  actor.name = "system";
  actor.roles = {Role::kAdministrator};
  return actor;
}

bool Actor::has(Role role) const { return std::find(roles.begin(), roles.end(), role) != roles.end(); }

namespace {

// Whom to name where a right is missing: the one that it is made for, not the administrator, who has them all.
Role role_for(Permission permission) {
  for (const Role role : {Role::kOperator, Role::kVendor, Role::kAuditor, Role::kCaller})
    if (may(role, permission)) return role;
  return Role::kAdministrator;
}

}  // namespace

Result<void> require(const Actor& actor, Permission permission) {
  if (actor.must_change_password)
    return Error(ErrorCode::kPermissionDenied, "must-change-password",
                 "Change the password that you were given first; nothing else works before.");
  for (const Role role : actor.roles)
    if (may(role, permission)) return ok();
  return Error(ErrorCode::kPermissionDenied, "not-allowed",
               phrase("This is for the role {}; the right \"{}\" is not among yours. Ask an administrator.",
                      to_string(role_for(permission)), to_string(permission)));
}

std::string restricted_to_vendor(const Actor& actor, Permission permission) {
  for (const Role role : actor.roles)
    if (role != Role::kVendor && may(role, permission)) return "";
  // A vendor's person without a vendor sees nothing: no vendor has this id.
  return actor.vendor_id.empty() ? "-" : actor.vendor_id;
}

Result<void> require_for_vendor(const Actor& actor, Permission permission, const std::string& vendor_id) {
  MIFENG_CHECK(require(actor, permission));
  const std::string only = restricted_to_vendor(actor, permission);
  if (only.empty() || only == vendor_id) return ok();
  return Error(ErrorCode::kPermissionDenied, "not-your-vendor",
               "You belong to vendor \"" + actor.vendor_id + "\" and this is another's.");
}

}  // namespace mifeng::trust
