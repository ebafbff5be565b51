#include "mifeng/base/bytes.h"

#include <array>

namespace mifeng {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i)
    values[static_cast<unsigned char>(kBase64Digits[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto kBase64Values = make_base64_values();

Error bad_base64(const char* why) {
  return Error(ErrorCode::kInvalidArgument, "bad-base64", std::string("not base64: ") + why);
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  return out;
}

Result<Bytes> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return Error(ErrorCode::kInvalidArgument, "bad-hex", "hex has an odd number of digits");
  Bytes out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0)
      return Error(ErrorCode::kInvalidArgument, "bad-hex", "not a hex digit near offset " + std::to_string(i));
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const unsigned triple = static_cast<unsigned>(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
    out.push_back(kBase64Digits[triple >> 18]);
    out.push_back(kBase64Digits[triple >> 12 & 63]);
    out.push_back(kBase64Digits[triple >> 6 & 63]);
    out.push_back(kBase64Digits[triple & 63]);
  }
  if (bytes.size() - i == 1) {
    out.push_back(kBase64Digits[bytes[i] >> 2]);
    out.push_back(kBase64Digits[(bytes[i] & 3) << 4]);
    out += "==";
  } else if (bytes.size() - i == 2) {
    out.push_back(kBase64Digits[bytes[i] >> 2]);
    out.push_back(kBase64Digits[(bytes[i] & 3) << 4 | bytes[i + 1] >> 4]);
    out.push_back(kBase64Digits[(bytes[i + 1] & 15) << 2]);
    out += "=";
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return bad_base64("its length is not a multiple of 4");
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last ? 0 : text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    unsigned quad = 0;
    for (int k = 0; k < 4 - padding; ++k) {
      const int value = kBase64Values[static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)])];
      if (value < 0) return bad_base64("it has a character outside the alphabet");
      quad |= static_cast<unsigned>(value) << (18 - 6 * k);
    }
    if ((padding == 1 && (quad & 0xff) != 0) || (padding == 2 && (quad & 0xffff) != 0))
      return bad_base64("its unused bits are not zero");
    out.push_back(static_cast<std::uint8_t>(quad >> 16));
    if (padding < 2) out.push_back(static_cast<std::uint8_t>(quad >> 8));
    if (padding < 1) out.push_back(static_cast<std::uint8_t>(quad));
  }
  return out;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  // The barrier keeps the compiler from leaving the loop early.
  __asm__ volatile("" : "+r"(difference));
  return difference == 0;
}

}  // namespace mifeng
