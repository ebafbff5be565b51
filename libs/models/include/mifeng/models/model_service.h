// Model information 模型信息 (one entry a version), the config library 配置文件库 and the image library 模型镜像库.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::models {

struct Context;

using store::VersionState;
Result<VersionState> parse_version_state(std::string_view text);

using store::DocumentKind;
Result<DocumentKind> parse_document_kind(std::string_view text);

MIFENG_LISTED(DocumentInfo, word(DocumentKind, kind), text(sm3),
              number(size));  // bytes
MIFENG_LISTED(ModelVersion,
              text(id),  // "mv-…"
              text(vendor_id), text(vendor_name),
              text(name),      // 模型名称
              text(function),  // 模型功能
              text(language),  // 编程语言
              text(version),
              text(config_address),  // "/api/v1/configs/{sm3}"
              text(config_sm3),
              text(image_name),     // "acme/digits", as signed
              text(image_digest),   // "sha256:…"
              text(image_address),  // "127.0.0.1:5000/acme/digits@sha256:…": the platform's, not signed
              word(VersionState, state),
              text(state_reason),  // why it was refused or withdrawn
              text(package_sm3),   // of mifeng-package.json, by which a second submit is compared
              text(payload_header_sm3),
              number(payload_size),      // plaintext bytes
              text(signer_fingerprint),  // of the vendor key it was submitted under
              text(delivery_key_id),     // the payload was sealed to; hex
              of(std::vector<DocumentInfo>, documents), text(submitted_by), number(submitted_ms), text(decided_by),
              number(decided_ms));
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
// 配置文件库
MIFENG_LISTED(ConfigEntry, text(sm3), text(address), number(size), number(created_ms));
// 模型镜像库
MIFENG_LISTED(ImageEntry, text(name), text(digest), text(address),
              number(size),  // bytes of its layers, as stored
              number(created_ms));

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
  MIFENG_LISTED(Withdrawn, of(ModelVersion, version), of(std::vector<std::string>, deployment_ids));
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
