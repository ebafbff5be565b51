// What an operator writes into a route: its prefix and its forward URL.
#include <cstdint>
#include <string>

#include "mifeng/access/route_service.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)mifeng::access::check_prefix(text);
  if (const auto url = mifeng::access::parse_forward(text)) {
    // What was taken is spelt in one way only.
    std::string again = "mifeng://" + url->deployment;
    if (!url->port_name.empty()) again += ":" + url->port_name;
    if (again + url->path != text) __builtin_trap();
  }
  return 0;
}
