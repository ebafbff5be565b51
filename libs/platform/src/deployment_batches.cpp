// Many deployments at once.
#include "audit_log.h"
#include "batches.h"
#include "core.h"
#include "deployment_create.h"
#include "deployment_rows.h"

namespace mifeng::platform {
namespace {

Result<Batch> load_batch(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
  if (!row) return not_found("batch", id);
  Batch batch;
  batch.id = id;
  batch.created_ms = row->created_ms;
  MIFENG_TRY(const auto items, store::batch_items_of(tx, id));
  for (const auto& item : items) {
    MIFENG_TRY(auto request, parse_request(item.request_json));
    batch.items.push_back({.request = std::move(request), .deployment_id = item.deployment_id, .error = item.error});
  }
  return batch;
}

// Every item that has neither a deployment nor an error yet. Each has a transaction of its own in which its deployment
// and this are stored together, so a batch that was broken off goes on where it stood.
Result<void> run_batch(Core& core, const Actor& actor, const std::string& id) {
  MIFENG_TRY(const auto items, core.db->read([&](store::Transaction& tx) { return store::batch_items_of(tx, id); }));
  HeldByCluster held;  // asked once for each cluster
  for (const auto& item : items) {
    if (!item.deployment_id.empty() || !item.error.empty()) continue;
    // Read again in each transaction: two threads may be at the same batch.
    const auto still_open = [&](store::Transaction& tx) -> Result<bool> {
      MIFENG_TRY(const auto row, store::find<store::BatchItemRow>(tx, item.batch_id, item.number));
      return row && row->deployment_id.empty() && row->error.empty();
    };
    auto done = [&]() -> Result<void> {
      MIFENG_TRY(const auto request, parse_request(item.request_json));
      const std::string cluster = request.cluster.empty() ? kLocalCluster : request.cluster;
      if (!held.contains(cluster)) {
        MIFENG_TRY(held[cluster], held_for(core, request));
      }
      return core.db->write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(const bool open, still_open(tx));
        if (!open) return ok();
        MIFENG_TRY(const auto made, create_in(core, tx, actor, request, held, id));
        store::BatchItemRow row = item;
        row.deployment_id = made.id;
        MIFENG_CHECK(store::update(tx, row));
        return ok();
      });
    }();
    if (done) continue;
    // A cluster that is away: the item stays open and is come back to, and those of other clusters go on.
    if (done.error().code() == ErrorCode::kUnavailable) continue;
    MIFENG_CHECK(core.db->write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const bool open, still_open(tx));
      if (!open) return ok();
      store::BatchItemRow row = item;
      row.error = done.error().message();
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    }));
  }
  return ok();
}

}  // namespace

Result<void> resume_batches(Core& core) {
  MIFENG_TRY(const auto open, core.db->read([](store::Transaction& tx) { return store::open_batches(tx); }));
  for (const auto& row : open) {
    Actor actor = Actor::system();
    actor.name = row.created_by;
    MIFENG_CHECK(run_batch(core, actor, row.id));
  }
  return ok();
}

Result<Batch> DeploymentService::create_batch(const Actor& actor, const std::vector<DeploymentRequest>& requests) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  if (requests.empty() || requests.size() > 500)
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "A batch has 1 to 500 items.");
  MIFENG_TRY(const std::string id, core_.db->write([&](store::Transaction& tx) -> Result<std::string> {
    store::BatchRow row{.id = new_id(core_, "ba-"), .created_by = actor.name, .created_ms = core_.clock.now_ms()};
    MIFENG_CHECK(store::insert(tx, row));
    std::int64_t number = 0;
    for (const auto& request : requests)
      MIFENG_CHECK(store::insert(
          tx, store::BatchItemRow{
                  .batch_id = row.id, .number = number++, .request_json = json::serialize(request_json(request))}));
    MIFENG_CHECK(audit(core_, tx, actor, "batch.create", row.id, std::to_string(requests.size()) + " items"));
    return row.id;
  }));
  MIFENG_CHECK(run_batch(core_, actor, id));
  core_.deployments_changed.notify();
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::batch(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kReadDeployments));
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::retry_batch(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
    if (!row) return not_found("batch", id);
    MIFENG_TRY(auto items, store::batch_items_of(tx, id));
    for (auto& item : items) {
      if (item.error.empty()) continue;
      item.error.clear();
      MIFENG_CHECK(store::update(tx, item));
    }
    return audit(core_, tx, actor, "batch.retry", id);
  }));
  MIFENG_CHECK(run_batch(core_, actor, id));
  core_.deployments_changed.notify();
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

}  // namespace mifeng::platform
