// Any text: it ends with a config, with refusals or with an error, and a config is one that the loader takes.
#include <cstdlib>

#include "mifeng/manifest/import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::manifest;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto imported = import_kubernetes({{"f", text}}, {});
  if (!imported || !imported->refusals.empty()) return 0;
  const auto again = parse_deployment_config(to_yaml(imported->config), "f", ConfigKind::kProject);
  if (!again || !(*again == imported->config)) std::abort();
  return 0;
}
