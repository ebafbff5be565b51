#include <algorithm>
#include <array>
#include <charconv>

#include "mifeng/base/phrase.h"
#include "mifeng/base/spelling.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::manifest {
namespace {

bool is_number(std::string_view text) {
  // Everything that some reader of YAML takes for a number: decimal, hex, octal, binary, with "_" or sexagesimal, an
  // exponent, .inf and .nan; and dates, which are numbers with dashes.
  if (text.empty()) return false;
  std::string_view rest = text;
  if (rest.front() == '+' || rest.front() == '-') rest.remove_prefix(1);
  if (rest.empty()) return false;
  if (rest.front() == '.') {
    const std::string_view tail = rest.substr(1);
    if (tail == "inf" || tail == "Inf" || tail == "INF" || tail == "nan" || tail == "NaN" || tail == "NAN") return true;
  }
  bool digit = false;
  for (const char c : rest) {
    const bool is_digit = c >= '0' && c <= '9';
    digit = digit || is_digit;
    if (!is_digit && c != '.' && c != '_' && c != 'e' && c != 'E' && c != '+' && c != '-' && c != ':' && c != 'x' &&
        c != 'o' && c != 'b' && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != 'T' && c != 'Z')
      return false;
  }
  if (!digit) return false;
  if (rest.size() > 1 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'o' || rest[1] == 'b')) return true;
  // Letters other than an exponent between digits make it a word ("1a", "500m" are words).
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter && !((c == 'e' || c == 'E') && i > 0) && c != 'T' && c != 'Z') return false;
  }
  return (rest.front() >= '0' && rest.front() <= '9') || rest.front() == '.';
}

bool is_boolean_word(std::string_view text) {
  static constexpr std::array<std::string_view, 22> kWords{
      "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No",
      "NO",   "on",   "On",   "ON",    "off",   "Off",   "OFF", "y",   "Y",   "n",  "N"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

const char* kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return "a value";
    case YamlNode::Kind::kSequence: return "a list";
    case YamlNode::Kind::kMapping: return "a mapping";
  }
  return "";
}

}  // namespace

FieldReader::FieldReader(const YamlNode& node, std::string_view name, std::string path)
    : node_(node), name_(name), path_(std::move(path)) {
  if (node.kind != YamlNode::Kind::kMapping)
    fail(node.mark, path_, phrase("expected a mapping (key: value), found {}", kind_name(node)), "bad-field");
}

std::string FieldReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void FieldReader::fail(const YamlMark& mark, std::string_view path, std::string_view sentence,
                       std::string_view reason) {
  if (error_) return;
  std::string message = name_ + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": ";
  if (!path.empty()) message += std::string(path) + ": ";
  message += sentence;
  error_.emplace(ErrorCode::kInvalidArgument, std::string(reason), std::move(message));
}

const YamlNode* FieldReader::take(std::string_view key) {
  taken_.insert(std::string(key));
  if (error_) return nullptr;
  for (const YamlField& field : node_.fields)
    if (field.key == key) return &field.value;
  return nullptr;
}

const YamlNode* FieldReader::require(std::string_view key) {
  const YamlNode* node = take(key);
  if (node == nullptr)
    refuse(key, phrase("is missing"), "missing-field");
  else if (node->kind == YamlNode::Kind::kNull)
    fail(node->mark, path_of(key), phrase("has no value"), "missing-field");
  return error_ ? nullptr : node;
}

bool FieldReader::has(std::string_view key) const {
  return std::any_of(node_.fields.begin(), node_.fields.end(),
                     [&](const YamlField& field) { return field.key == key; });
}

std::string FieldReader::scalar_string(const YamlNode& node, const std::string& path, const Rule& rule) {
  if (node.kind != YamlNode::Kind::kScalar) {
    fail(node.mark, path, phrase("expected a string, found {}", kind_name(node)), "bad-field");
    return {};
  }
  if (!node.quoted && (is_boolean_word(node.scalar) || is_number(node.scalar))) {
    fail(node.mark, path, phrase("expected a string, found {}; put it in quotes: \"{}\"", node.scalar, node.scalar),
         "bad-field");
    return {};
  }
  return scalar_text(node, path, rule);
}

