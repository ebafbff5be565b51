// Model information 模型信息 (one entry a version), the config library 配置文件库 and the image library 模型镜像库.
#pragma once

#include <string>
#include <vector>

#include "mifeng/store/models.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::models {

struct Context;

using store::VersionState;
Result<VersionState> parse_version_state(std::string_view text);

using store::DocumentKind;
Result<DocumentKind> parse_document_kind(std::string_view text);

struct DocumentInfo {
  DocumentKind kind = DocumentKind::kDesign;
  std::string sm3;
  std::int64_t size = 0;  // bytes
};
struct ModelVersion {
  std::string id;  // "mv-…"
  std::string vendor_id;
  std::string vendor_name;
  std::string name;      // 模型名称
  std::string function;  // 模型功能
  std::string language;  // 编程语言
  std::string version;
  std::string config_address;  // "/api/v1/configs/{sm3}"
  std::string config_sm3;
  std::string image_name;     // "acme/digits", as signed
  std::string image_digest;   // "sha256:…"
  std::string image_address;  // "127.0.0.1:5000/acme/digits@sha256:…": the platform's, not signed
  VersionState state = VersionState::kSubmitted;
  std::string state_reason;  // why it was refused or withdrawn
  std::string package_sm3;   // of mifeng-package.json, by which a second submit is compared
  std::string payload_header_sm3;
  std::int64_t payload_size = 0;   // plaintext bytes
  std::string signer_fingerprint;  // of the vendor key it was submitted under
  std::string delivery_key_id;     // the payload was sealed to; hex
  std::vector<DocumentInfo> documents;
  std::string submitted_by;
  UnixMillis submitted_ms = 0;
  std::string decided_by;
  UnixMillis decided_ms = 0;
};
// Empty members match all. `text` is looked for in name, function, vendor name; the others: name and function as a
// part, language and vendor (id) exactly; case of ASCII letters does not count.
struct ModelQuery {
  std::string text;
  std::string name;
  std::string function;
  std::string language;
  std::string vendor;
  std::string state;  // as to_string(VersionState)
};
struct ConfigEntry {  // 配置文件库
  std::string sm3;
  std::string address;
  std::int64_t size = 0;
  UnixMillis created_ms = 0;
};
struct ImageEntry {  // 模型镜像库
  std::string name;
  std::string digest;
  std::string address;
  std::int64_t size = 0;  // bytes of its layers, as stored
  UnixMillis created_ms = 0;
};

class ModelService {
 public:
  explicit ModelService(const Context& context) : context_(context) {}

  Result<trust::Page<ModelVersion>> search(const trust::Actor& actor, const ModelQuery& query,
                                           const trust::PageRequest& page);
  Result<ModelVersion> get(const trust::Actor& actor, const std::string& id);
  Result<ModelVersion> find(const trust::Actor& actor, const std::string& vendor_id, const std::string& name,
                            const std::string& version);
  Result<std::string> document(const trust::Actor& actor, const std::string& id, DocumentKind kind);  // Markdown

  // Each only from "submitted" (again the same decision is fine), else kConflict "already-decided"; a withdrawn version
  // can be accepted again.
  Result<ModelVersion> accept(const trust::Actor& actor, const std::string& id);
  Result<ModelVersion> refuse(const trust::Actor& actor, const std::string& id, const std::string& reason);
  // No new deployment of it from now on; gives the deployments that have it, wanted or to roll back to. kConflict
  // "not-accepted".
  struct Withdrawn {
    ModelVersion version;
    std::vector<std::string> deployment_ids;
  };
  Result<Withdrawn> withdraw(const trust::Actor& actor, const std::string& id, const std::string& reason);
  // A version that is not accepted and that no deployment has. kConflict "version-accepted", "version-in-use".
  Result<void> remove(const trust::Actor& actor, const std::string& id);

  // Config library: the exact bytes that were signed.
  Result<std::string> config(const trust::Actor& actor, const std::string& sm3);
  Result<trust::Page<ConfigEntry>> configs(const trust::Actor& actor, const trust::PageRequest& page);
  Result<trust::Page<ImageEntry>> images(const trust::Actor& actor, const std::string& text,
                                         const trust::PageRequest& page);

 private:
  const Context& context_;
};

}  // namespace mifeng::models
