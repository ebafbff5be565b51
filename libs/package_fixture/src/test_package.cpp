#include "mifeng/package_fixture/test_package.h"

#include <algorithm>

#include "mifeng/crypto/sm3.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/file.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sealed_layers.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

class Silent final : public PackListener {
 public:
  void step(std::string_view) override {}
  void note(std::string_view) override {}
  void line(std::string_view) override {}
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
};

DigestAndSize part_of(std::string_view text) {
  return {.sm3 = to_hex(crypto::sm3(as_bytes(text))), .size = text.size()};
}

Result<void> write(const std::filesystem::path& path, std::string_view text) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  return write_file_atomic(path, as_bytes(text));
}

}  // namespace

void refresh(PackageParts& parts) {
  PackageManifest& manifest = parts.manifest;
  parts.image_config = image_config_json(manifest, {});
  manifest.image_config = {sha256_digest(as_bytes(parts.image_config)), parts.image_config.size()};
  parts.image_manifest = image_manifest_json(manifest);
  manifest.image_digest = sha256_digest(as_bytes(parts.image_manifest));
  manifest.image_manifest_size = parts.image_manifest.size();
  manifest::DeploymentConfig config;
  config.name = manifest.model.name;
  config.model_name = manifest.model.name;
  config.model_version = manifest.model.version;
  config.image = manifest.image_name + "@" + manifest.image_digest;
  config.ports = {{.name = "http", .container_port = 8080}};
  config.command = {"/app/model"};
  config.volumes = {{.name = "cache"}};
  config.volume_mounts = {{.name = "cache", .mount_path = "/cache"}};
  parts.config_yaml = manifest::to_yaml(config);
  manifest.config = part_of(parts.config_yaml);
  manifest.design = part_of(parts.documents[0]);
  manifest.usage = part_of(parts.documents[1]);
  manifest.test = part_of(parts.documents[2]);
  manifest.payload_header = part_of(as_text(parts.payload_header));
}

Result<PackageParts> package_parts(const PackageSpec& spec, const messages::PlatformCard& card,
                                   const crypto::Sm2PrivateKey& payload_signer, const std::filesystem::path& work,
                                   Random& random) {
  const std::filesystem::path base = work / "base", payload = work / "payload";
  Bytes noise(spec.base_bytes);
  // The same base for the same package: it is what deduplicates.
  for (std::size_t i = 0; i < noise.size(); i += 32) {
    const auto digest = crypto::sm3(as_bytes(std::to_string(i / 32)));
    std::copy_n(digest.begin(), std::min(digest.size(), noise.size() - i), &noise[i]);
  }
  MIFENG_CHECK(write(base / "etc" / "noise", as_text(noise)));
  MIFENG_CHECK(write(payload / "model", spec.payload));
  PackageParts parts;
  PackageManifest& manifest = parts.manifest;
  manifest.vendor = {.id = spec.vendor,
                     .name = "Vendor " + spec.vendor,
                     .address = "1 Street",
                     .telephone = "1",
                     .business = "models"};
  MIFENG_TRY(manifest.vendor_public_key, payload_signer.public_key().to_pem());
  manifest.model = {.name = spec.model, .function = "reads digits", .language = "python", .version = spec.version};
  manifest.image_name = spec.vendor + "/" + spec.model;
  MIFENG_TRY(const auto keys, messages::verify_card(card));
  manifest.cards.push_back({.platform = card.platform,
                            .identity_key_id = to_hex(card.identity.key_id()),
                            .delivery_key_id = to_hex(keys.delivery.key.key_id())});
  manifest.created_by = "test";
  std::vector<LayerFile> layers;
  MIFENG_TRY(auto base_layer, build_layer({.role = LayerRole::kBase, .folder = base, .cache = work / "cache"}));
  MIFENG_TRY(auto sealed, seal_payload(payload, manifest, {keys.delivery.key}, payload_signer, work, random, {}));
  parts.payload_header = sealed.header;
  manifest.payload_header = part_of(as_text(sealed.header));
  manifest.payload_plaintext_size = sealed.plaintext_size;
  MIFENG_TRY(auto header, header_layer(sealed.header, work));
  layers.push_back(std::move(base_layer));
  layers.push_back(std::move(header));
  layers.push_back(std::move(sealed.segments));
  for (auto& layer : layers) {
    manifest.layers.push_back(layer.layer);
    parts.layers.push_back(layer.path);
  }
  parts.documents = {"# Design\n", spec.usage, "# Test\n"};
  refresh(parts);
  return parts;
}

Result<void> write_parts(const PackageParts& parts, const crypto::Sm2PrivateKey& signer,
                         const std::filesystem::path& path) {
  Silent silent;
  return write_package(parts, signer, path, silent);
}

}  // namespace mifeng::package
