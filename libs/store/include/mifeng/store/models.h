// Developer information 开发者信息, model information 模型信息, config library 配置文件库, image library 模型镜像库.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

MIFENG_RECORD(VendorRow, "developer_information", 1, text(id), text(name), text(address), text(telephone),
              text(business), text(public_key_pem), text(pending_key_pem), number(created_ms), number(confirmed_ms),
              text(pending_by), number(pending_ms),
              text(known_telephone),  // the number that the platform's own people vouch for
              text(known_by),  // the administrator who has vouched for another one since a key was confirmed last
              text(telephone_by), number(telephone_ms),  // who wrote the number that stands there
              number(key_serial));                       // how many keys were in force, up to the one that is

// kWithdrawn: it was accepted and is not deployed any more; what runs of it goes on.
enum class VersionState { kSubmitted, kAccepted, kRefused, kWithdrawn };
template <>
struct Words<VersionState> {
  static constexpr std::string_view of[] = {"submitted", "accepted", "refused", "withdrawn"};
};

MIFENG_RECORD(ModelRow, "model_information", 1, text(id), text(vendor_id), text(vendor_name), text(name),
              text(function), text(language), text(version), text(config_address), text(config_sm3), text(image_name),
              text(image_digest), text(image_address), word(VersionState, state), text(state_reason), text(package_sm3),
              text(payload_header), text(payload_header_sm3), number(payload_size),
              number(segments_size),  // of the file in the image
              text(segments_sha256),  // hex
              text(signer_key_pem), text(delivery_key_id), text(card_key_id), text(submitted_by), number(submitted_ms),
              text(decided_by), number(decided_ms));

enum class DocumentKind { kDesign, kUsage, kTest };
template <>
struct Words<DocumentKind> {
  static constexpr std::string_view of[] = {"design", "usage", "test"};
};

MIFENG_RECORD(DocumentRow, "model_documents", 2, text(model_id), word(DocumentKind, kind), text(sm3), number(size),
              text(content));

MIFENG_RECORD(ConfigRow, "config_library", 1, text(sm3), text(address), text(content), number(size),
              number(created_ms));

MIFENG_RECORD(ImageRow, "image_library", 1, text(address), text(name), text(digest), number(size), number(created_ms));

MIFENG_RECORD(UploadRow, "uploads", 1, text(id), text(person_id), number(size), number(expires_ms));

// Empty members match all.
struct ModelFilter {
  std::string text{};      // part of name, function or vendor name
  std::string name{};      // part
  std::string function{};  // part
  std::string language{};  // whole, as vendor_id and state
  std::string vendor_id{};
  std::string state{};
};
Result<Slice<ModelRow>> search_models(Transaction& tx, const ModelFilter& filter, const Window& window);
Result<std::optional<ModelRow>> model_by_version(Transaction& tx, const std::string& vendor_id, const std::string& name,
                                                 const std::string& version);
Result<std::vector<DocumentRow>> documents_of(Transaction& tx, const std::string& model_id);  // without their content
Result<void> erase_documents(Transaction& tx, const std::string& model_id);
// Whether any version names it.
Result<std::int64_t> models_with_config(Transaction& tx, const std::string& sm3);
Result<std::int64_t> models_with_image(Transaction& tx, const std::string& address);
// Images that no version names, nor a deployment by its version.
Result<std::vector<ImageRow>> unused_images(Transaction& tx);
Result<bool> vendor_has_config(Transaction& tx, const std::string& vendor_id, const std::string& sm3);
// What images of a vendor's versions take, all layers of each counted; without versions that were refused.
Result<std::int64_t> image_bytes_of_vendor(Transaction& tx, const std::string& vendor_id);
Result<std::int64_t> models_of_vendor(Transaction& tx, const std::string& vendor_id);
Result<std::int64_t> models_sealed_to(Transaction& tx, const std::string& delivery_key_id);  // not the refused
Result<Slice<VendorRow>> search_vendors(Transaction& tx, const std::string& text, const std::string& only_id,
                                        const Window& window);
Result<Slice<ConfigRow>> config_slice(Transaction& tx, const std::string& only_vendor, const Window& window);
Result<Slice<ImageRow>> image_slice(Transaction& tx, const std::string& text, const std::string& only_vendor,
                                    const Window& window);
Result<std::vector<UploadRow>> uploads_expired(Transaction& tx, std::int64_t now_ms);

}  // namespace mifeng::store
