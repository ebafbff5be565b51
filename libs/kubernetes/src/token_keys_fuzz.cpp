// Any token, and any keys that a cluster publishes, a line before it: nothing that was not signed is believed.
#include <cstdlib>

#include "token_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const auto keys = json::parse_object(text.substr(0, end));
  const std::string_view token = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  const auto read = kubernetes::read_token(token, keys ? *keys : json::Object());
  if (!read) return 0;
  // Somebody has signed it, then; without keys nobody has.
  if (kubernetes::read_token(token, {})) std::abort();
  (void)kubernetes::check_token(*read, read->issuer, "mifeng/key-1", 1'800'000'000'000);
  return 0;
}
