#include "mifeng/deployments/batch_service.h"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <set>

#include "batch_items.h"
#include "batch_plan.h"
#include "deployment_acts.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"

namespace mifeng::deployments {
namespace {

using store::BatchItemRow;
using store::BatchRow;

BatchCounts counts_of(const std::map<BatchItemState, std::int64_t>& by_state) {
  const auto count = [&](BatchItemState state) {
    const auto found = by_state.find(state);
    return found == by_state.end() ? 0 : found->second;
  };
  BatchCounts counts;
  counts.waiting = count(BatchItemState::kWaiting);
  counts.working = count(BatchItemState::kWorking);
  counts.ready = count(BatchItemState::kReady);
  counts.failed = count(BatchItemState::kFailed);
  counts.cancelled = count(BatchItemState::kCancelled);
  counts.rolled_back = count(BatchItemState::kRolledBack);
  return counts;
}

BatchState state_of(const BatchCounts& counts) {
  return counts.waiting + counts.working > 0 ? BatchState::kWorking : BatchState::kDone;
}

Result<BatchSummary> summary_of(store::Transaction& tx, const BatchRow& row) {
  auto summary = made_of<BatchSummary, "state", "counts">(row);
  MIFENG_TRY(const auto by_state, store::count_batch_items(tx, row.id));
  summary.counts = counts_of(by_state);
  summary.state = state_of(summary.counts);
  return summary;
}

Result<Batch> batch_of(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(const auto row, store::find<BatchRow>(tx, id));
  if (!row) return trust::not_found("batch", id);
  auto batch = made_of<Batch, "state", "counts", "items">(*row);
  MIFENG_TRY(const auto items, store::batch_items_of(tx, id));
  std::map<BatchItemState, std::int64_t> by_state;
  for (const auto& one : items) {
    auto item = made_of<BatchItem, "request">(one);
    MIFENG_TRY(item.request, parse_request(one.request_json));
    ++by_state[one.state];
    batch.items.push_back(std::move(item));
  }
  batch.counts = counts_of(by_state);
  batch.state = state_of(batch.counts);
  return batch;
}

// One way for both: an item with its number, and what is to be done.
struct NewItem {
  int number = 0;
  const DeploymentRequest* request = nullptr;
  BatchAction action = BatchAction::kCreate;
  std::string deployment_id{};
  std::string planned_ports{};
};

Result<Batch> store_batch(const Context& context, const trust::Actor& actor, const std::vector<NewItem>& items,
                          const std::string& detail) {
  auto stored = context.db.write([&](store::Transaction& tx) -> Result<Batch> {
    const BatchRow batch{.id = trust::new_id(context.random, "ba-"),
                         .asked = BatchAsked::kApply,
                         .created_by = actor.name,
                         .created_ms = context.clock.now_ms()};
    MIFENG_CHECK(store::insert(tx, batch));
    for (const auto& item : items) {
      BatchItemRow row;
      row.batch_id = batch.id;
      row.number = item.number;
      row.cluster_id = item.request->cluster.empty() ? clusters::kLocalCluster : item.request->cluster;
      row.action = item.action;
      row.request_json = json::serialize(request_json(*item.request));
      row.planned_ports = item.planned_ports;
      row.deployment_id = item.deployment_id;
      row.state = BatchItemState::kWaiting;
      row.changed_ms = batch.created_ms;
      const auto known = clusters::known_cluster(tx, row.cluster_id);
      if (!known) {  // nobody would ever come to it
        row.state = BatchItemState::kFailed;
        row.code = known.error().reason();
        row.message = known.error().message();
      }
      MIFENG_CHECK(store::insert(tx, row));
    }
    MIFENG_CHECK(context.audit.append(tx, actor, "batch.create", batch.id, detail));
    return batch_of(tx, batch.id);
  });
  if (stored) context.changed.notify();
  return stored;
}

// Rolled back, as far as that is to be asked of its deployment.
Result<void> undo(const Context& context, store::Transaction& tx, const trust::Actor& actor, BatchItemRow& item) {
  if (item.state == BatchItemState::kWaiting) return store_item(context, tx, item, BatchItemState::kCancelled);
  if (item.deployment_id.empty() || item.state == BatchItemState::kCancelled ||
      item.state == BatchItemState::kRolledBack || item.undoing != 0)
    return ok();
  const auto fail = [&](const Error& error) {
    return store_item(context, tx, item, BatchItemState::kFailed, error.reason(), error.message());
  };
  MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, item.deployment_id));
  const bool creates = item.action == BatchAction::kCreate;
  if (item.action == BatchAction::kNone || (creates && !row))
    return store_item(context, tx, item, BatchItemState::kRolledBack);
  if (!row || (row->deleting != 0 && !creates)) return fail(trust::not_found("deployment", item.deployment_id));
  // An update that was refused made no revision.
  if (!creates && item.revision_id == 0) return ok();
  if (row->revision_id != item.revision_id)
    return fail(Error(ErrorCode::kConflict, "changed-since",
                      "Somebody changed " + row->id +
                          " after this batch did: it is left as it is. Roll it back or delete it by itself."));
  if (creates) {
    MIFENG_CHECK(remove_in(context, tx, actor, *row, RemoveClaims::kNo));
    item.undoing = 1;
    return store_item(context, tx, item, BatchItemState::kWorking);
  }
  if (item.former_revision != 0) {
    const auto back = roll_back_in(context, tx, actor, *row, static_cast<int>(item.former_revision));
    if (!back && back.error().reason() != "nothing-changed") return fail(back.error());
  }
  if (item.former_replicas >= 0) {
    // The engine is not asked in a transaction: a port that somebody else has is exchanged when a unit finds out.
    const auto scaled = scale_in(context, tx, actor, *row, static_cast<int>(item.former_replicas), HeldPorts{});
    if (!scaled) return fail(scaled.error());
  }
  item.undoing = 1;
  item.revision_id = row->revision_id;
  MIFENG_CHECK(store_item(context, tx, item, BatchItemState::kWorking));
  if (row->state == DeploymentState::kReady || row->state == DeploymentState::kStopped)
    MIFENG_CHECK(settle_items(context, tx, *row));
  return ok();
}

