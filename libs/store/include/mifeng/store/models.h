// Developer information 开发者信息, model information 模型信息, config library 配置文件库, image library 模型镜像库.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct VendorRow {
  std::string id{};
  std::string name{};
  std::string address{};
  std::string telephone{};
  std::string business{};
  std::string public_key_pem{};
  std::string pending_key_pem{};
  std::int64_t created_ms = 0;
  std::int64_t confirmed_ms = 0;
};
template <>
struct Table<VendorRow> {
  static constexpr const char* name = "developer_information";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",          "name",           "address",         "telephone",
                                            "business",    "public_key_pem", "pending_key_pem", "created_ms",
                                            "confirmed_ms"};
  static auto tie(VendorRow& r) {
    return std::tie(r.id, r.name, r.address, r.telephone, r.business, r.public_key_pem, r.pending_key_pem, r.created_ms,
                    r.confirmed_ms);
  }
};

struct ModelRow {
  std::string id{};
  std::string vendor_id{};
  std::string vendor_name{};
  std::string name{};
  std::string function{};
  std::string language{};
  std::string version{};
  std::string config_address{};
  std::string config_sm3{};
  std::string image_name{};
  std::string image_digest{};
  std::string image_address{};
  std::string state{};
  std::string state_reason{};
  std::string package_sm3{};
  std::string payload_header{};
  std::string payload_header_sm3{};
  std::int64_t payload_size = 0;
  std::int64_t segments_size = 0;  // of the file in the image
  std::string segments_sha256{};   // hex
  std::string signer_key_pem{};
  std::string delivery_key_id{};
  std::string card_key_id{};
  std::string submitted_by{};
  std::int64_t submitted_ms = 0;
  std::string decided_by{};
  std::int64_t decided_ms = 0;
};
template <>
struct Table<ModelRow> {
  static constexpr const char* name = "model_information";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",
                                            "vendor_id",
                                            "vendor_name",
                                            "name",
                                            "function",
                                            "language",
                                            "version",
                                            "config_address",
                                            "config_sm3",
                                            "image_name",
                                            "image_digest",
                                            "image_address",
                                            "state",
                                            "state_reason",
                                            "package_sm3",
                                            "payload_header",
                                            "payload_header_sm3",
                                            "payload_size",
                                            "segments_size",
                                            "segments_sha256",
                                            "signer_key_pem",
                                            "delivery_key_id",
                                            "card_key_id",
                                            "submitted_by",
                                            "submitted_ms",
                                            "decided_by",
                                            "decided_ms"};
  static auto tie(ModelRow& r) {
    return std::tie(r.id, r.vendor_id, r.vendor_name, r.name, r.function, r.language, r.version, r.config_address,
                    r.config_sm3, r.image_name, r.image_digest, r.image_address, r.state, r.state_reason, r.package_sm3,
                    r.payload_header, r.payload_header_sm3, r.payload_size, r.segments_size, r.segments_sha256,
                    r.signer_key_pem, r.delivery_key_id, r.card_key_id, r.submitted_by, r.submitted_ms, r.decided_by,
                    r.decided_ms);
  }
};

struct DocumentRow {
  std::string model_id{};
  std::string kind{};
  std::string sm3{};
  std::int64_t size = 0;
  std::string content{};
};
template <>
struct Table<DocumentRow> {
  static constexpr const char* name = "model_documents";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"model_id", "kind", "sm3", "size", "content"};
  static auto tie(DocumentRow& r) { return std::tie(r.model_id, r.kind, r.sm3, r.size, r.content); }
};

struct ConfigRow {
  std::string sm3{};
  std::string address{};
  std::string content{};
  std::int64_t size = 0;
  std::int64_t created_ms = 0;
};
template <>
struct Table<ConfigRow> {
  static constexpr const char* name = "config_library";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"sm3", "address", "content", "size", "created_ms"};
  static auto tie(ConfigRow& r) { return std::tie(r.sm3, r.address, r.content, r.size, r.created_ms); }
};

struct ImageRow {
  std::string address{};
  std::string name{};
  std::string digest{};
  std::int64_t size = 0;
  std::int64_t created_ms = 0;
};
template <>
struct Table<ImageRow> {
  static constexpr const char* name = "image_library";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"address", "name", "digest", "size", "created_ms"};
  static auto tie(ImageRow& r) { return std::tie(r.address, r.name, r.digest, r.size, r.created_ms); }
};

struct UploadRow {
  std::string id{};
  std::string person_id{};
  std::int64_t size = 0;
  std::int64_t expires_ms = 0;
};
template <>
struct Table<UploadRow> {
  static constexpr const char* name = "uploads";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id", "person_id", "size", "expires_ms"};
  static auto tie(UploadRow& r) { return std::tie(r.id, r.person_id, r.size, r.expires_ms); }
};

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
Result<std::int64_t> models_of_vendor(Transaction& tx, const std::string& vendor_id);
Result<std::int64_t> models_sealed_to(Transaction& tx, const std::string& delivery_key_id);  // not the refused
Result<Slice<VendorRow>> search_vendors(Transaction& tx, const std::string& text, const std::string& only_id,
                                        const Window& window);
Result<Slice<ConfigRow>> config_slice(Transaction& tx, const std::string& only_vendor, const Window& window);
Result<Slice<ImageRow>> image_slice(Transaction& tx, const std::string& text, const std::string& only_vendor,
                                    const Window& window);
Result<std::vector<UploadRow>> uploads_expired(Transaction& tx, std::int64_t now_ms);

}  // namespace mifeng::store
