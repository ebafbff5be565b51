#include "batch_items.h"

#include "deployment_acts.h"
#include "deployment_create.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/text.h"

namespace mifeng::deployments {
namespace {

using store::BatchAction;
using store::BatchItemRow;
using store::BatchItemState;
using store::DeploymentRow;

constexpr char kDeploymentFailed[] = "deployment-failed";  // it may still come up: then the item is ready after all

Result<std::vector<int>> parse_ports(const std::string& text) {
  std::vector<int> ports;
  if (text.empty()) return ports;
  MIFENG_TRY(const auto value, json::parse(text));
  const json::Array* list = value.if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
    if ((*list)[i].if_int64() != nullptr) ports.push_back(static_cast<int>(*(*list)[i].if_int64()));
  return ports;
}

// The batch's own actor: who made it, with the rights that he had then.
Result<trust::Actor> actor_of(store::Transaction& tx, const std::string& batch) {
  MIFENG_TRY(const auto row, store::find<store::BatchRow>(tx, batch));
  if (!row) return trust::not_found("batch", batch);
  trust::Actor actor = trust::Actor::system();
  actor.name = row->created_by;
  return actor;
}

Result<DeploymentRow> update_item(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                                  BatchItemRow& item, const DeploymentRequest& request, const HeldPorts& held) {
  MIFENG_TRY(DeploymentRow row, live_deployment(tx, item.deployment_id));
  MIFENG_TRY(const auto before, wanted_revision(tx, row));
  const std::int64_t replicas = row.replicas;
  const bool scales = request.replicas && *request.replicas != replicas;
  const auto updated = update_in(context, tx, actor, row, update_of(request));
  if (!updated && updated.error().reason() != "nothing-changed") return updated.error();
  if (updated) item.former_revision = before.number;
  if (scales) {
    MIFENG_CHECK(scale_in(context, tx, actor, row, *request.replicas, held));
    item.former_replicas = replicas;
  }
  if (!updated && !scales) item.action = BatchAction::kNone;
  return row;
}

// Whether calls are answered by what is wanted now. A failure is only believed when it is news.
bool is_up(const DeploymentRow& row) {
  return row.state == DeploymentState::kReady || row.state == DeploymentState::kStopped;
}

}  // namespace

std::string deployment_id_for(const Context& context, const BatchItemRow& item) {
  if (!item.deployment_id.empty()) return item.deployment_id;
  const auto request = parse_request(item.request_json);
  return new_deployment_id(context, request ? request->name : "item");
}

UpdateRequest update_of(const DeploymentRequest& request) {
  UpdateRequest update;
  update.version_id = request.version_id;
  if (!request.overlay.env.empty()) update.env = request.overlay.env;
  if (!request.overlay.requests.empty()) update.requests = request.overlay.requests;
  if (!request.overlay.limits.empty()) update.limits = request.overlay.limits;
  if (request.overlay.allow_network) update.allow_network = true;
  if (!request.overlay.volumes.empty()) update.volumes = request.overlay.volumes;
  if (!request.overlay.tolerations.empty()) update.tolerations = request.overlay.tolerations;
  return update;
}

Result<void> store_item(const Context& context, store::Transaction& tx, BatchItemRow& item, BatchItemState state,
                        const std::string& code, const std::string& message) {
  item.state = state;
  item.code = code;
  item.message = trust::clean_text(message, 1000);
  item.changed_ms = context.clock.now_ms();
  MIFENG_CHECK(store::update(tx, item));
  if (state == BatchItemState::kWaiting) return ok();
  return context.audit.append(tx, trust::AuditEvent{.actor = "system",
                                                    .action = "batch.item",
                                                    .subject = item.batch_id,
                                                    .outcome = code.empty() ? std::string(to_string(state)) : code,
                                                    .detail = std::to_string(item.number) + " " + item.deployment_id});
}

Result<std::optional<DeploymentRow>> do_item(const Context& context, const BatchItemRow& wanted,
                                             const std::string& deployment_id, const AskHeld& ask_held) {
  // Read again in each transaction: it may have been cancelled meanwhile.
  const auto still_waits = [&](store::Transaction& tx) -> Result<std::optional<BatchItemRow>> {
    MIFENG_TRY(auto row, store::find<BatchItemRow>(tx, wanted.batch_id, wanted.number));
    if (!row || row->state != BatchItemState::kWaiting) return std::optional<BatchItemRow>{};
    return row;
  };
  auto done = [&]() -> Result<std::optional<DeploymentRow>> {
    MIFENG_TRY(const auto request, parse_request(wanted.request_json));
    MIFENG_TRY(const auto held, ask_held());
    MIFENG_TRY(const auto planned, parse_ports(wanted.planned_ports));
    return context.db.write([&](store::Transaction& tx) -> Result<std::optional<DeploymentRow>> {
      MIFENG_TRY(auto item, still_waits(tx));
      if (!item) return std::optional<DeploymentRow>{};
      MIFENG_TRY(const auto actor, actor_of(tx, item->batch_id));
      DeploymentRow row;
      if (item->action == BatchAction::kCreate) {
        const CreatedBy by{.id = deployment_id, .planned_ports = planned, .batch_id = item->batch_id};
        MIFENG_TRY(row, create_in(context, tx, actor, request, held, by));
        item->deployment_id = row.id;
      } else {
        MIFENG_TRY(row, update_item(context, tx, actor, *item, request, held));
      }
      item->revision_id = row.revision_id;
      MIFENG_CHECK(store_item(context, tx, *item, BatchItemState::kWorking));
      if (is_up(row)) MIFENG_CHECK(settle_items(context, tx, row));
      return std::optional(std::move(row));
    });
  }();
  if (done) return done;
  const bool away = done.error().code() == ErrorCode::kUnavailable;
  MIFENG_CHECK(context.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto item, still_waits(tx));
    if (!item || (away && item->code == done.error().reason())) return ok();
    return store_item(context, tx, *item, away ? BatchItemState::kWaiting : BatchItemState::kFailed,
                      done.error().reason(), done.error().message());
  }));
  if (away) return done;
  return std::optional<DeploymentRow>{};
}

