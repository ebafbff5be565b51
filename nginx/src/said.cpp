#include "said.h"

#include "mifeng/base/phrase.h"
#include "mifeng/proxy/language.h"

namespace mifeng::nginx {

namespace {

bool is_accept_language(const ngx_table_elt_t& field) {
  return ngx_strncasecmp(field.key.data, bytes_of("accept-language"), field.key.len) == 0 &&
         field.key.len == std::string_view("accept-language").size();
}

}  // namespace

bool wants_chinese(ngx_http_request_t* r) {
  bool chinese = false;
  bool seen = false;
  for_each_field(r->headers_in.headers, [&](ngx_table_elt_t& field) {
    if (seen || !is_accept_language(field)) return;
    seen = true;
    chinese = proxy::prefers_chinese(value_of(field));
  });
  return chinese;
}

std::string in_chinese(const std::string& english) {
  for (const Translation& one : chinese_phrases()) {
    const std::size_t place = one.english.find("{}");
    if (place == std::string_view::npos) {
      if (english == one.english) return std::string(one.chinese);
      continue;
    }
    // None of these has more than one part.
    const std::string_view before = one.english.substr(0, place);
    const std::string_view behind = one.english.substr(place + 2);
    if (english.size() < before.size() + behind.size() || !english.starts_with(before) || !english.ends_with(behind))
      continue;
    const std::string part = english.substr(before.size(), english.size() - before.size() - behind.size());
    const std::size_t open = one.chinese.find('{');
    const std::size_t close = one.chinese.find('}', open);
    const bool sentence = one.chinese.substr(open, close + 1 - open) == "{phrase}";
    return std::string(one.chinese.substr(0, open)) + (sentence ? in_chinese(part) : part) +
           std::string(one.chinese.substr(close + 1));
  }
  return english;
}

std::string too_large(std::size_t limit) {
  return phrase(
      "The request body is larger than the {} bytes that this gateway takes: send less, or have the operator let "
      "the route stream its requests.",
      limit);
}

}  // namespace mifeng::nginx
