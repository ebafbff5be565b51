// The three JSON files of an OCI image (image-spec 1.0), as Mifeng writes them, and what a reader asks of them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {

inline constexpr std::string_view kLayerTar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kImageManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kImageConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kImageUser = "65532:65532";
inline constexpr std::string_view kOciLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";

// Each is a function of the package's manifest, so a reader makes it again and compares bytes. `env` is that of a base
// image that the vendor named, as NAME=VALUE.
std::string image_manifest_json(const PackageManifest& manifest);
std::string image_index_json(const PackageManifest& manifest);
std::string image_config_json(const PackageManifest& manifest, const std::vector<std::string>& env);

// Whether an image's configuration is, byte for byte, what image_config_json() makes of the manifest and of the
// variables that it names itself, each with a name that an image may bring (manifest/rules.h): so no volume, port,
// health check, stop signal or label of anybody else's. kVerificationFailed "bad-package" names what differs.
Result<void> check_image_config(std::string_view json, const PackageManifest& manifest);

}  // namespace mifeng::package
