// The platform's structures as spec/openapi.yaml has them. A listed struct (base/listed.h) is an object of its members,
// in the list's order; whatever has another form has a function of its own.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/json/value.h"
#include "mifeng/platform/platform.h"

namespace mifeng::rest {

// Without what was not asked for: it is kept as the request that it was.
json::Value json_of(const deployments::DeploymentRequest& request);
// As deployments keep it in a row, and compare it.
json::Value json_of(const deployments::Overlay& overlay);
// Between id and times what a request for a route has (RouteInput), so that one can be sent back changed.
json::Value json_of(const access::Route& route);

template <typename T>
json::Value json_of(const T& value);

template <typename T>
json::Array json_list(const std::vector<T>& items) {
  json::Array list;
  list.reserve(items.size());
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}
template <typename T>
json::Value json_of(const std::vector<T>& items) {
  return json_list(items);
}
template <typename T>
json::Value json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : json::Value(nullptr);
}
template <typename T>
json::Value json_of(const std::map<std::string, T>& map) {
  json::Object object;
  for (const auto& [name, value] : map) object.set(name, json_of(value));
  return object;
}
template <typename T>
json::Value json_of(const T& value) {
  if constexpr (Listed<T>) {
    json::Object object;
    for_each_member(value,
                    [&](const char* name, const auto& member) { object.append_unchecked(name, json_of(member)); });
    return object;
  } else if constexpr (std::is_enum_v<T>) {
    return to_string(value);
  } else {
    return json::Value(value);
  }
}

template <typename T>
json::Value json_page(const trust::Page<T>& page, const trust::PageRequest& request) {
  return json::Object{{"items", json_list(page.items)},
                      {"total", page.total},
                      {"page", request.page},
                      {"page_size", request.page_size}};
}

}  // namespace mifeng::rest
