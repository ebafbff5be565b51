// The options of a program that other programs start (spec/processes.md): long ones alone, each with a value behind it
// or without one. What people type is read by CLI11 (apps/mifeng).
//
//   const auto given = read_options({argv + 1, argv + argc},
//                                   {path_option("--state", state), number_option("--workers", workers, 1U, 1024U)});
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng {

// A whole number in decimal from `min` to `max`, and nothing else in the text; none otherwise.
template <std::integral Integer>
std::optional<Integer> parse_number(std::string_view text, Integer min, Integer max) {
  Integer number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < min || number > max)
    return std::nullopt;
  return number;
}

// "127.0.0.1:7080", "[::1]:0": the address without brackets, not empty; nothing more of it is checked.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};
std::optional<ListenAddress> parse_listen_address(std::string_view text);

struct Option {
  enum class Kind { kValue, kFlag, kQuestion };

  std::string name;  // "--state"
  Kind kind = Kind::kValue;
  std::function<bool(const std::string& value)> take;  // false refuses the value; of a flag the value is empty
  std::string wants;  // "takes a port", to say of a value that is refused; empty: that it cannot be this
};
Option text_option(std::string name, std::string& into);  // not empty
template <typename Path>                                  // std::filesystem::path, or an optional one
Option path_option(std::string name, Path& into) {
  const auto take = [&into](const std::string& value) {
    into = std::filesystem::path(value);
    return true;
  };
  return {std::move(name), Option::Kind::kValue, take, {}};
}
Option flag_option(std::string name, bool& into);
template <std::integral Integer>
Option number_option(std::string name, Integer& into, Integer min, Integer max, std::string wants = {}) {
  const auto take = [&into, min, max](const std::string& value) {
    const auto number = parse_number(value, min, max);
    if (number) into = *number;
    return number.has_value();
  };
  return {std::move(name), Option::Kind::kValue, take, std::move(wants)};
}
// "--help": reading ends with it.
Option question_option(std::string name);

struct GivenOptions {
  std::string question;                            // the first that was asked; empty where none was
  std::optional<std::vector<std::string>> behind;  // what stands behind "--", where that is there
};
// Of the same option given twice both are taken, one after the other. kInvalidArgument "bad-usage" with the sentence
// "unknown option --x", "--x needs a value", "--x cannot be "y"", or what it wants.
Result<GivenOptions> read_options(const std::vector<std::string>& arguments, const std::vector<Option>& known);

}  // namespace mifeng
