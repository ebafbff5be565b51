// Who asks, and what each role may do. Every service checks this itself, so that no way in can forget it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::trust {

// "administrator", "vendor" 模型生产方, "operator" 模型管理方, "auditor", "caller" 模型使用方
enum class Role { kAdministrator, kVendor, kOperator, kAuditor, kCaller };
inline constexpr Role kAllRoles[] = {Role::kAdministrator, Role::kVendor, Role::kOperator, Role::kAuditor,
                                     Role::kCaller};
std::string_view to_string(Role role);
Result<Role> parse_role(std::string_view text);  // kInvalidArgument "unknown-role"

enum class Permission {
  kReadModels,         // vendors: only their own
  kSubmit,             // vendors: only for themselves
  kDecideVersions,     // accept, refuse, remove what was refused
  kReadVendors,        // vendors: only themselves
  kManageVendors,      // developer information
  kConfirmVendorKeys,  // put a vendor's key in force
  kReadDeployments,
  kDeploy,  // plan, create, update, roll back, scale, restart, delete; see logs
  kReadClusters,
  kManageClusters,  // names, addresses, whether unknown units are removed
  kReadPorts,
  kManagePorts,  // ranges, reserved ports
  kReadRoutes,   // callers too: they need to know where to call
  kManageRoutes,
  kTryModels,  // call a model from the platform itself, and see its answer
  kReadCallers,
  kManageCallers,
  kReadCard,  // the platform card: everybody who is signed in
  kReadKeys,
  kManageKeys,
  kReadGateways,
  kManageGateways,
  kReadAudit,  // read, export, verify
  kManagePeople,
  kReadSystem,
};
inline constexpr Permission kAllPermissions[] = {
    Permission::kReadModels,      Permission::kSubmit,        Permission::kDecideVersions,
    Permission::kReadVendors,     Permission::kManageVendors, Permission::kConfirmVendorKeys,
    Permission::kReadDeployments, Permission::kDeploy,        Permission::kReadClusters,
    Permission::kManageClusters,  Permission::kReadPorts,     Permission::kManagePorts,
    Permission::kReadRoutes,      Permission::kManageRoutes,  Permission::kTryModels,
    Permission::kReadCallers,     Permission::kManageCallers, Permission::kReadCard,
    Permission::kReadKeys,        Permission::kManageKeys,    Permission::kReadGateways,
    Permission::kManageGateways,  Permission::kReadAudit,     Permission::kManagePeople,
    Permission::kReadSystem};
std::string_view to_string(Permission permission);  // "read-models", ...
bool may(Role role, Permission permission);

// A signed-in person or one of their tokens, or the platform itself.
struct Actor {
  std::string id;    // person id; "system" for the platform
  std::string name;  // as signed in with
  std::vector<Role> roles;
  std::string vendor_id;              // of a person with the role vendor; else empty
  std::string address;                // where the request came from, for the audit log
  std::string token_id;               // of the API token that was used; empty for a session
  bool must_change_password = false;  // then only PeopleService::change_password and sign_out work
  UnixMillis until_ms = 0;            // when the session, unless it is used, or the token ends; 0: it does not
  std::vector<std::string> seen;  // versions (version.h), one of which has to be that of what he changes; empty: any

  static Actor system();
  bool has(Role role) const;
};

// kPermissionDenied "not-allowed", or "must-change-password".
Result<void> require(const Actor& actor, Permission permission);
// The same, and where the only role that permits it is vendor, `vendor_id` must be the actor's own: "not-your-vendor".
Result<void> require_for_vendor(const Actor& actor, Permission permission, const std::string& vendor_id);
// The vendor to which a list must be restricted for this actor; empty for none.
std::string restricted_to_vendor(const Actor& actor, Permission permission);

}  // namespace mifeng::trust
