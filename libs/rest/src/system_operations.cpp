#include "json_of.h"
#include "mifeng/base/secret.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> health(Call&) { return reply(json::Object{{"status", "ok"}}); }

Result<Reply> version(Call& call) {
  return reply(json::Object{{"version", call.options.version}, {"api", "v1"}, {"name", call.options.name}});
}

Result<Reply> system(Call& call) {
  MIFENG_TRY(const auto clusters, call.platform.clusters().list(trust::Actor::system()));
  std::string engine;
  for (const auto& cluster : clusters)
    if (cluster.id == clusters::kLocalCluster) engine = cluster.version;
  return reply(json::Object{{"version", call.options.version},
                            {"name", call.options.name},
                            {"registry", call.options.registry},
                            {"installation", call.options.installation},
                            {"gateway_url", call.options.gateway_url},
                            {"engine", engine},
                            {"started_ms", call.options.started_ms},
                            {"now_ms", call.clock.now_ms()},
                            {"memory_locked", secret_memory_is_locked()},
                            {"tls_certificate_sm3", call.options.tls_certificate_sm3}});
}

Result<Reply> first_administrator(Call& call) {
  MIFENG_TRY(const auto made, call.platform.people().ensure_administrator());
  if (!made)
    return Error(ErrorCode::kConflict, "person-exists",
                 "There are people already; sign in as an administrator, or let one reset your password.");
  return reply(json::Object{{"name", made->person.name}, {"password", made->password}});
}

constexpr Operation kOperations[] = {
    {"getHealth", "GET", "/system/health", Access::kAnyone, health},
    {"getVersion", "GET", "/system/version", Access::kAnyone, version},
    {"getSystem", "GET", "/system", Permission::kReadSystem, system},
    {"createFirstAdministrator", "POST", "/system/first-administrator", Access::kLocal, first_administrator,
     BodyKind::kNone, "", Pool::kPasswords},
};

}  // namespace

std::span<const Operation> system_operations() { return kOperations; }

}  // namespace mifeng::rest
