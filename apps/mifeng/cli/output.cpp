#include "cli/output.h"

#include <algorithm>

#include "cli/connect.h"
#include "cli/language.h"
#include "mifeng/base/clock.h"

namespace mifeng::cli {
namespace {

// Nothing that a reader of YAML 1.1 or 1.2 takes for something else than this text.
bool is_plain(const std::string& text) {
  std::string lower;
  for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (text.empty() || lower == "true" || lower == "false" || lower == "null" || lower == "yes" || lower == "no" ||
      lower == "on" || lower == "off" || lower == "y" || lower == "n")
    return false;
  const char first = text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/';
  return letter && text.find_first_of(":#{}[],&*!|>'\"%@`\n\t\\ ") == std::string::npos;
}

void write_yaml(std::string& out, const json::Value& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  const auto nested = [&](const json::Value& inner, std::size_t depth) {
    const bool list = inner.if_array() != nullptr && !inner.if_array()->empty();
    const bool object = inner.if_object() != nullptr && !inner.if_object()->empty();
    if (list || object) {
      out += "\n";
      write_yaml(out, inner, depth);
    } else {
      out += " ";
      write_yaml(out, inner, depth);
    }
  };
  if (const json::Object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [name, member] : *object) {
      out += margin + (is_plain(name) ? name : json::serialize(json::Value(name))) + ":";
      nested(member, indent + 2);
    }
  } else if (const json::Array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const json::Value& item : *array) {
      out += margin + "-";
      nested(item, indent + 2);
    }
  } else {
    const std::string* text = value.if_string();
    // JSON's spelling is YAML too.
    out += (text != nullptr && is_plain(*text) ? *text : json::serialize(value)) + "\n";
  }
}

// Of a list of words; another list stays JSON.
std::string joined(const json::Array& list) {
  std::string all;
  for (const json::Value& one : list) {
    const std::string* word = one.if_string();
    all += (all.empty() ? "" : ",") + (word != nullptr ? *word : json::serialize(one));
  }
  return all;
}

constexpr std::string_view kAge = "age:";

// "90s", "15m", "7h", "12d": two figures are enough.
std::string age_text(std::int64_t since_ms) {
  const std::int64_t seconds = std::max<std::int64_t>(0, (SystemClock().now_ms() - since_ms) / 1000);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

// With the moments that a table shows as ages, for programs.
void add_moments(json::Value& item, const std::vector<Column>& columns) {
  json::Object* object = item.if_object();
  for (const Column& column : columns) {
    if (object == nullptr || !column.member.starts_with(kAge)) continue;
    const std::string member = column.member.substr(kAge.size());
    const json::Value* value = object->find(member);
    if (value != nullptr && value->if_int64() != nullptr && *value->if_int64() != 0)
      object->set(member.substr(0, member.size() - 3), format_time(*value->if_int64()));
  }
}

json::Value with_moments(json::Value value, const std::vector<Column>& columns) {
  if (json::Array* list = value.if_array()) {
    for (json::Value& item : *list) add_moments(item, columns);
  } else {
    add_moments(value, columns);
  }
  return value;
}

// "created_ms" and its like as people read them; "ready/replicas" is both, "counts.ready" a member of a member.
std::string cell(const json::Value& item, const std::string& member) {
  if (const std::size_t slash = member.find('/'); slash != std::string::npos)
    return cell(item, member.substr(0, slash)) + "/" + cell(item, member.substr(slash + 1));
  if (member.starts_with(kAge)) {
    const json::Object* aged = item.if_object();
    const json::Value* since = aged == nullptr ? nullptr : aged->find(member.substr(kAge.size()));
    return since == nullptr || since->if_int64() == nullptr || *since->if_int64() == 0 ? "-"
                                                                                       : age_text(*since->if_int64());
  }
  const json::Object* object = item.if_object();
  if (const std::size_t dot = member.find('.'); dot != std::string::npos) {
    const json::Value* inner = object == nullptr ? nullptr : object->find(member.substr(0, dot));
    return inner == nullptr ? "-" : cell(*inner, member.substr(dot + 1));
  }
  const json::Value* value = object == nullptr ? nullptr : object->find(member);
  if (value != nullptr && member.ends_with("_ms") && value->if_int64() != nullptr)
    return *value->if_int64() == 0 ? "-" : format_time(*value->if_int64());
  const std::string text =
      value != nullptr && value->if_array() != nullptr ? joined(*value->if_array()) : text_of(item, member);
  if (text.empty()) return "-";
  if (member == "state" || member == "purpose" || value->if_bool() != nullptr) return tr_word(text);
  return member == "reason" || member == "problem" || member == "remedy" ? tr_phrase(text) : text;
}

}  // namespace

void add_output_flag(Command& command, std::string& target) {
  target = "table";
  command.word("-o,--output", target, {"table", "wide", "json", "yaml", "name"}, "how to print it").setting("output");
}

std::string to_yaml(const json::Value& value) {
  std::string out;
  write_yaml(out, value, 0);
  return out;
}

Result<void> print_objects(Console& console, const json::Value& value, const std::string& format,
                           const std::vector<Column>& columns, const std::string& name_member) {
  if (format == "json") return console.print(json::serialize_pretty(with_moments(value, columns)));
  if (format == "yaml") return console.print(to_yaml(with_moments(value, columns)));
  const json::Array one{value};
  const json::Array& items = value.if_array() != nullptr ? *value.if_array() : one;
  if (format == "name") {
    std::string names;
    for (const json::Value& item : items) names += text_of(item, name_member) + "\n";
    return console.print(names);
  }
  const auto is_shown = [&](const Column& column) { return column.shown == Shown::kAlways || format == "wide"; };
  std::vector<std::string> header;
  for (const Column& column : columns)
    if (is_shown(column)) header.push_back(tr(column.title));
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& item : items) {
    std::vector<std::string> row;
    for (const Column& column : columns)
      if (is_shown(column)) row.push_back(cell(item, column.member));
    rows.push_back(std::move(row));
  }
  return console.table(header, rows);
}

std::string cell_of(const json::Value& object, const Column& column) { return cell(object, column.member); }

}  // namespace mifeng::cli
