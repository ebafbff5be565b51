// One image in an OCI layout (image-spec 1.0): oci-layout, index.json, blobs/sha256/. As the guard's image lies in a
// folder, to be pushed to a registry.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::package {

struct OciBlob {
  std::string media_type;
  std::string digest;  // "sha256:<hex>"
  std::uint64_t size = 0;
  std::filesystem::path path;
};

struct OciImage {
  std::string manifest;             // its exact bytes
  std::string manifest_media_type;  // what a registry is told on pushing it
  std::string digest;               // of the manifest: the image's name
  OciBlob config;
  std::vector<OciBlob> layers;
};

// Reads every blob once: lengths and SHA-256 are those that stand in the manifest, the manifest's own those of the
// index. kNotFound "no-such-image" where there is no such folder, kVerificationFailed "bad-image-folder" with a
// sentence.
Result<OciImage> read_oci_image(const std::filesystem::path& folder);

}  // namespace mifeng::package