Result<void> retry_item(const Context& context, store::Transaction& tx, const trust::Actor& actor, BatchItemRow& item) {
  if (item.state != BatchItemState::kFailed) return ok();
  MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, item.deployment_id));
  if (row && row->deleting == 0 && item.revision_id != 0 && row->revision_id == item.revision_id) {
    MIFENG_CHECK(restart_in(context, tx, actor, *row));
    return store_item(context, tx, item, BatchItemState::kWorking);
  }
  if (item.action == BatchAction::kCreate) item.deployment_id.clear();
  item.revision_id = item.former_revision = 0;
  item.former_replicas = -1;
  item.planned_ports.clear();
  return store_item(context, tx, item, BatchItemState::kWaiting);
}

}  // namespace

std::string_view to_string(BatchState state) { return state == BatchState::kWorking ? "working" : "done"; }

struct BatchService::Shelf {
  struct Kept {
    BatchPlan plan{};
    BatchWishes wishes{};
    bool applying = false;
  };

  std::mutex mutex;
  std::list<Kept> kept;  // oldest first

  std::list<Kept>::iterator find(const std::string& id, UnixMillis now) {
    std::erase_if(kept, [&](const Kept& one) { return one.plan.expires_ms <= now && !one.applying; });
    return std::find_if(kept.begin(), kept.end(), [&](const Kept& one) { return one.plan.id == id; });
  }
  static Error gone(const std::string& id) {
    return Error(ErrorCode::kNotFound, "plan-gone",
                 "There is no plan \"" + id +
                     "\" any more: plans are kept for half an hour, and not over a restart of the platform. Make the "
                     "plan anew.");
  }
};

BatchService::BatchService(const Context& context) : context_(context), shelf_(new Shelf) {}
BatchService::~BatchService() = default;

Result<BatchPlan> BatchService::plan(const trust::Actor& actor, const BatchWishes& wishes) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_TRY(auto plan, plan_batch(context_, wishes));
  plan.id = trust::new_id(context_.random, "bp-");
  plan.created_by = actor.name;
  plan.created_ms = context_.clock.now_ms();
  plan.expires_ms = plan.created_ms + kBatchPlanLifetime;
  const std::lock_guard guard(shelf_->mutex);
  shelf_->kept.push_back({.plan = plan, .wishes = wishes});
  for (auto one = shelf_->kept.begin(); shelf_->kept.size() > kBatchPlansMax && one != shelf_->kept.end();)
    one = one->applying ? std::next(one) : shelf_->kept.erase(one);
  return plan;
}

