#include "cli/language.h"
#include "commands/file_kinds.h"
#include "commands/inspect.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/json/value.h"
#include "mifeng/package/package_file.h"

namespace mifeng::cli {

Result<int> inspect_package(const InspectRequest& request, Console& console) {
  if (request.path.empty() || request.path == "-")
    return Error(ErrorCode::kInvalidArgument, "need-a-file",
                 tr("a package is inspected as a file, not from standard input"));
  MIFENG_TRY(const auto file, package::PackageFile::open(request.path));
  const package::PackageManifest& manifest = file.manifest();
  if (request.format == "json") {
    MIFENG_TRY(json::Object object, json::parse_object(file.manifest_bytes()));
    MIFENG_CHECK(console.print(json::serialize(object) + "\n"));
    return 0;
  }
  MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(manifest.vendor_public_key));
  std::vector<std::vector<std::string>> rows = {
      {tr("form"), tr("package, version 2 (not verified)")},
      {tr("vendor"), manifest.vendor.id + ": " + manifest.vendor.name},
      {tr("vendor key"), key.fingerprint()},
      {tr("model"), manifest.model.name + " " + manifest.model.version + " (" + manifest.model.language + ")"},
      {tr("function"), manifest.model.function},
      {tr("image"), file.config().image},
      {tr("payload"), say("{} bytes, sealed", {std::to_string(manifest.payload_plaintext_size)})}};
  for (const package::CardReference& card : manifest.cards)
    rows.push_back({tr("sealed for"), say("{}, identity key {}", {card.platform, shown_key_id(card.identity_key_id)})});
  for (const package::Layer& layer : manifest.layers)
    rows.push_back({tr("layer"), say("{}, {} bytes, {}",
                                     {tr(package::to_string(layer.role)), std::to_string(layer.size), layer.digest})});
  for (const auto document : {package::Document::kDesign, package::Document::kUsage, package::Document::kTest})
    rows.push_back({tr("document"),
                    say("{}, {} bytes", {tr(to_string(document)), std::to_string(file.document(document).size())})});
  rows.push_back({tr("made by"), manifest.created_by});
  MIFENG_CHECK(console.table({}, rows));
  return 0;
}

}  // namespace mifeng::cli
