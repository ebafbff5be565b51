// Reading what libpod says: absent and of the wrong kind are both nothing. A path is a std::array and not an
// initializer_list, whose hidden array g++ 12 cannot keep in the frame of a coroutine.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/json/value.h"

namespace mifeng::cluster {

using JsonPath = std::span<const std::string_view>;

inline const json::Value* at(const json::Object& from, JsonPath path) {
  const json::Object* object = &from;
  const json::Value* value = nullptr;
  for (const std::string_view name : path) {
    if (object == nullptr) return nullptr;
    value = object->find(name);
    if (value == nullptr) return nullptr;
    object = value->if_object();
  }
  return value;
}

inline std::string text_at(const json::Object& from, JsonPath path) {
  const json::Value* value = at(from, path);
  const std::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : *text;
}

inline std::int64_t integer_at(const json::Object& from, JsonPath path) {
  const json::Value* value = at(from, path);
  const std::int64_t* integer = value == nullptr ? nullptr : value->if_int64();
  return integer == nullptr ? 0 : *integer;
}

inline bool bool_at(const json::Object& from, JsonPath path) {
  const json::Value* value = at(from, path);
  const bool* flag = value == nullptr ? nullptr : value->if_bool();
  return flag != nullptr && *flag;
}

// The strings of a list; null is an empty list, and a lone string a list of one.
inline std::vector<std::string> texts_at(const json::Object& from, JsonPath path) {
  std::vector<std::string> texts;
  const json::Value* value = at(from, path);
  if (value == nullptr) return texts;
  if (const std::string* one = value->if_string()) return {*one};
  if (const json::Array* list = value->if_array()) {
    for (const json::Value& entry : *list) {
      if (const std::string* text = entry.if_string()) texts.push_back(*text);
    }
  }
  return texts;
}

// text_at(object, "State", "Status")
template <typename... Names>
std::string text_at(const json::Object& from, std::string_view first, Names... more) {
  const std::array<std::string_view, 1 + sizeof...(more)> path{first, std::string_view(more)...};
  return text_at(from, JsonPath(path));
}
template <typename... Names>
const json::Value* at(const json::Object& from, std::string_view first, Names... more) {
  const std::array<std::string_view, 1 + sizeof...(more)> path{first, std::string_view(more)...};
  return at(from, JsonPath(path));
}
template <typename... Names>
std::int64_t integer_at(const json::Object& from, std::string_view first, Names... more) {
  const std::array<std::string_view, 1 + sizeof...(more)> path{first, std::string_view(more)...};
  return integer_at(from, JsonPath(path));
}
template <typename... Names>
bool bool_at(const json::Object& from, std::string_view first, Names... more) {
  const std::array<std::string_view, 1 + sizeof...(more)> path{first, std::string_view(more)...};
  return bool_at(from, JsonPath(path));
}
template <typename... Names>
std::vector<std::string> texts_at(const json::Object& from, std::string_view first, Names... more) {
  const std::array<std::string_view, 1 + sizeof...(more)> path{first, std::string_view(more)...};
  return texts_at(from, JsonPath(path));
}

}  // namespace mifeng::cluster
