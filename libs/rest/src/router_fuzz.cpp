// Method and path of a request, as the table of operations reads them: "METHOD /path".
#include <cstdint>
#include <string>

#include "operation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::rest;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t space = text.find(' ');
  if (space == std::string::npos) return 0;
  for (const Side side : {Side::kApi, Side::kUnit}) {
    const auto match = match_operation(side, text.substr(0, space), text.substr(space + 1));
    if (!match || match->operation == nullptr) continue;
    // As many variables as the pattern has, none of them empty or with a zero byte.
    const std::string_view pattern = match->operation->pattern;
    std::size_t variables = 0;
    for (const char c : pattern) variables += c == '{' ? 1 : 0;
    if (match->path.size() != variables) __builtin_trap();
    for (const auto& [name, value] : match->path)
      if (value.empty() || value.find('\0') != std::string::npos) __builtin_trap();
  }
  return 0;
}
