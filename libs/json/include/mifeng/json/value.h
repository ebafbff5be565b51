// A JSON value (RFC 8259) as we hold it: members keep their order, names are unique, integers stay integers. Light on
// purpose: the parser behind parse() is compiled once, in this library.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::json {

class Value;
using Array = std::vector<Value>;

class Object {
 public:
  using Member = std::pair<std::string, Value>;

  Object() = default;
  // {{"name", "digits"}, {"replicas", 2}}
  Object(std::initializer_list<Member> members);

  const Value* find(std::string_view name) const;  // nullptr where there is none
  Value* find(std::string_view name);
  // Replaces the value of a member that exists, in its place; else appends.
  void set(std::string name, Value value);
  void erase(std::string_view name);
  // For a parser that has checked that the name is new: set() without the search.
  void append_unchecked(std::string name, Value value);

  bool empty() const;
  std::size_t size() const;
  const Member* begin() const;
  const Member* end() const;
  Member* begin();
  Member* end();

  friend bool operator==(const Object& a, const Object& b);  // the same members in the same order

 private:
  std::vector<Member> members_;
};

class Value {
 public:
  Value() : state_(nullptr) {}
  Value(std::nullptr_t) : state_(nullptr) {}                   // NOLINT: implicit on purpose, as all below
  Value(std::same_as<bool> auto value) : state_(value) {}      // NOLINT
  Value(double value) : state_(value) {}                       // NOLINT: must be finite
  Value(const char* text) : state_(std::string(text)) {}       // NOLINT
  Value(std::string_view text) : state_(std::string(text)) {}  // NOLINT
  Value(std::string text) : state_(std::move(text)) {}         // NOLINT: UTF-8
  Value(Array array) : state_(std::move(array)) {}             // NOLINT
  Value(Object object) : state_(std::move(object)) {}          // NOLINT
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) Value(Integer value) {  // NOLINT
    if constexpr (std::signed_integral<Integer>) {
      state_ = static_cast<std::int64_t>(value);
    } else if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
      state_ = static_cast<std::int64_t>(value);
    } else {
      state_ = static_cast<std::uint64_t>(value);
    }
  }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(state_); }
  // nullptr where the value is of another kind. An integer above INT64_MAX is only a uint64; a number that was written
  // with a fraction or an exponent is only a double.
  const bool* if_bool() const { return std::get_if<bool>(&state_); }
  const std::int64_t* if_int64() const { return std::get_if<std::int64_t>(&state_); }
  const std::uint64_t* if_uint64() const { return std::get_if<std::uint64_t>(&state_); }
  const double* if_double() const { return std::get_if<double>(&state_); }
  const std::string* if_string() const { return std::get_if<std::string>(&state_); }
  const Array* if_array() const { return std::get_if<Array>(&state_); }
  const Object* if_object() const { return std::get_if<Object>(&state_); }
  std::string* if_string() { return std::get_if<std::string>(&state_); }
  Array* if_array() { return std::get_if<Array>(&state_); }
  Object* if_object() { return std::get_if<Object>(&state_); }

  // "null", "a boolean", "an integer", "a number", "a string", "a list", "an object"
  std::string_view kind() const;

  friend bool operator==(const Value& a, const Value& b) { return a.state_ == b.state_; }

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> state_;
};

inline Object::Object(std::initializer_list<Member> members) {
  for (const Member& member : members) set(member.first, member.second);
}
inline bool Object::empty() const { return members_.empty(); }
inline std::size_t Object::size() const { return members_.size(); }
inline const Object::Member* Object::begin() const { return members_.data(); }
inline const Object::Member* Object::end() const { return members_.data() + members_.size(); }
inline Object::Member* Object::begin() { return members_.data(); }
inline Object::Member* Object::end() { return members_.data() + members_.size(); }
inline bool operator==(const Object& a, const Object& b) { return a.members_ == b.members_; }

struct ParseLimits {
  std::size_t bytes = 1 << 20;   // of the text
  std::size_t depth = 32;        // of lists and objects in one another
  std::size_t values = 100'000;  // of all kinds, so that a small text cannot become a large tree
};

// One JSON text and nothing after it but white space; UTF-8 checked; no comments, no trailing commas, no duplicate
// names, no number outside double. kInvalidArgument "bad-json" with line and column, "duplicate-key" with the name,
// kResourceExhausted "json-too-large" above a limit.
Result<Value> parse(std::string_view text, const ParseLimits& limits = {});
// The same, and the outermost value is an object.
Result<Object> parse_object(std::string_view text, const ParseLimits& limits = {});

// Without white space, members in their order, integers in decimal, doubles in the shortest form that reads back the
// same, only '"', '\' and control characters escaped: one value has one spelling. It is always JSON: a byte of a text
// that is no UTF-8 is written as U+FFFD.
std::string serialize(const Value& value);
// For people: two spaces a level, a newline at the end.
std::string serialize_pretty(const Value& value);

}  // namespace mifeng::json
