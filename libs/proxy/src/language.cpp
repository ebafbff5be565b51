#include "mifeng/proxy/language.h"

#include "mifeng/proxy/fields.h"

namespace mifeng::proxy {
namespace {

// Thousandths of "0.8"; 0 where it is nothing of the kind.
int quality_of(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int thousandths = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    thousandths += (text[i] - '0') * unit;
  }
  return thousandths > 1000 ? 1000 : thousandths;
}

// "zh", "zh-CN", "ZH_tw": of the language `code`.
bool is_of(std::string_view range, std::string_view code) {
  if (range.size() < code.size()) return false;
  for (std::size_t i = 0; i < code.size(); ++i)
    if ((range[i] | 0x20) != code[i]) return false;
  return range.size() == code.size() || range[code.size()] == '-' || range[code.size()] == '_';
}

}  // namespace

bool prefers_chinese(std::string_view accept_language) {
  int best = 0;
  bool chinese = false;
  while (!accept_language.empty()) {
    const std::size_t comma = accept_language.find(',');
    std::string_view range = trim(accept_language.substr(0, comma));
    accept_language.remove_prefix(comma == std::string_view::npos ? accept_language.size() : comma + 1);
    int quality = 1000;
    if (const std::size_t semicolon = range.find(';'); semicolon != std::string_view::npos) {
      const std::string_view weight = trim(range.substr(semicolon + 1));
      quality = weight.starts_with("q=") || weight.starts_with("Q=") ? quality_of(trim(weight.substr(2))) : 0;
      range = trim(range.substr(0, semicolon));
    }
    if (quality <= best || (!is_of(range, "zh") && !is_of(range, "en"))) continue;
    best = quality;
    chinese = is_of(range, "zh");
  }
  return chinese;
}

}  // namespace mifeng::proxy
