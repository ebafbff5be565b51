#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <unordered_set>

#include "mifeng/base/beginning.h"
#include "mifeng/json/value.h"

namespace mifeng::json {
namespace {

namespace bj = boost::json;

// Builds our own tree from the events of Boost.JSON's parser: its own DOM keeps the last of two equal names, and two
// readers that differ in which one they keep can be played against each other.
struct Handler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Open {
    Value value;
    std::string name;                       // of the member that comes next
    std::unordered_set<std::string> names;  // of the members so far
  };

  explicit Handler(std::size_t value_limit) : values_left(value_limit) {}

  std::size_t values_left;
  std::vector<Open> open;
  std::optional<Value> root;
  std::optional<Error> error;
  std::string text;

  bool fail(bj::error_code& ec, ErrorCode code, const char* reason, std::string message) {
    error = Error(code, reason, std::move(message));
    ec = bj::error::exception;
    return false;
  }
  bool put(Value value, bj::error_code& ec) {
    if (open.empty()) {
      root = std::move(value);
    } else if (Array* array = open.back().value.if_array()) {
      array->push_back(std::move(value));
    } else {
      // The name was checked when it came; append without looking for it again.
      open.back().value.if_object()->append_unchecked(std::move(open.back().name), std::move(value));
    }
    (void)ec;
    return true;
  }
  bool count(bj::error_code& ec) {
    if (values_left == 0)
      return fail(ec, ErrorCode::kResourceExhausted, "json-too-large", "The JSON text holds too many values.");
    --values_left;
    return true;
  }
  bool leaf(Value value, bj::error_code& ec) { return count(ec) && put(std::move(value), ec); }
  bool close(bj::error_code& ec) {
    Value value = std::move(open.back().value);
    open.pop_back();
    return put(std::move(value), ec);
  }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code& ec) {
    if (!count(ec)) return false;
    open.push_back({Object(), {}, {}});
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code& ec) { return close(ec); }
  bool on_array_begin(bj::error_code& ec) {
    if (!count(ec)) return false;
    open.push_back({Array(), {}, {}});
    return true;
  }
  bool on_array_end(std::size_t, bj::error_code& ec) { return close(ec); }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code& ec) {
    text.append(part.data(), part.size());
    if (!open.back().names.insert(text).second)
      return fail(
          ec, ErrorCode::kInvalidArgument, "duplicate-key",
          "The name \"" + std::string(beginning_of(text, 100)) + "\" stands twice in one object; remove one of them.");
    open.back().name = std::move(text);
    text.clear();
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(bj::string_view part, std::size_t, bj::error_code& ec) {
    text.append(part.data(), part.size());
    Value value(std::move(text));
    text.clear();
    return leaf(std::move(value), ec);
  }
  bool on_number_part(bj::string_view part, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code& ec) {
    text.clear();
    return leaf(number, ec);
  }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code& ec) {
    text.clear();
    return leaf(number, ec);
  }
  // Boost 1.81 does not round to the nearest double, so the digits are read again.
  bool on_double(double, bj::string_view part, bj::error_code& ec) {
    text.append(part.data(), part.size());
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = read.ptr == text.data() + text.size();
    // Too small to be told from zero is zero; too large is a mistake.
    if (read.ec == std::errc::result_out_of_range) number = is_tiny(text) ? 0.0 : HUGE_VAL;
    text.clear();
    if (!whole || !std::isfinite(number))
      return fail(ec, ErrorCode::kInvalidArgument, "bad-json", "A number is outside the range of a double.");
    return leaf(number, ec);
  }
  static bool is_tiny(const std::string& digits) {
    // from_chars does not say on which side a number is out of range; strtod does.
    return std::abs(std::strtod(digits.c_str(), nullptr)) < 1;
  }
  bool on_bool(bool value, bj::error_code& ec) { return leaf(value, ec); }
  bool on_null(bj::error_code& ec) { return leaf(nullptr, ec); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

Error bad_json(std::string_view text, std::size_t at, const std::string& what) {
  at = std::min(at, text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return Error(ErrorCode::kInvalidArgument, "bad-json",
               "Not valid JSON at line " + std::to_string(line) + ", column " + std::to_string(at - line_start + 1) +
                   ": " + what + ".");
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.bytes)
    return Error(ErrorCode::kResourceExhausted, "json-too-large",
                 "The JSON text is longer than " + std::to_string(limits.bytes) + " bytes.");
  bj::parse_options options;
  options.max_depth = limits.depth;
  bj::basic_parser<Handler> parser(options, limits.values);
  bj::error_code ec;
  std::size_t used = 0;
  try {
    used = parser.write_some(false, text.data(), text.size(), ec);
  } catch (const std::exception&) {  // memory; every other failure is an error code
    return Error(ErrorCode::kResourceExhausted, "json-too-large", "The JSON text does not fit in memory.");
  }
  Handler& handler = parser.handler();
  if (handler.error) return *handler.error;
  if (ec == bj::error::too_deep)
    return Error(ErrorCode::kResourceExhausted, "json-too-large",
                 "The JSON text nests more than " + std::to_string(limits.depth) + " levels.");
  if (ec) return bad_json(text, used, ec.message());
  if (!parser.done() || !handler.root) return bad_json(text, text.size(), "it ends too early");
  const std::size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos) return bad_json(text, rest, "there is more after the value");
  return std::move(*handler.root);
}

Result<Object> parse_object(std::string_view text, const ParseLimits& limits) {
  MIFENG_TRY(Value value, parse(text, limits));
  Object* object = value.if_object();
  if (object == nullptr)
    return Error(ErrorCode::kInvalidArgument, "bad-json",
                 "The JSON text must be an object, not " + std::string(value.kind()) + ".");
  return std::move(*object);
}

}  // namespace mifeng::json