Result<void> settle_items(const Context& context, store::Transaction& tx, const DeploymentRow& row) {
  const bool up = is_up(row);
  const bool down = row.state == DeploymentState::kFailed || row.update_failed != 0;
  if (!up && !down) return ok();
  MIFENG_TRY(auto items, store::batch_items_with(tx, row.id));
  for (auto& item : items) {
    const bool failed_before = item.state == BatchItemState::kFailed && item.code == kDeploymentFailed;
    const bool its_revision = item.revision_id == row.revision_id;
    if (item.state != BatchItemState::kWorking && !(failed_before && its_revision)) continue;
    if (up) {
      const bool undone = item.undoing != 0;
      item.undoing = 0;
      MIFENG_CHECK(store_item(context, tx, item, undone ? BatchItemState::kRolledBack : BatchItemState::kReady));
    } else if (!failed_before || item.message != row.reason) {
      MIFENG_CHECK(store_item(context, tx, item, BatchItemState::kFailed, kDeploymentFailed, row.reason));
    }
  }
  return ok();
}

Result<void> settle_gone(const Context& context, store::Transaction& tx, const std::string& deployment) {
  MIFENG_TRY(auto items, store::batch_items_with(tx, deployment));
  for (auto& item : items) {
    if (item.undoing != 0) {
      item.undoing = 0;
      MIFENG_CHECK(store_item(context, tx, item, BatchItemState::kRolledBack));
    } else if (item.state == BatchItemState::kWorking) {
      MIFENG_CHECK(store_item(context, tx, item, BatchItemState::kFailed, "no-such-deployment",
                              phrase("its deployment {} was removed", deployment)));
    }
  }
  return ok();
}

}  // namespace mifeng::deployments
