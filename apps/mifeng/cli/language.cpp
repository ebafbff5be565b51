#include "cli/language.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

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

using Parts = std::vector<std::string_view>;

// What stands in the places `{}` of the template where `text` was made of it.
std::optional<Parts> parts_of(std::string_view text, std::string_view english) {
  Parts parts;
  std::size_t place = english.find("{}");
  if (!text.starts_with(english.substr(0, place))) return std::nullopt;
  if (place == std::string_view::npos) return text == english ? std::optional(parts) : std::nullopt;
  text.remove_prefix(place);
  for (;;) {
    english.remove_prefix(place + 2);
    place = english.find("{}");
    const std::string_view behind = english.substr(0, place);
    if (place == std::string_view::npos) {
      if (!text.ends_with(behind)) return std::nullopt;
      parts.push_back(text.substr(0, text.size() - behind.size()));
      return parts;
    }
    const std::size_t at = text.find(behind);
    if (at == std::string_view::npos) return std::nullopt;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + behind.size());
  }
}

std::string filled(std::string_view chinese, const Parts& parts) {
  std::string out;
  for (const std::string_view part : parts) {
    const std::size_t at = chinese.find('{');
    const std::size_t end = chinese.find('}', at);
    if (end == std::string_view::npos) break;
    const std::string_view place = chinese.substr(at, end + 1 - at);
    out.append(chinese, 0, at);
    out += place == "{phrase}" ? tr_phrase(part) : place == "{word}" ? tr_word(part) : std::string(part);
    chinese.remove_prefix(end + 1);
  }
  return out.append(chinese);
}

// Whether say() or tr() made it: such an error needs no more.
bool is_chinese_already(std::string_view text) {
  for (const Translation& one : chinese_messages()) {
    if (parts_of(text, one.chinese)) return true;
  }
  return false;
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

std::string say_again(std::string_view english, std::span<const std::string_view> templates) {
  if (!speaks_chinese()) return std::string(english);
  for (const std::string_view one : templates)
    if (const auto parts = parts_of(english, one)) return filled(tr(one), *parts);
  return std::string(english);
}

std::string tr(std::string_view english) {
  if (!speaks_chinese()) return std::string(english);
  static const Catalogue kTexts = catalogue_of({chinese_help(), chinese_messages(), chinese_titles()});
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

namespace {

// A sentence may stand behind what it is about, up to `places` of them: a file with its line, and a field.
std::string tr_phrase_behind(std::string_view english, int places) {
  static const Catalogue kWhole = catalogue_of({chinese_phrases()});
  if (const std::string_view chinese = find(kWhole, english); !chinese.empty()) return std::string(chinese);
  for (const Translation& one : chinese_phrases()) {
    if (const auto parts = parts_of(english, one.english)) return filled(one.chinese, *parts);
  }
  const std::size_t colon = english.find(": ");
  if (places == 0 || colon == std::string_view::npos) return std::string(english);
  return std::string(english.substr(0, colon + 2)) + tr_phrase_behind(english.substr(colon + 2), places - 1);
}

}  // namespace

std::string tr_phrase(std::string_view english) {
  return speaks_chinese() ? tr_phrase_behind(english, 2) : std::string(english);
}

std::string tr_word(std::string_view english) {
  if (!speaks_chinese()) return std::string(english);
  static const Catalogue kWords = catalogue_of({chinese_words()});
  const std::string_view chinese = find(kWords, english);
  return std::string(chinese.empty() ? english : chinese);
}

namespace {

std::string_view chinese_of_reason(std::string_view reason) {
  static const Catalogue kReasons = catalogue_of({chinese_reasons()});
  return find(kReasons, reason);
}

// With the sentence behind it, whose Chinese may be there as well.
std::string with_detail(std::string_view chinese, std::string_view message) {
  const std::string detail = tr_phrase(message);
  if (detail.starts_with(chinese)) return detail;
  return detail.empty() ? std::string(chinese) : std::string(chinese) + "（" + detail + "）";
}

}  // namespace

std::string tr_reason(std::string_view reason, std::string_view message) {
  if (!speaks_chinese() || is_chinese_already(message)) return std::string(message);
  const std::string_view chinese = chinese_of_reason(reason);
  return chinese.empty() ? tr_phrase(message) : with_detail(chinese, message);
}

std::string tr(const Error& error) {
  if (!speaks_chinese() || is_chinese_already(error.message())) return error.message();
  const std::string_view chinese = chinese_of_reason(error.reason());
  if (chinese.empty()) return tr(to_string(error.code())) + "：" + tr_phrase(error.message());
  return with_detail(chinese, error.message());
}

}  // namespace mifeng::cli
