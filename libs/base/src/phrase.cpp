#include "mifeng/base/phrase.h"

namespace mifeng::phrase_detail {

std::string filled(std::string_view text, const std::string_view* parts) {
  std::string out;
  for (std::size_t from = 0;;) {
    const std::size_t at = text.find("{}", from);
    out.append(text, from, at == std::string_view::npos ? at : at - from);
    if (at == std::string_view::npos) return out;
    out.append(*parts++);
    from = at + 2;
  }
}

}  // namespace mifeng::phrase_detail
