#include "submission.h"

#include <tuple>

#include "mifeng/base/phrase.h"
#include "mifeng/models/context.h"
#include "mifeng/models/image_push.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "model_rows.h"

namespace mifeng::models {
namespace {

Result<std::optional<store::ModelRow>> find_version(store::Transaction& tx, const package::PackageManifest& manifest) {
  return store::model_by_version(tx, manifest.vendor.id, manifest.model.name, manifest.model.version);
}

std::string config_address_of(const package::PackageManifest& manifest) {
  return "/api/v1/configs/" + manifest.config.sm3;
}

Result<void> insert_config(store::Transaction& tx, const package::PackageFile& package, UnixMillis now) {
  const auto& manifest = package.manifest();
  MIFENG_TRY(const auto config, store::find<store::ConfigRow>(tx, manifest.config.sm3));
  if (config) return ok();
  return store::insert(tx, store::ConfigRow{.sm3 = manifest.config.sm3,
                                            .address = config_address_of(manifest),
                                            .content = package.config_yaml(),
                                            .size = static_cast<std::int64_t>(manifest.config.size),
                                            .created_ms = now});
}

Result<void> insert_documents(store::Transaction& tx, const package::PackageFile& package,
                              const std::string& model_id) {
  const auto& manifest = package.manifest();
  const std::tuple<package::Document, DocumentKind, const package::DigestAndSize*> documents[] = {
      {package::Document::kDesign, DocumentKind::kDesign, &manifest.design},
      {package::Document::kUsage, DocumentKind::kUsage, &manifest.usage},
      {package::Document::kTest, DocumentKind::kTest, &manifest.test}};
  for (const auto& [document, kind, digest] : documents)
    MIFENG_CHECK(store::insert(tx, store::DocumentRow{.model_id = model_id,
                                                      .kind = kind,
                                                      .sm3 = digest->sm3,
                                                      .size = static_cast<std::int64_t>(digest->size),
                                                      .content = package.document(document)}));
  return ok();
}

// Model information 模型信息 of what was submitted; `vendor` as it stands in the table.
store::ModelRow row_of(const Submission& submission, const store::VendorRow& vendor, std::string id, UnixMillis now) {
  const auto& manifest = submission.package.manifest();
  const Bytes& header = submission.package.payload_header();
  return {.id = std::move(id),
          .vendor_id = manifest.vendor.id,
          .vendor_name = vendor.name,
          .name = manifest.model.name,
          .function = manifest.model.function,
          .language = manifest.model.language,
          .version = manifest.model.version,
          .config_address = config_address_of(manifest),
          .config_sm3 = manifest.config.sm3,
          .image_name = manifest.image_name,
          .image_digest = manifest.image_digest,
          .image_address = submission.image_address,
          .state = VersionState::kSubmitted,
          .package_sm3 = submission.package_sm3,
          .payload_header = to_base64(header),
          .payload_header_sm3 = trust::sm3_hex(header),
          .payload_size = static_cast<std::int64_t>(manifest.payload_plaintext_size),
          .segments_size = static_cast<std::int64_t>(submission.segments.size),
          .segments_sha256 = to_hex(submission.segments.sha256),
          .signer_key_pem = vendor.public_key_pem,
          .delivery_key_id = submission.verified->delivery_key_id,
          .card_key_id = submission.verified->card_key_id,
          .submitted_by = submission.actor.name,
          .submitted_ms = now};
}

}  // namespace

std::string subject_of(const package::PackageManifest& manifest) {
  return manifest.vendor.id + "/" + manifest.model.name + "/" + manifest.model.version;
}

Result<std::optional<ModelVersion>> find_submitted(const Context& context, const Submission& submission) {
  const auto& manifest = submission.package.manifest();
  return context.db.read([&](store::Transaction& tx) -> Result<std::optional<ModelVersion>> {
    MIFENG_TRY(const auto row, find_version(tx, manifest));
    if (!row) return std::optional<ModelVersion>{};
    if (row->package_sm3 != submission.package_sm3)
      return Error(
          ErrorCode::kConflict, "version-exists",
          phrase("{} is there already ({}), with other content. Give the new content a new version.",
                 manifest.vendor.id + "/" + manifest.model.name + "@" + manifest.model.version, to_string(row->state)));
    MIFENG_TRY(auto model, model_of(tx, *row));
    return std::optional<ModelVersion>(std::move(model));
  });
}

Result<void> announce_image(const Context& context, const Submission& submission) {
  const auto& manifest = submission.package.manifest();
  std::int64_t size = 0;
  for (const auto& layer : manifest.layers) size += static_cast<std::int64_t>(layer.size);
  return context.db.write([&](store::Transaction& tx) -> Result<void> {
    const std::string address = image_address(submission.package, context.options.registry);
    MIFENG_TRY(const auto image, store::find<store::ImageRow>(tx, address));
    if (image) return ok();
    return store::insert(tx, store::ImageRow{.address = address,
                                             .name = manifest.image_name,
                                             .digest = manifest.image_digest,
                                             .size = size,
                                             .created_ms = context.clock.now_ms()});
  });
}

Result<Submitted> store_version(const Context& context, const Submission& submission) {
  const auto& manifest = submission.package.manifest();
  MIFENG_TRY(const std::string signer_pem, submission.verified->vendor_key.to_pem());
  return context.db.write([&](store::Transaction& tx) -> Result<Submitted> {
    MIFENG_TRY(const auto raced, find_version(tx, manifest));
    if (raced && raced->package_sm3 == submission.package_sm3) {
      MIFENG_CHECK(store::erase<store::UploadRow>(tx, submission.upload_id));
      MIFENG_TRY(auto model, model_of(tx, *raced));
      return Submitted{.version = std::move(model), .outcome = SubmitOutcome::kAlreadyThere};
    }
    if (raced)
      return Error(ErrorCode::kConflict, "version-exists",
                   phrase("The version was submitted a moment ago with other content. Look at it first."));
    MIFENG_TRY(const auto vendor, store::find<store::VendorRow>(tx, manifest.vendor.id));
    if (!vendor || vendor->public_key_pem != signer_pem)
      return Error(ErrorCode::kConflict, "vendor-key-changed", "The vendor's key was changed meanwhile. Submit again.");
    const UnixMillis now = context.clock.now_ms();
    MIFENG_CHECK(insert_config(tx, submission.package, now));
    const store::ModelRow row = row_of(submission, *vendor, trust::new_id(context.random, "mv-"), now);
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(insert_documents(tx, submission.package, row.id));
    MIFENG_CHECK(store::erase<store::UploadRow>(tx, submission.upload_id));
    MIFENG_CHECK(context.audit.append(tx, submission.actor, "version.submit", subject_of(manifest), row.image_digest));
    MIFENG_TRY(auto model, model_of(tx, row));
    return Submitted{.version = std::move(model), .outcome = SubmitOutcome::kStored};
  });
}

}  // namespace mifeng::models