std::string FieldReader::scalar_text(const YamlNode& node, const std::string& path, const Rule& rule) {
  if (node.kind != YamlNode::Kind::kScalar) {
    fail(node.mark, path, phrase("expected a string or a number, found {}", kind_name(node)), "bad-field");
    return {};
  }
  if (!node.quoted && is_boolean_word(node.scalar)) {
    fail(node.mark, path, phrase("expected a string or a number, found {}", node.scalar), "bad-field");
    return {};
  }
  if (rule)
    if (const auto complaint = rule(node.scalar)) {
      fail(node.mark, path, *complaint, "bad-field");
      return {};
    }
  return node.scalar;
}

std::int64_t FieldReader::scalar_integer(const YamlNode& node, const std::string& path, std::int64_t min,
                                         std::int64_t max) {
  std::int64_t value = 0;
  const char* const end = node.scalar.data() + node.scalar.size();
  const bool leading_zero = node.scalar.size() > 1 && (node.scalar[0] == '0' || node.scalar.starts_with("-0"));
  const auto [stop, failure] = std::from_chars(node.scalar.data(), end, value);
  if (node.kind != YamlNode::Kind::kScalar || node.quoted || failure != std::errc{} || stop != end || leading_zero ||
      value < min || value > max) {
    fail(node.mark, path, phrase("expected a whole number from {} to {}", min, max), "bad-field");
    return min;
  }
  return value;
}

std::string FieldReader::string(std::string_view key, const Rule& rule) {
  const YamlNode* node = require(key);
  return node != nullptr ? scalar_string(*node, path_of(key), rule) : std::string();
}

std::string FieldReader::string_or(std::string_view key, std::string_view otherwise, const Rule& rule) {
  if (!has(key)) {
    take(key);
    return std::string(otherwise);
  }
  return string(key, rule);
}

std::string FieldReader::text(std::string_view key, const Rule& rule) {
  const YamlNode* node = require(key);
  return node != nullptr ? scalar_text(*node, path_of(key), rule) : std::string();
}

std::int64_t FieldReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const YamlNode* node = require(key);
  return node != nullptr ? scalar_integer(*node, path_of(key), min, max) : min;
}

std::int64_t FieldReader::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t min, std::int64_t max) {
  if (!has(key)) {
    take(key);
    return otherwise;
  }
  return integer(key, min, max);
}

bool FieldReader::boolean_or(std::string_view key, bool otherwise) {
  if (!has(key)) {
    take(key);
    return otherwise;
  }
  const YamlNode* node = require(key);
  if (node == nullptr) return otherwise;
  if (node->kind != YamlNode::Kind::kScalar || node->quoted || (node->scalar != "true" && node->scalar != "false")) {
    fail(node->mark, path_of(key), phrase("expected true or false"), "bad-field");
    return otherwise;
  }
  return node->scalar == "true";
}

std::vector<std::string> FieldReader::strings_or_empty(std::string_view key, std::size_t max_count, const Rule& rule) {
  std::vector<std::string> out;
  if (!has(key)) {
    take(key);
    return out;
  }
  const YamlNode* node = require(key);
  if (node == nullptr) return out;
  if (node->kind != YamlNode::Kind::kSequence) {
    fail(node->mark, path_of(key), phrase("expected a list, found {}", kind_name(*node)), "bad-field");
    return out;
  }
  if (node->items.size() > max_count) {
    fail(node->mark, path_of(key), phrase("more than {} items", max_count), "bad-field");
    return out;
  }
  for (std::size_t i = 0; i < node->items.size() && !error_; ++i)
    out.push_back(scalar_string(node->items[i], path_of(key) + "[" + std::to_string(i) + "]", rule));
  return error_ ? std::vector<std::string>{} : out;
}

