// A sentence for a person, written in English as a template, so that it can be said in another language: whoever shows
// it knows the templates and finds the one that a sentence was made of (apps/mifeng/cli/language.h).
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace mifeng {
namespace phrase_detail {

void more_or_fewer_parts_than_braces();  // not constexpr: to call it in a constant expression is the compiler's error

// A literal with as many `{}` as there are parts.
template <typename... Parts>
class Template {
 public:
  template <std::size_t kSize>
  consteval Template(const char (&text)[kSize])  // NOLINT: implicit, as in std::format_string
      : text_(text, kSize - 1) {
    std::size_t places = 0;
    for (std::size_t i = 0; i + 1 < text_.size(); ++i) places += text_[i] == '{' && text_[i + 1] == '}' ? 1 : 0;
    if (places != sizeof...(Parts)) more_or_fewer_parts_than_braces();
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

std::string filled(std::string_view text, const std::string_view* parts);

template <typename T>
std::string part_text(const T& part) {
  if constexpr (std::integral<T>) {
    return std::to_string(part);
  } else {
    return std::string(part);
  }
}

}  // namespace phrase_detail

// The English text, each `{}` replaced by the next part (text or an integer): phrase("starting {} again", name).
template <typename... Parts>
std::string phrase(phrase_detail::Template<std::type_identity_t<Parts>...> text, const Parts&... parts) {
  if constexpr (sizeof...(Parts) == 0) {
    return std::string(text.text());
  } else {
    const std::string owned[] = {phrase_detail::part_text(parts)...};
    std::string_view views[sizeof...(Parts)];
    for (std::size_t i = 0; i < sizeof...(Parts); ++i) views[i] = owned[i];
    return phrase_detail::filled(text.text(), views);
  }
}

}  // namespace mifeng
