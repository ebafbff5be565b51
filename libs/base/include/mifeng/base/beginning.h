// What is said back of a text that somebody else wrote.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mifeng {

// The beginning of a text of UTF-8: at most `max` bytes, and no half character, which no JSON could carry.
inline std::string_view beginning_of(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0) == 0x80) --max;
  return text.substr(0, max);
}

// The same on one line: control characters become spaces. What was cut off is said by "...", beyond `max`.
inline std::string one_line(std::string_view text, std::size_t max = 300) {
  std::string line(beginning_of(text, max));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return line.size() < text.size() ? line + "..." : line;
}

}  // namespace mifeng