Result<BatchPlan> BatchService::find_plan(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  const std::lock_guard guard(shelf_->mutex);
  const auto found = shelf_->find(id, context_.clock.now_ms());
  if (found == shelf_->kept.end()) return Shelf::gone(id);
  return found->plan;
}

Result<BatchService::Applied> BatchService::apply(const trust::Actor& actor, const std::string& plan_id,
                                                  const std::vector<int>& without) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  const std::set<int> left_out(without.begin(), without.end());
  BatchPlan plan;
  BatchWishes wishes;
  {
    const std::lock_guard guard(shelf_->mutex);
    const auto found = shelf_->find(plan_id, context_.clock.now_ms());
    if (found == shelf_->kept.end()) return Shelf::gone(plan_id);
    if (found->applying || !found->plan.batch_id.empty())
      return Error(ErrorCode::kConflict, "plan-applied",
                   found->plan.batch_id.empty()
                       ? "The plan " + plan_id + " is being applied just now."
                       : "The plan " + plan_id + " was applied as the batch " + found->plan.batch_id + ".");
    plan = found->plan;
    wishes = found->wishes;
    found->applying = true;
  }
  auto applied = [&]() -> Result<Applied> {
    for (const int number : left_out)
      if (number < 1 || number > static_cast<int>(plan.items.size()))
        return Error(ErrorCode::kInvalidArgument, "bad-batch",
                     "without: the plan has no item " + std::to_string(number) + ".");
    std::string refused;
    for (const auto& item : plan.items)
      if (!item.refusals.empty() && !left_out.contains(item.number))
        refused += (refused.empty() ? "" : ", ") + std::to_string(item.number);
    if (!refused.empty())
      return Error(ErrorCode::kConflict, "plan-refuses",
                   phrase("These items cannot be applied: {}. Correct them, or leave them out (of a plan: --without, "
                          "--without-refused).",
                          refused));
    if (left_out.size() == plan.items.size())
      return Error(ErrorCode::kInvalidArgument, "bad-batch", "without: nothing is left to be applied.");
    // Outside of the transaction that stores: between the two each item stands up for itself.
    auto now = plan_batch(context_, wishes);
    const auto difference = now ? difference_between(plan, *now, left_out) : std::optional(now.error().message());
    if (difference) {
      MIFENG_TRY(auto changed, this->plan(actor, wishes));
      return Applied{.changed = std::move(changed), .difference = *difference};
    }
    std::vector<NewItem> items;
    for (const auto& item : plan.items) {
      if (left_out.contains(item.number)) continue;
      json::Array ports;
      for (const auto& port : item.ports) ports.emplace_back(port.node_port);
      items.push_back({.number = item.number,
                       .request = &item.request,
                       .action = item.action == BatchAction::kCreate ? BatchAction::kCreate : BatchAction::kUpdate,
                       .deployment_id = item.deployment_id,
                       .planned_ports = item.request.ports.empty() && !ports.empty() ? json::serialize(ports) : ""});
    }
    MIFENG_TRY(auto batch,
               store_batch(context_, actor, items, std::to_string(items.size()) + " items of the plan " + plan_id));
    return Applied{.batch = std::move(batch)};
  }();
  const std::lock_guard guard(shelf_->mutex);
  const auto found = std::find_if(shelf_->kept.begin(), shelf_->kept.end(),
                                  [&](const Shelf::Kept& one) { return one.plan.id == plan_id; });
  if (found != shelf_->kept.end()) {
    found->applying = false;
    if (applied && applied->batch) found->plan.batch_id = applied->batch->id;
  }
  return applied;
}

Result<Batch> BatchService::create(const trust::Actor& actor, const std::vector<DeploymentRequest>& requests) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  if (requests.empty() || requests.size() > bounds::kBatchItemsMax)
    return Error(ErrorCode::kInvalidArgument, "bad-batch",
                 "A batch has 1 to " + std::to_string(bounds::kBatchItemsMax) + " items.");
  std::vector<NewItem> items;
  for (const auto& request : requests)
    items.push_back({.number = static_cast<int>(items.size()) + 1, .request = &request});
  return store_batch(context_, actor, items, std::to_string(items.size()) + " items");
}

