// Writing a .mfpkg.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/crypto/sm2.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

struct PackageParts {
  PackageManifest manifest;  // all but what write_package() fills in: image, config, cards' digests
  std::string config_yaml;
  std::array<std::string, 3> documents;  // design, usage, test
  Bytes payload_header;
  std::string image_config;
  std::string image_manifest;
  std::vector<std::filesystem::path> layers;  // blobs, in the manifest's order
};

// Signs the manifest and writes everything in the order of the format. The file appears under its name whole.
Result<void> write_package(const PackageParts& parts, const crypto::Sm2PrivateKey& signer,
                           const std::filesystem::path& path, PackListener& listener, StopSignal* stop = nullptr);

}  // namespace mifeng::package
