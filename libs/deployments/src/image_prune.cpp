#include "image_prune.h"

#include <mutex>

#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/guard_image.h"
#include "mifeng/models/registry.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::deployments {
namespace {

constexpr std::chrono::minutes kDeadline{2};

// "REGISTRY/NAME@DIGEST". One that the registry does not have is deleted already.
Result<void> delete_from_registry(const Context& context, const std::string& address) {
  const auto deleted =
      models::run_skopeo(context.options.registry_access, address, {"delete", "docker://" + address}, "", kDeadline);
  if (deleted || deleted.error().message().find("manifest unknown") != std::string::npos ||
      deleted.error().message().find("repository name not known") != std::string::npos)
    return ok();
  return deleted.error();
}

// What the engines have of images that no version names.
Result<void> prune_engines(const Context& context) {
  MIFENG_TRY(const auto kept, context.db.read([](store::Transaction& tx) { return store::all<store::ImageRow>(tx); }));
  std::vector<std::string> keep{context.guard_image.address()};
  for (const auto& image : kept) keep.push_back(image.address);
  for (const std::string& cluster : context.clusters.ids())
    MIFENG_CHECK(clusters::call_engine<void>(context.clusters, cluster,
                                             [&](cluster::Engine& engine) { return engine.prune_images(keep); }));
  return ok();
}

}  // namespace

Result<int> prune_images(const Context& context) {
  if (context.options.registry.empty()) return 0;
  // Locked anew for each image: a package that is submitted meanwhile waits for one deletion, not for all.
  for (int deleted = 0;; ++deleted) {
    const std::unique_lock alone(context.images.mutex, std::try_to_lock);
    if (!alone) return Error(ErrorCode::kConflict, "image-on-its-way", "A package is being stored.");
    MIFENG_TRY(const auto unused, context.db.read([](store::Transaction& tx) { return store::unused_images(tx); }));
    if (unused.empty()) {
      MIFENG_CHECK(prune_engines(context));
      return deleted;
    }
    const std::string& address = unused.front().address;
    // One of a registry that was used before is not ours to delete there.
    if (address.starts_with(context.options.registry + "/")) MIFENG_CHECK(delete_from_registry(context, address));
    MIFENG_CHECK(context.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_CHECK(store::erase<store::ImageRow>(tx, address));
      return context.audit.append(
          tx, trust::AuditEvent{.actor = "system", .action = "image.delete", .subject = address, .detail = "unused"});
    }));
  }
}

}  // namespace mifeng::deployments
