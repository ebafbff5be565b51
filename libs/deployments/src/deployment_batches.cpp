// Many deployments at once.
#include "batches.h"
#include "deployment_create.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"

namespace mifeng::deployments {
namespace {

Result<Batch> load_batch(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
  if (!row) return trust::not_found("batch", id);
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
Result<void> run_batch(const Context& context, const trust::Actor& actor, const std::string& id) {
  MIFENG_TRY(const auto items, context.db.read([&](store::Transaction& tx) { return store::batch_items_of(tx, id); }));
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
      const std::string cluster = request.cluster.empty() ? clusters::kLocalCluster : request.cluster;
      if (!held.contains(cluster)) {
        MIFENG_TRY(held[cluster], held_for(context, request));
      }
      return context.db.write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(const bool open, still_open(tx));
        if (!open) return ok();
        MIFENG_TRY(const auto made, create_in(context, tx, actor, request, held, id));
        store::BatchItemRow row = item;
        row.deployment_id = made.id;
        MIFENG_CHECK(store::update(tx, row));
        return ok();
      });
    }();
    if (done) continue;
    // A cluster that is away: the item stays open and is come back to, and those of other clusters go on.
    if (done.error().code() == ErrorCode::kUnavailable) continue;
    MIFENG_CHECK(context.db.write([&](store::Transaction& tx) -> Result<void> {
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

Result<void> resume_batches(const Context& context) {
  MIFENG_TRY(const auto open, context.db.read([](store::Transaction& tx) { return store::open_batches(tx); }));
  for (const auto& row : open) {
    trust::Actor actor = trust::Actor::system();
    actor.name = row.created_by;
    MIFENG_CHECK(run_batch(context, actor, row.id));
  }
  return ok();
}

Result<Batch> DeploymentService::create_batch(const trust::Actor& actor,
                                              const std::vector<DeploymentRequest>& requests) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  if (requests.empty() || requests.size() > 500)
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "A batch has 1 to 500 items.");
  MIFENG_TRY(const std::string id, context_.db.write([&](store::Transaction& tx) -> Result<std::string> {
    store::BatchRow row{
        .id = trust::new_id(context_.random, "ba-"), .created_by = actor.name, .created_ms = context_.clock.now_ms()};
    MIFENG_CHECK(store::insert(tx, row));
    std::int64_t number = 0;
    for (const auto& request : requests)
      MIFENG_CHECK(store::insert(
          tx, store::BatchItemRow{
                  .batch_id = row.id, .number = number++, .request_json = json::serialize(request_json(request))}));
    MIFENG_CHECK(context_.audit.append(tx, actor, "batch.create", row.id, std::to_string(requests.size()) + " items"));
    return row.id;
  }));
  MIFENG_CHECK(run_batch(context_, actor, id));
  context_.changed.notify();
  return context_.db.read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::batch(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  return context_.db.read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::retry_batch(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
    if (!row) return trust::not_found("batch", id);
    MIFENG_TRY(auto items, store::batch_items_of(tx, id));
    for (auto& item : items) {
      if (item.error.empty()) continue;
      item.error.clear();
      MIFENG_CHECK(store::update(tx, item));
    }
    return context_.audit.append(tx, actor, "batch.retry", id);
  }));
  MIFENG_CHECK(run_batch(context_, actor, id));
  context_.changed.notify();
  return context_.db.read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

}  // namespace mifeng::deployments
