#include "mifeng/base/visible.h"

#include <cstdint>
#include <cstdio>

namespace mifeng {
namespace {

std::string shown_byte(char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(byte));
  return text;
}

std::string shown_character(std::uint32_t character) {
  char text[12];
  std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(character));
  return text;
}

// C1 controls, of which U+009B begins a sequence as ESC [ does; line and paragraph separators; what turns directions.
bool acts(std::uint32_t character) {
  return (character >= 0x80 && character <= 0x9f) || character == 0x061c || character == 0x200e ||
         character == 0x200f || (character >= 0x2028 && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069);
}

// How many bytes a character has that begins with this one; 0: none does.
std::size_t size_by(unsigned char lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

struct Character {
  std::size_t size = 0;  // 0: these bytes are none
  std::uint32_t value = 0;
};

// `text` has as many bytes as its first one says. RFC 3629.
Character decode(std::string_view text) {
  static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text[0]);
  std::uint32_t value = lead & (0x7fu >> text.size());
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (!is_continuation(text[i])) return {};
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  }
  if (value < kLeast[text.size()] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {.size = text.size(), .value = value};
}

bool may_go_on(std::string_view begun) {
  for (std::size_t i = 1; i < begun.size(); ++i)
    if (!is_continuation(begun[i])) return false;
  return true;
}

}  // namespace

std::string Visible::add(std::string_view piece) {
  const std::string text = pending_ + std::string(piece);
  pending_.clear();
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const auto byte = static_cast<unsigned char>(rest[0]);
    if (byte == '\r' && rest.size() == 1) {
      pending_ = rest;
      break;
    }
    if (byte < 0x80) {
      const bool stays = (byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\t';
      if (stays)
        out += rest[0];
      else if (byte != '\r' || rest[1] != '\n')
        out += shown_byte(rest[0]);
      ++at;
      continue;
    }
    const std::size_t size = size_by(byte);
    if (size > rest.size() && may_go_on(rest)) {
      pending_ = rest;
      break;
    }
    const Character character = size == 0 || size > rest.size() ? Character{} : decode(rest.substr(0, size));
    if (character.size == 0) {
      out += shown_byte(rest[0]);
      ++at;
      continue;
    }
    if (acts(character.value))
      out += shown_character(character.value);
    else
      out += rest.substr(0, size);
    at += size;
  }
  return out;
}

std::string Visible::end() {
  std::string out;
  for (const char byte : pending_) out += shown_byte(byte);
  pending_.clear();
  return out;
}

std::string visible(std::string_view text) {
  Visible whole;
  std::string out = whole.add(text);
  return out + whole.end();
}

std::string visible_in_line(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out;
}

}  // namespace mifeng
