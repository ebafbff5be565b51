// mifeng-package.json, the first entry of a .mfpkg (spec/package.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/manifest/model_project.h"

namespace mifeng::package {

struct DigestAndSize {
  std::string sm3;  // lower-case hex
  std::uint64_t size = 0;
  bool operator==(const DigestAndSize&) const = default;
};

// What a layer is for; their order in an image is this one. Dependencies may be missing.
enum class LayerRole { kBase, kDependencies, kPayloadHeader, kPayloadSegments };
std::string_view to_string(LayerRole role);  // "base", "dependencies", "payload-header", "payload-segments"

struct Layer {
  LayerRole role = LayerRole::kBase;
  std::string media_type;
  std::string digest;  // "sha256:<hex>" of the blob
  std::uint64_t size = 0;
  std::string diff_id;  // "sha256:<hex>" of its tar
  bool operator==(const Layer&) const = default;
};

// Of the image's configuration.
struct BlobReference {
  std::string digest;  // "sha256:<hex>"
  std::uint64_t size = 0;
  bool operator==(const BlobReference&) const = default;
};

// A platform that the package was sealed for.
struct CardReference {
  std::string platform;
  std::string identity_key_id;  // hex of 8 bytes
  std::string delivery_key_id;
  bool operator==(const CardReference&) const = default;
};

struct PackageManifest {
  manifest::Vendor vendor;
  std::string vendor_public_key;  // SPKI PEM
  manifest::ModelIdentity model;
  DigestAndSize config;               // config.yaml
  DigestAndSize design, usage, test;  // documents/*.md
  std::string image_name;             // "acme/digits"
  std::string image_digest;           // of the OCI manifest
  std::uint64_t image_manifest_size = 0;
  BlobReference image_config;
  std::vector<Layer> layers;
  DigestAndSize payload_header;  // payload.header
  std::uint64_t payload_plaintext_size = 0;
  std::vector<CardReference> cards;  // 1..16
  std::string created_by;            // "mifeng 0.1.0"
};

inline constexpr std::string_view kPackageManifestName = "mifeng-package.json";
inline constexpr std::string_view kPackageFormat = "mifeng-package/2";
inline constexpr std::string_view kPackagePurpose = "package";  // of the signature over the manifest's exact bytes

// kVerificationFailed "bad-package" with the field's path.
Result<PackageManifest> parse_package_manifest(std::string_view json);
std::string serialize(const PackageManifest& manifest);

}  // namespace mifeng::package
