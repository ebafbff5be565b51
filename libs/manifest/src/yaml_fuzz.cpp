// Any text: both loaders end with a value or an error, and what they accept comes back from its own YAML.
#include <cstdlib>

#include "mifeng/manifest/deployment_config.h"
#include "mifeng/manifest/model_project.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  using namespace mifeng::manifest;
  if (const auto config = parse_deployment_config(text, "f", ConfigKind::kProject)) {
    const auto again = parse_deployment_config(to_yaml(*config), "f", ConfigKind::kProject);
    if (!again || !(*again == *config)) std::abort();
  }
  if (const auto project = parse_model_project(text, "f")) {
    const auto again = parse_model_project(to_yaml(*project), "f");
    if (!again || !(*again == *project)) std::abort();
  }
  return 0;
}
