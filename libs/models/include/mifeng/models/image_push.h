// From a package into the registry, with skopeo.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "mifeng/models/registry.h"
#include "mifeng/package/package_file.h"

namespace mifeng::models {

struct PushOptions {
  std::string registry{};  // "127.0.0.1:5000"
  RegistryAccess access{};
  std::filesystem::path work_dir{};  // for the image's layout, on the disk that holds the package
};
// "REGISTRY/NAME@DIGEST": where the package's image is, or will be.
std::string image_address(const package::PackageFile& package, const std::string& registry);
// Copies an image's OCI layout to REGISTRY/NAME:TAG with its digest; what is there already is not sent again. Blocks
// for `deadline` at most. Errors as run_skopeo().
Result<void> push_layout(const std::filesystem::path& layout, const std::string& address, const RegistryAccess& access,
                         std::chrono::seconds deadline);
// Writes the image's OCI layout below work_dir, copies it to REGISTRY/NAME:TAG and removes it again. Gives
// "REGISTRY/NAME@DIGEST"; what is there already is not sent again. Errors as push_layout() and
// await_registry(); kResourceExhausted "disk-full".
Result<std::string> push_image(const package::PackageFile& package, const std::string& tag, const PushOptions& options);

}  // namespace mifeng::models
