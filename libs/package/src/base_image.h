// A base image that the vendor names, in the place of the one that is made of Debian packages (docs/packs.md).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

struct BaseReference {
  enum class Kind { kOciFolder, kDockerArchive };
  Kind kind = Kind::kOciFolder;
  std::filesystem::path path;
  std::string tag;   // of an OCI folder that holds several images; may be empty
  std::string text;  // as it was named, for messages
};

// "oci:FOLDER[:TAG]" or "docker-archive:FILE"; a relative path is below `folder`. kInvalidArgument "bad-base".
Result<BaseReference> parse_base_reference(std::string_view text, const std::filesystem::path& folder);

// Changes when the image does: for the question whether anything has to be packed again. kNotFound "no-such-base".
Result<std::string> base_image_digest(const BaseReference& reference, StopSignal* stop);

struct BaseImage {
  std::vector<LayerFile> layers;  // of the role base, compressed anew, in the cache
  std::vector<std::string> env;   // NAME=VALUE
};

// Reads the image for linux/amd64 and checks every digest. A Docker archive goes through skopeo into a folder of
// `work`. kNotFound "no-such-base", kInvalidArgument "bad-base" with a sentence.
Result<BaseImage> read_base_image(const BaseReference& reference, const std::filesystem::path& cache,
                                  const std::filesystem::path& work, PackListener& listener, StopSignal* stop);

}  // namespace mifeng::package
