// Any bytes as the index, the manifest and the configuration of a base image: a value or an error.
#include <cstdlib>

#include "base_image_json.h"
#include "mifeng/package/sha256.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::package;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_base_index(text).has_value();
  if (const auto manifest = parse_base_manifest(text)) {
    if (manifest->layers.empty() || manifest->layers.size() > kBaseLayersMax || !is_digest(manifest->config.digest))
      std::abort();
  }
  if (const auto config = parse_base_config(text); config && config->diff_ids.size() > kBaseLayersMax) std::abort();
  return 0;
}
