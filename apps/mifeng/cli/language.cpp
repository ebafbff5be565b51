#include "cli/language.h"

#include <cstdlib>
#include <map>

namespace mifeng::cli {
namespace {

using Catalogue = std::map<std::string_view, std::string_view>;

Catalogue catalogue_of(std::initializer_list<std::span<const Translation>> tables) {
  Catalogue made;
  for (const auto& table : tables) {
    for (const Translation& one : table) made.emplace(one.english, one.chinese);
  }
  return made;
}

std::string_view find(const Catalogue& catalogue, std::string_view key) {
  const auto found = catalogue.find(key);
  return found == catalogue.end() ? std::string_view() : found->second;
}

}  // namespace

bool speaks_chinese() {
  static const bool kChinese = [] {
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("zh");
    }
    return false;
  }();
  return kChinese;
}

std::string tr(std::string_view english) {
  if (!speaks_chinese()) return std::string(english);
  static const Catalogue kTexts = catalogue_of({chinese_help(), chinese_messages()});
  const std::string_view chinese = find(kTexts, english);
  return std::string(chinese.empty() ? english : chinese);
}

std::string say(std::string_view english, std::initializer_list<std::string_view> parts) {
  const std::string text = tr(english);
  std::string out;
  std::size_t from = 0;
  for (const std::string_view part : parts) {
    const std::size_t at = text.find("{}", from);
    if (at == std::string::npos) break;
    out.append(text, from, at - from).append(part);
    from = at + 2;
  }
  return out.append(text, from);
}

std::string tr(const Error& error) {
  if (!speaks_chinese()) return error.message();
  static const Catalogue kReasons = catalogue_of({chinese_reasons()});
  // What was said in Chinese already needs no more.
  for (const char c : error.message()) {
    if (static_cast<unsigned char>(c) >= 0xe4 && static_cast<unsigned char>(c) <= 0xe9) return error.message();
  }
  const std::string_view chinese = find(kReasons, error.reason());
  if (!chinese.empty()) return std::string(chinese) + "（" + error.message() + "）";
  return tr(to_string(error.code())) + "：" + error.message();
}

}  // namespace mifeng::cli
