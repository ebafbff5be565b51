#include "mifeng/json/value.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

#include "mifeng/base/utf8.h"

namespace mifeng::json {

const Value* Object::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &Member::first);
  return found == members_.end() ? nullptr : &found->second;
}
Value* Object::find(std::string_view name) { return const_cast<Value*>(std::as_const(*this).find(name)); }

void Object::set(std::string name, Value value) {
  if (Value* existing = find(name))
    *existing = std::move(value);
  else
    members_.emplace_back(std::move(name), std::move(value));
}

void Object::append_unchecked(std::string name, Value value) {
  members_.emplace_back(std::move(name), std::move(value));
}

void Object::erase(std::string_view name) {
  std::erase_if(members_, [&](const Member& member) { return member.first == name; });
}

std::string_view Value::kind() const {
  switch (state_.index()) {
    case 0: return "null";
    case 1: return "a boolean";
    case 2:
    case 3: return "an integer";
    case 4: return "a number";
    case 5: return "a string";
    case 6: return "a list";
    default: return "an object";
  }
}

namespace {

// What stands in place of a byte that is no UTF-8: what a model printed, what a proxy answered.
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

void write_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (std::size_t size = 1; !text.empty(); text.remove_prefix(size)) {
    const char c = text.front();
    size = 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out.push_back(kHex[(c >> 4) & 15]);
          out.push_back(kHex[c & 15]);
        } else if (static_cast<unsigned char>(c) < 0x80) {
          out.push_back(c);
        } else {
          const std::size_t well_formed = character_size(text);
          out += well_formed == 0 ? kReplacement : text.substr(0, well_formed);
          size = std::max<std::size_t>(1, well_formed);
        }
    }
  }
  out.push_back('"');
}

template <typename Number>
void write_number(std::string& out, Number number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void write_double(std::string& out, double number) {
  assert(std::isfinite(number));
  const std::size_t start = out.size();
  write_number(out, number);
  // 2.0 must not come back as the integer 2.
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

// `indent` is the level, or -1 for the short form.
void write(std::string& out, const Value& value, int indent) {
  const int inner = indent < 0 ? -1 : indent + 1;
  const auto new_line = [&](int level) {
    if (indent < 0) return;
    out.push_back('\n');
    out.append(static_cast<std::size_t>(level) * 2, ' ');
  };
  if (value.is_null()) {
    out += "null";
  } else if (const bool* boolean = value.if_bool()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.if_int64()) {
    write_number(out, *integer);
  } else if (const auto* large = value.if_uint64()) {
    write_number(out, *large);
  } else if (const double* number = value.if_double()) {
    write_double(out, *number);
  } else if (const std::string* text = value.if_string()) {
    write_text(out, *text);
  } else if (const Array* array = value.if_array()) {
    out.push_back('[');
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i != 0) out.push_back(',');
      new_line(inner);
      write(out, (*array)[i], inner);
    }
    if (!array->empty()) new_line(indent);
    out.push_back(']');
  } else if (const Object* object = value.if_object()) {
    out.push_back('{');
    bool first = true;
    for (const auto& [name, member] : *object) {
      if (!first) out.push_back(',');
      first = false;
      new_line(inner);
      write_text(out, name);
      out += indent < 0 ? ":" : ": ";
      write(out, member, inner);
    }
    if (!object->empty()) new_line(indent);
    out.push_back('}');
  }
}

}  // namespace

std::string serialize(const Value& value) {
  std::string out;
  write(out, value, -1);
  return out;
}

std::string serialize_pretty(const Value& value) {
  std::string out;
  write(out, value, 0);
  out.push_back('\n');
  return out;
}

}  // namespace mifeng::json
