// Request targets and forward URLs. What is accepted has the same segments before and after decoding.
#include <algorithm>
#include <cstdlib>

#include "mifeng/proxy/fields.h"
#include "mifeng/proxy/path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const std::string_view text = as_text({data, size});
  const std::string_view raw = proxy::path_of(text);
  if (const auto path = proxy::normalise_path(raw)) {
    if (std::count(raw.begin(), raw.end(), '/') != std::count(path->begin(), path->end(), '/')) std::abort();
    if (path->find("//") != path->npos || path->find("/../") != path->npos || path->find('\0') != path->npos)
      std::abort();
  }
  if (const auto forward = proxy::parse_forward_url(text)) {
    if (forward->deployment.empty() || (!forward->path.empty() && forward->path.back() == '/')) std::abort();
    // What was taken is spelt in one way only, but for the slash of an empty path.
    const std::string again = proxy::to_string(*forward);
    if (again != text && again + "/" != text) std::abort();
    if (proxy::forward_target("/p/x?y", "/p", forward->path).front() != '/') std::abort();
  }
  if (!proxy::complain_of_route_path(text) && !proxy::normalise_path(text)) std::abort();
  (void)proxy::bearer_key(text);
  (void)proxy::parse_endpoint(text);
  return 0;
}