std::map<std::string, std::string> FieldReader::texts_or_empty(std::string_view key, std::size_t max_count,
                                                               const Rule& key_rule, const Rule& value_rule) {
  std::map<std::string, std::string> out;
  if (!has(key)) {
    take(key);
    return out;
  }
  const YamlNode* node = require(key);
  if (node == nullptr) return out;
  if (node->kind != YamlNode::Kind::kMapping) {
    fail(node->mark, path_of(key), phrase("expected a mapping (key: value), found {}", kind_name(*node)), "bad-field");
    return out;
  }
  if (node->fields.size() > max_count) {
    fail(node->mark, path_of(key), phrase("more than {} fields", max_count), "bad-field");
    return out;
  }
  for (const YamlField& field : node->fields) {
    if (const auto complaint = key_rule ? key_rule(field.key) : std::nullopt)
      fail(field.mark, path_of(key) + "." + field.key, *complaint, "bad-field");
    out[field.key] = scalar_text(field.value, path_of(key) + "." + field.key, value_rule);
  }
  return error_ ? std::map<std::string, std::string>{} : out;
}

void FieldReader::descend(const YamlNode& node, const std::string& path,
                          const std::function<void(FieldReader&)>& read) {
  FieldReader inner(node, name_, path);
  if (!inner.failed()) read(inner);
  auto finished = inner.finish();
  if (!finished && !error_) error_ = std::move(finished).error();
}

void FieldReader::object(std::string_view key, const std::function<void(FieldReader&)>& read) {
  if (const YamlNode* node = require(key)) descend(*node, path_of(key), read);
}

void FieldReader::object_if(std::string_view key, const std::function<void(FieldReader&)>& read) {
  if (has(key))
    object(key, read);
  else
    take(key);
}

void FieldReader::objects_if(std::string_view key, std::size_t max_count,
                             const std::function<void(FieldReader&)>& read) {
  if (!has(key)) {
    take(key);
    return;
  }
  const YamlNode* node = require(key);
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kSequence) {
    fail(node->mark, path_of(key), phrase("expected a list, found {}", kind_name(*node)), "bad-field");
    return;
  }
  if (node->items.size() > max_count) {
    fail(node->mark, path_of(key), phrase("more than {} items", max_count), "bad-field");
    return;
  }
  for (std::size_t i = 0; i < node->items.size() && !error_; ++i)
    descend(node->items[i], path_of(key) + "[" + std::to_string(i) + "]", read);
}

void FieldReader::refuse(std::string_view key, std::string_view sentence, std::string_view reason) {
  for (const YamlField& field : node_.fields)
    if (field.key == key) return fail(field.value.mark, path_of(key), sentence, reason);
  // Where something is missing, a field that nobody has asked for and that is nearly this one is the mistake.
  if (reason == "missing-field" || reason == "missing-document")
    for (const YamlField& field : node_.fields)
      if (!taken_.contains(field.key) && !nearest(field.key, {std::string(key)}).empty())
        return fail(field.mark, path_of(field.key), phrase("there is no such field; did you mean {}?", key),
                    "unknown-field");
  fail(node_.mark, key.empty() ? path_ : path_of(key), sentence, reason);
}

Result<void> FieldReader::finish() {
  if (!error_)
    for (const YamlField& field : node_.fields)
      if (!taken_.contains(field.key)) {
        const std::string meant = nearest(field.key, {taken_.begin(), taken_.end()});
        std::string known;
        for (const std::string& key : taken_) known += (known.empty() ? "" : ", ") + key;
        fail(field.mark, path_of(field.key),
             meant.empty() ? phrase("there is no such field; there are: {}", known)
                           : phrase("there is no such field; did you mean {}?", meant),
             "unknown-field");
        break;
      }
  if (error_) return *error_;
  return ok();
}

}  // namespace mifeng::manifest
