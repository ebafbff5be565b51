// Enumerations that stand in a column as words.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

namespace mifeng::store {

// template <> struct Words<VersionState> {
//   static constexpr std::string_view of[] = {"submitted", "accepted", "refused", "withdrawn"};  // from 0, without
//   gaps
// };
// The words stand in databases and go out over the API: none is ever renamed.
template <typename Enum>
struct Words;

template <typename Enum>
concept WordEnum = requires {
  Words<Enum>::of;
};

template <WordEnum Enum>
constexpr std::string_view to_string(Enum value) {
  return Words<Enum>::of[static_cast<std::size_t>(value)];
}
// Nothing where no enumerator is called so.
template <WordEnum Enum>
constexpr std::optional<Enum> from_word(std::string_view word) {
  for (std::size_t i = 0; i < std::size(Words<Enum>::of); ++i)
    if (Words<Enum>::of[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace mifeng::store