Result<Batch> BatchService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  return context_.db.read([&](store::Transaction& tx) { return batch_of(tx, id); });
}

Result<trust::Page<BatchSummary>> BatchService::list(const trust::Actor& actor, const std::string& text,
                                                     const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  MIFENG_TRY(const auto window, trust::window_of(page));
  return context_.db.read([&](store::Transaction& tx) -> Result<trust::Page<BatchSummary>> {
    MIFENG_TRY(const auto slice, store::search_batches(tx, text, window));
    trust::Page<BatchSummary> batches;
    batches.total = slice.total;
    for (const auto& row : slice.rows) {
      MIFENG_TRY(auto summary, summary_of(tx, row));
      batches.items.push_back(std::move(summary));
    }
    return batches;
  });
}

namespace {

using ItemAct = std::function<Result<void>(const Context&, store::Transaction&, const trust::Actor&, BatchItemRow&)>;

Result<void> cancel_item(const Context& context, store::Transaction& tx, const trust::Actor&, BatchItemRow& item) {
  if (item.state != BatchItemState::kWaiting) return ok();
  return store_item(context, tx, item, BatchItemState::kCancelled);
}

// To all items in one transaction: a batch is never half cancelled or half rolled back.
Result<Batch> act(const Context& context, const trust::Actor& actor, const std::string& id, BatchAsked asked,
                  const char* action, const ItemAct& to_item, const std::string& detail = "",
                  const std::function<Result<void>()>& afterwards = nullptr) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  auto done = context.db.write([&](store::Transaction& tx) -> Result<Batch> {
    MIFENG_TRY(auto row, store::find<BatchRow>(tx, id));
    if (!row) return trust::not_found("batch", id);
    if (row->asked == BatchAsked::kRollBack && asked != BatchAsked::kRollBack)
      return Error(ErrorCode::kConflict, "batch-rolled-back",
                   "The batch " + id + " was rolled back; make a plan of what is wanted now.");
    MIFENG_TRY(auto items, store::batch_items_of(tx, id));
    for (auto& item : items) MIFENG_CHECK(to_item(context, tx, actor, item));
    if (afterwards) MIFENG_CHECK(afterwards());
    row->asked = asked;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context.audit.append(tx, actor, action, id, detail));
    return batch_of(tx, id);
  });
  if (done) {
    context.changed.notify();
    context.access.snapshots_changed.notify();
  }
  return done;
}

}  // namespace

Result<Batch> BatchService::retry(const trust::Actor& actor, const std::string& id, const std::vector<int>& numbers) {
  std::set<int> left(numbers.begin(), numbers.end());
  if (left.empty()) return act(context_, actor, id, BatchAsked::kApply, "batch.retry", retry_item);
  std::string detail;
  for (const int number : left) detail += (detail.empty() ? "item " : ", ") + std::to_string(number);
  const auto one = [&left, &id](const Context& context, store::Transaction& tx, const trust::Actor& by,
                                BatchItemRow& item) -> Result<void> {
    if (left.erase(static_cast<int>(item.number)) == 0) return ok();
    if (item.state == BatchItemState::kFailed) return retry_item(context, tx, by, item);
    return Error(ErrorCode::kConflict, "item-not-failed",
                 "Item " + std::to_string(item.number) + " of the batch " + id +
                     " has not failed, or not any more. Look at the batch as it is now.");
  };
  const auto all = [&left, &id]() -> Result<void> {
    if (left.empty()) return ok();
    return Error(ErrorCode::kNotFound, "no-such-item",
                 "The batch " + id + " has no item " + std::to_string(*left.begin()) + ".");
  };
  return act(context_, actor, id, BatchAsked::kApply, "batch.retry", one, detail, all);
}

Result<Batch> BatchService::cancel(const trust::Actor& actor, const std::string& id) {
  return act(context_, actor, id, BatchAsked::kCancel, "batch.cancel", cancel_item);
}

Result<Batch> BatchService::roll_back(const trust::Actor& actor, const std::string& id) {
  return act(context_, actor, id, BatchAsked::kRollBack, "batch.rollback", undo);
}

}  // namespace mifeng::deployments
