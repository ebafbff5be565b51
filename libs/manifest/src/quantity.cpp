#include "mifeng/manifest/quantity.h"

#include <charconv>

#include "mifeng/base/beginning.h"

namespace mifeng::manifest {
namespace {

// 2^53 units: what JSON and JavaScript still count exactly.
constexpr std::int64_t kMilliMax = (std::int64_t{1} << 53) * 1000;

__extension__ typedef __int128 Wide;

Error bad(std::string_view text) {
  return Error(
      ErrorCode::kInvalidArgument, "bad-quantity",
      "\"" + std::string(beginning_of(text, 40)) + "\" is not a quantity; write for example 500m, 2, 1.5, 4Gi");
}

// numerator / denominator units for a suffix, or denominator 0 where there is no such suffix.
struct Scale {
  Wide numerator;
  Wide denominator;
};
Scale scale_of(std::string_view suffix) {
  constexpr Wide kilo = 1000;
  if (suffix.empty()) return {1, 1};
  if (suffix == "n") return {1, kilo * kilo * kilo};
  if (suffix == "u") return {1, kilo * kilo};
  if (suffix == "m") return {1, kilo};
  if (suffix == "k") return {kilo, 1};
  if (suffix == "M") return {kilo * kilo, 1};
  if (suffix == "G") return {kilo * kilo * kilo, 1};
  if (suffix == "T") return {kilo * kilo * kilo * kilo, 1};
  if (suffix == "P") return {kilo * kilo * kilo * kilo * kilo, 1};
  if (suffix == "E") return {kilo * kilo * kilo * kilo * kilo * kilo, 1};
  constexpr std::string_view binary = "KMGTPE";
  if (suffix.size() == 2 && suffix[1] == 'i')
    if (const std::size_t at = binary.find(suffix[0]); at != std::string_view::npos)
      return {Wide{1} << (10 * (static_cast<int>(at) + 1)), 1};
  if (suffix.size() >= 2 && (suffix[0] == 'e' || suffix[0] == 'E')) {
    int exponent = 0;
    std::string_view digits = suffix.substr(1);
    if (digits.front() == '+') digits.remove_prefix(1);
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (digits.empty() || failure != std::errc{} || stop != digits.data() + digits.size() || exponent < -12 ||
        exponent > 18)
      return {0, 0};
    Scale scale{1, 1};
    for (int i = 0; i < exponent; ++i) scale.numerator *= 10;
    for (int i = 0; i > exponent; --i) scale.denominator *= 10;
    return scale;
  }
  return {0, 0};
}

}  // namespace

Result<Quantity> parse_quantity(std::string_view text) {
  if (text.empty() || text.size() > 40) return bad(text);
  std::size_t i = text.front() == '+' ? 1 : 0;
  Wide digits = 0;
  Wide below = 1;  // 10 to the number of digits after the point
  int count = 0;
  bool point = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      if (++count > 18) return bad(text);
      digits = digits * 10 + (c - '0');
      if (point) below *= 10;
    } else {
      break;
    }
  }
  const Scale scale = scale_of(text.substr(i));
  if (count == 0 || scale.denominator == 0) return bad(text);
  // 10^18 digits times 2^60 stays below 2^120; with the thousand it might not, so the large ones are cut before.
  const Wide numerator = digits * scale.numerator;
  const Wide denominator = below * scale.denominator;
  if (numerator / denominator > kMilliMax / 1000) return bad(text);
  Wide milli = 0;
  if (numerator < (Wide{1} << 110)) {
    milli = (numerator * 1000 + denominator - 1) / denominator;
  } else {
    milli = (numerator / denominator + 1) * 1000;
  }
  if (milli > kMilliMax) return bad(text);
  return Quantity{std::string(text), static_cast<std::int64_t>(milli)};
}

}  // namespace mifeng::manifest
