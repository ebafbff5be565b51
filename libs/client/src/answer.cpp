#include "mifeng/client/answer.h"

namespace mifeng::client {
namespace {

Error missing(std::string_view name) {
  return Error(ErrorCode::kUnavailable, "bad-answer", "the platform's answer has no " + std::string(name));
}

}  // namespace

const json::Value* member_of(const json::Value& answer, std::string_view name) {
  const json::Object* members = answer.if_object();
  return members == nullptr ? nullptr : members->find(name);
}

std::string text_of(const json::Value& answer, std::string_view name) {
  const json::Value* value = member_of(answer, name);
  if (value == nullptr || value->is_null()) return "";
  if (const std::string* text = value->if_string()) return *text;
  return json::serialize(*value);
}

Result<std::string> required_text(const json::Value& answer, std::string_view name) {
  const json::Value* value = member_of(answer, name);
  if (value == nullptr || value->if_string() == nullptr) return missing(name);
  return *value->if_string();
}

Result<json::Value> required_object(const json::Value& answer, std::string_view name) {
  const json::Value* value = member_of(answer, name);
  if (value == nullptr || value->if_object() == nullptr) return missing(name);
  return *value;
}

const json::Array& list_of(const json::Value& answer, std::string_view name) {
  static const json::Array kNone;
  const json::Value* value = member_of(answer, name);
  return value == nullptr || value->if_array() == nullptr ? kNone : *value->if_array();
}

}  // namespace mifeng::client
