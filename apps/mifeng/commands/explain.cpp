// mifeng explain: the fields of mifeng.yaml and of the deployment config, from spec/mifeng.schema.json.
#include "cli/console.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "mifeng/base/spelling.h"
#include "mifeng/json/value.h"

namespace mifeng::cli {

extern const char* const kFieldSchema;  // the file's text, made by the build

namespace {

constexpr int kDepthMax = 32;  // of references and of fields

struct Field {
  std::string path;  // "deployment.spec.ports.name"
  bool required = false;
  json::Object schema;  // with what its $ref says
};

const json::Object* object_at(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr ? nullptr : value->if_object();
}

std::string text_at(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  if (value == nullptr) return {};
  return value->if_string() != nullptr ? *value->if_string() : json::serialize(*value);
}

// What stands beside a $ref counts more than what it leads to.
json::Object resolved(const json::Object& schema, const json::Object& definitions) {
  json::Object out = schema;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const json::Value* reference = out.find("$ref");
    if (reference == nullptr || reference->if_string() == nullptr) return out;
    const std::string& target = *reference->if_string();
    const json::Object* definition = object_at(definitions, target.substr(target.rfind('/') + 1));
    json::Object merged;
    if (definition != nullptr)
      for (const auto& [name, value] : *definition) merged.set(name, value);
    for (const auto& [name, value] : out)
      if (name != "$ref") merged.set(name, value);
    out = std::move(merged);
  }
  return out;
}

// The field itself and all below it, in the order of the file. Lists are passed through to their elements.
void collect(Field field, const json::Object& definitions, std::vector<Field>& all, int depth = 0) {
  all.push_back(field);
  json::Object inner = field.schema;
  if (const json::Object* items = object_at(inner, "items")) inner = resolved(*items, definitions);
  const json::Object* properties = object_at(inner, "properties");
  if (properties == nullptr || depth >= kDepthMax) return;
  const json::Value* required = inner.find("required");
  for (const auto& [name, value] : *properties) {
    if (value.if_object() == nullptr) continue;
    Field below;
    below.path = field.path + "." + name;
    below.schema = resolved(*value.if_object(), definitions);
    if (required != nullptr && required->if_array() != nullptr)
      for (const json::Value& one : *required->if_array())
        below.required = below.required || (one.if_string() != nullptr && *one.if_string() == name);
    collect(std::move(below), definitions, all, depth + 1);
  }
}

Result<std::vector<Field>> all_fields() {
  json::ParseLimits limits;
  limits.bytes = 1 << 20;
  MIFENG_TRY(const json::Value parsed, json::parse(kFieldSchema, limits));
  std::vector<Field> all;
  const json::Object* definitions = parsed.if_object() == nullptr ? nullptr : object_at(*parsed.if_object(), "$defs");
  for (const char* root : {"project", "deployment"}) {
    const json::Object* schema = definitions == nullptr ? nullptr : object_at(*definitions, root);
    if (schema != nullptr) collect({root, true, *schema}, *definitions, all);
  }
  return all;
}

std::string kind_of_field(const json::Object& schema) {
  if (schema.find("const") != nullptr || schema.find("enum") != nullptr) return tr("a word");
  const std::string type = text_at(schema, "type");
  if (type == "object")
    return schema.find("additionalProperties") != nullptr && object_at(schema, "properties") == nullptr
               ? tr("amounts by resource")
               : tr("fields");
  if (type == "array") return tr("a list");
  if (type == "integer") return tr("a whole number");
  return type.starts_with("[") ? tr("an amount") : tr("text");
}

// Lines of what is allowed, where the schema says it.
std::vector<std::vector<std::string>> rules_of(const json::Object& schema) {
  std::vector<std::vector<std::string>> rows;
  if (const std::string only = text_at(schema, "const"); !only.empty()) rows.push_back({tr("allowed"), only});
  if (const json::Value* words = schema.find("enum"); words != nullptr && words->if_array() != nullptr) {
    std::string all;
    for (const json::Value& word : *words->if_array())
      all += (all.empty() ? "" : ", ") + (word.if_string() != nullptr ? *word.if_string() : json::serialize(word));
    rows.push_back({tr("allowed"), all});
  }
  const std::string least = text_at(schema, "minimum"), most = text_at(schema, "maximum");
  if (!least.empty() && !most.empty()) rows.push_back({tr("allowed"), say("{} to {}", {least, most})});
  if (const std::string longest = text_at(schema, "maxLength"); !longest.empty())
    rows.push_back({tr("at most"), say("{} characters", {longest})});
  if (const std::string count = text_at(schema, "maxItems"); !count.empty())
    rows.push_back({tr("at most"), say("{} elements", {count})});
  if (const std::string pattern = text_at(schema, "pattern"); !pattern.empty())
    rows.push_back({tr("pattern"), pattern});
  if (const std::string usual = text_at(schema, "default"); !usual.empty()) rows.push_back({tr("default"), usual});
  return rows;
}

// As people write it: with "mifeng.yaml" or "spec" before it, with indexes, or its last names alone.
Result<const Field*> find_field(const std::vector<Field>& all, const std::string& asked) {
  std::string path;
  bool index = false;
  for (const char c : asked) {
    if (c == '[') index = true;
    if (!index) path += c;
    if (c == ']') index = false;
  }
  std::vector<const Field*> found;
  for (const Field& field : all) {
    if (field.path == path) return &field;
    if (field.path.ends_with("." + path)) found.push_back(&field);
  }
  if (found.size() == 1) return found[0];
  std::string several;
  for (const Field* field : found) several += (several.empty() ? "" : ", ") + field->path;
  if (!found.empty())
    return Error(ErrorCode::kInvalidArgument, "unknown-field", say("{} is in several places: {}.", {asked, several}));
  std::vector<std::string> names;
  for (const Field& field : all) {
    names.push_back(field.path);
    names.push_back(field.path.substr(field.path.rfind('.') + 1));
  }
  const std::string meant = nearest(path, names);
  if (!meant.empty())
    return Error(ErrorCode::kInvalidArgument, "unknown-field",
                 say("There is no field {}; did you mean {}?", {asked, meant}));
  return Error(ErrorCode::kInvalidArgument, "unknown-field",
               say("There is no field {}; `mifeng explain` lists those there are.", {asked}));
}

std::string meaning_of(const Field& field) {
  const std::string english = text_at(field.schema, "description");
  return tr(english);
}

std::vector<std::string> row_of(const Field& field, std::size_t cut) {
  return {field.path.substr(cut), kind_of_field(field.schema), field.required ? tr("required") : tr("optional"),
          meaning_of(field)};
}

Result<int> explain(const std::string& asked, Console& console) {
  MIFENG_TRY(const std::vector<Field> all, all_fields());
  std::vector<std::vector<std::string>> rows;
  if (asked.empty()) {
    for (const Field& field : all) rows.push_back(row_of(field, 0));
    MIFENG_CHECK(console.table({tr("FIELD"), tr("KIND"), "", tr("MEANING")}, rows));
    return 0;
  }
  MIFENG_TRY(const Field* field, find_field(all, asked));
  rows.push_back({tr("field"), field->path});
  rows.push_back({tr("meaning"), meaning_of(*field)});
  rows.push_back(
      {tr("kind"), kind_of_field(field->schema) + ", " + (field->required ? tr("required") : tr("optional"))});
  for (auto& rule : rules_of(field->schema)) rows.push_back(std::move(rule));
  MIFENG_CHECK(console.table({}, rows));
  rows.clear();
  for (const Field& below : all)
    if (below.path.starts_with(field->path + ".") && below.path.find('.', field->path.size() + 1) == std::string::npos)
      rows.push_back(row_of(below, field->path.size() + 1));
  if (rows.empty()) return 0;
  MIFENG_CHECK(console.print("\n"));
  MIFENG_CHECK(console.table({tr("FIELD"), tr("KIND"), "", tr("MEANING")}, rows));
  return 0;
}

}  // namespace

void add_explain(Command& root) {
  Command command =
      root.add("explain", "What a field of mifeng.yaml or of a deployment config means, and what is allowed");
  auto field = std::make_shared<std::string>();
  command.text("FIELD", *field, "such as project.entry or deployment.spec.ports, or its last names; else all")
      .examples("  mifeng explain\n  mifeng explain project.model\n  mifeng explain replicas");
  command.run([field](Console& console) { return explain(*field, console); });
}

}  // namespace mifeng::cli
