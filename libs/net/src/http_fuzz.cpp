// What strangers write into the first lines of a request: target, percent escapes, query; and the addresses that a
// person gives. What is taken has to survive being written and read again.
#include <cstdint>
#include <string>

#include "mifeng/net/client.h"
#include "mifeng/net/http.h"

namespace {

using namespace mifeng;

void hold(bool truth) {
  if (!truth) __builtin_trap();
}

void check_escapes(const std::string& text) {
  for (const bool plus_is_space : {false, true}) {
    const auto decoded = net::percent_decode(text, plus_is_space);
    if (!decoded) continue;
    hold(decoded->size() <= text.size() && decoded->find('\0') == std::string::npos);
    const auto again = net::percent_decode(net::percent_encode(*decoded), plus_is_space);
    hold(again && *again == *decoded);
  }
}

void check_target(const std::string& text) {
  const net::Request request("GET", text);
  const auto path = request.path();
  const auto query = request.query();
  hold(path.size() + query.size() <= text.size() && path.find('?') == std::string_view::npos);
  const auto pairs = net::parse_query(query);
  if (!pairs) return;
  std::string written;
  for (const auto& [name, value] : *pairs)
    written += (written.empty() ? "" : "&") + net::percent_encode(name) + "=" + net::percent_encode(value);
  const auto again = net::parse_query(written);
  hold(again && *again == *pairs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_escapes(text);
  check_target(text);
  if (const auto url = net::parse_url(text)) hold(url->base_path.empty() || url->base_path.back() != '/');
  return 0;
}
