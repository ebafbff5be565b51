#include "mifeng/models/model_service.h"

#include "mifeng/base/bounds.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/models/context.h"
#include "mifeng/store/deployments.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "model_rows.h"

namespace mifeng::models {

Result<VersionState> parse_version_state(std::string_view text) {
  if (const auto state = store::from_word<VersionState>(text)) return *state;
  return Error(ErrorCode::kInvalidArgument, "unknown-state", "A version is submitted, accepted, refused or withdrawn.");
}

Result<DocumentKind> parse_document_kind(std::string_view text) {
  if (const auto kind = store::from_word<DocumentKind>(text)) return *kind;
  return Error(ErrorCode::kInvalidArgument, "unknown-document", "A document is design, usage or test.");
}

Result<ModelVersion> model_of(store::Transaction& tx, const store::ModelRow& row) {
  auto model = made_of<ModelVersion, "signer_fingerprint", "documents">(row);
  MIFENG_TRY(const auto signer, crypto::Sm2PublicKey::from_pem(row.signer_key_pem));
  model.signer_fingerprint = signer.fingerprint();
  MIFENG_TRY(auto documents, store::documents_of(tx, row.id));
  for (const auto& document : documents) model.documents.push_back(made_of<DocumentInfo>(document));
  return model;
}

Result<trust::Page<ModelVersion>> ModelService::search(const trust::Actor& actor, const ModelQuery& query,
                                                       const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadModels));
  MIFENG_TRY(const auto window, trust::window_of(page));
  if (!query.state.empty()) MIFENG_CHECK(parse_version_state(query.state));
  store::ModelFilter filter{.text = query.text,
                            .name = query.name,
                            .function = query.function,
                            .language = query.language,
                            .vendor_id = query.vendor,
                            .state = query.state};
  const std::string only = restricted_to_vendor(actor, trust::Permission::kReadModels);
  if (!only.empty()) {
    if (!filter.vendor_id.empty() && filter.vendor_id != only) return trust::Page<ModelVersion>{};
    filter.vendor_id = only;
  }
  return context_.db.read([&](store::Transaction& tx) -> Result<trust::Page<ModelVersion>> {
    MIFENG_TRY(auto slice, store::search_models(tx, filter, window));
    trust::Page<ModelVersion> models;
    models.total = slice.total;
    for (const auto& row : slice.rows) {
      MIFENG_TRY(auto model, model_of(tx, row));
      models.items.push_back(std::move(model));
    }
    return models;
  });
}

Result<ModelVersion> ModelService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadModels));
  return context_.db.read([&](store::Transaction& tx) -> Result<ModelVersion> {
    MIFENG_TRY(auto row, store::find<store::ModelRow>(tx, id));
    // Another vendor's looks like none.
    if (!row || !require_for_vendor(actor, trust::Permission::kReadModels, row->vendor_id))
      return trust::not_found("model version", id);
    return model_of(tx, *row);
  });
}

Result<ModelVersion> ModelService::find(const trust::Actor& actor, const std::string& vendor_id,
                                        const std::string& name, const std::string& version) {
  MIFENG_CHECK(require_for_vendor(actor, trust::Permission::kReadModels, vendor_id));
  return context_.db.read([&](store::Transaction& tx) -> Result<ModelVersion> {
    MIFENG_TRY(auto row, store::model_by_version(tx, vendor_id, name, version));
    if (!row) return trust::not_found("model version", vendor_id + "/" + name + "@" + version);
    return model_of(tx, *row);
  });
}

Result<std::string> ModelService::document(const trust::Actor& actor, const std::string& id, DocumentKind kind) {
  MIFENG_CHECK(get(actor, id));
  MIFENG_TRY(auto row,
             context_.db.read([&](store::Transaction& tx) { return store::find<store::DocumentRow>(tx, id, kind); }));
  if (!row) return trust::not_found("document", std::string(to_string(kind)));
  return std::move(row->content);
}

namespace {

Result<ModelVersion> decide(const Context& context, const trust::Actor& actor, const std::string& id, VersionState to,
                            const std::string& reason) {
  MIFENG_CHECK(require(actor, trust::Permission::kDecideVersions));
  return context.db.write([&](store::Transaction& tx) -> Result<ModelVersion> {
    MIFENG_TRY(auto row, store::find<store::ModelRow>(tx, id));
    if (!row) return trust::not_found("model version", id);
    if (row->state == to) return model_of(tx, *row);
    const bool again = to == VersionState::kAccepted && row->state == VersionState::kWithdrawn;
    if (row->state != VersionState::kSubmitted && !again)
      return Error(ErrorCode::kConflict, "already-decided",
                   "This version was " + std::string(to_string(row->state)) + " by " + row->decided_by +
                       "; that is not changed any more.");
    row->state = to;
    row->state_reason = reason;
    row->decided_by = actor.name;
    row->decided_ms = context.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context.audit.append(tx, actor, to == VersionState::kAccepted ? "version.accept" : "version.refuse",
                                      row->vendor_id + "/" + row->name + "/" + row->version, reason));
    return model_of(tx, *row);
  });
}

}  // namespace

Result<ModelVersion> ModelService::accept(const trust::Actor& actor, const std::string& id) {
  return decide(context_, actor, id, VersionState::kAccepted, "");
}

Result<ModelVersion> ModelService::refuse(const trust::Actor& actor, const std::string& id, const std::string& reason) {
  MIFENG_CHECK(trust::check_text("reason", reason, bounds::kReasonMax));
  return decide(context_, actor, id, VersionState::kRefused, reason);
}

Result<ModelService::Withdrawn> ModelService::withdraw(const trust::Actor& actor, const std::string& id,
                                                       const std::string& reason) {
  MIFENG_CHECK(require(actor, trust::Permission::kDecideVersions));
  MIFENG_CHECK(trust::check_text("reason", reason, bounds::kReasonMax));
  return context_.db.write([&](store::Transaction& tx) -> Result<Withdrawn> {
    MIFENG_TRY(auto row, store::find<store::ModelRow>(tx, id));
    if (!row) return trust::not_found("model version", id);
    if (row->state == VersionState::kAccepted) {
      row->state = VersionState::kWithdrawn;
      row->state_reason = reason;
      row->decided_by = actor.name;
      row->decided_ms = context_.clock.now_ms();
      MIFENG_CHECK(store::update(tx, *row));
      MIFENG_CHECK(context_.audit.append(tx, actor, "version.withdraw",
                                         row->vendor_id + "/" + row->name + "/" + row->version, reason));
    } else if (row->state != VersionState::kWithdrawn) {
      return Error(ErrorCode::kConflict, "not-accepted",
                   "This version is " + std::string(to_string(row->state)) + "; only an accepted one is withdrawn.");
    }
    Withdrawn withdrawn;
    MIFENG_TRY(withdrawn.version, model_of(tx, *row));
    MIFENG_TRY(const auto deployments, store::deployments_with_version(tx, id));
    for (const auto& deployment : deployments) withdrawn.deployment_ids.push_back(deployment.id);
    return withdrawn;
  });
}

Result<void> ModelService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kDecideVersions));
  auto removed = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::ModelRow>(tx, id));
    if (!row) return trust::not_found("model version", id);
    if (row->state == VersionState::kAccepted)
      return Error(ErrorCode::kConflict, "version-accepted",
                   "An accepted version stays, so that what ran can be told; withdraw it first.");
    MIFENG_TRY(const auto deployments, store::deployments_with_version(tx, id));
    if (!deployments.empty())
      return Error(ErrorCode::kConflict, "version-in-use",
                   "The deployment " + deployments.front().id + " has it, now or to roll back to. Delete it first.");
    MIFENG_CHECK(store::erase_documents(tx, id));
    MIFENG_CHECK(store::erase<store::ModelRow>(tx, id));
    MIFENG_TRY(const auto configs, store::models_with_config(tx, row->config_sm3));
    if (configs == 0) MIFENG_CHECK(store::erase<store::ConfigRow>(tx, row->config_sm3));
    // The image's entry stays until the image has been deleted from the registry, by whoever comes to it.
    return context_.audit.append(tx, actor, "version.remove", row->vendor_id + "/" + row->name + "/" + row->version);
  });
  if (removed) {
    context_.images.has_unused = true;
    context_.images.changed.notify();
  }
  return removed;
}

Result<std::string> ModelService::config(const trust::Actor& actor, const std::string& sm3) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadModels));
  const std::string only = restricted_to_vendor(actor, trust::Permission::kReadModels);
  return context_.db.read([&](store::Transaction& tx) -> Result<std::string> {
    MIFENG_TRY(auto row, store::find<store::ConfigRow>(tx, sm3));
    if (!row) return trust::not_found("config", sm3);
    if (!only.empty()) {
      MIFENG_TRY(const bool own, store::vendor_has_config(tx, only, sm3));
      if (!own) return trust::not_found("config", sm3);
    }
    return std::move(row->content);
  });
}

Result<trust::Page<ConfigEntry>> ModelService::configs(const trust::Actor& actor, const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadModels));
  const std::string only = restricted_to_vendor(actor, trust::Permission::kReadModels);
  MIFENG_TRY(const auto window, trust::window_of(page));
  MIFENG_TRY(auto slice,
             context_.db.read([&](store::Transaction& tx) { return store::config_slice(tx, only, window); }));
  return trust::page_of<ConfigEntry>(std::move(slice));
}

Result<trust::Page<ImageEntry>> ModelService::images(const trust::Actor& actor, const std::string& text,
                                                     const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadModels));
  const std::string only = restricted_to_vendor(actor, trust::Permission::kReadModels);
  MIFENG_TRY(const auto window, trust::window_of(page));
  MIFENG_TRY(auto slice,
             context_.db.read([&](store::Transaction& tx) { return store::image_slice(tx, text, only, window); }));
  return trust::page_of<ImageEntry>(std::move(slice));
}

}  // namespace mifeng::models
