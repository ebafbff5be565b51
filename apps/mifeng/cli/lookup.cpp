#include "cli/lookup.h"

#include "cli/language.h"

namespace mifeng::cli {
namespace {

constexpr std::int64_t kPage = 200;

// By id, or else by name, through all pages: such lists have no search of their own.
Result<json::Object> find_named(const PlatformClient& client, const std::string& path, const std::string& name,
                                const std::string& absent) {
  auto exact = client.get(path + "/" + net::percent_encode(name));
  if (exact && exact->if_object() != nullptr) return *exact->if_object();
  if (!exact && exact.error().code() != ErrorCode::kNotFound) return std::move(exact).error();
  for (std::int64_t page = 1;; ++page) {
    MIFENG_TRY(const auto list,
               client.get(path + "?page_size=" + std::to_string(kPage) + "&page=" + std::to_string(page)));
    MIFENG_TRY(const json::Array* items, items_of(list));
    for (const json::Value& item : *items) {
      if (item.if_object() != nullptr && text_of(item, "name") == name) return *item.if_object();
    }
    if (static_cast<std::int64_t>(items->size()) < kPage) break;
  }
  return Error(ErrorCode::kNotFound, "not-found", absent);
}

}  // namespace

Result<const json::Array*> items_of(const json::Value& answer) {
  const json::Object* object = answer.if_object();
  const json::Value* items = object == nullptr ? nullptr : object->find("items");
  if (items == nullptr || items->if_array() == nullptr)
    return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no list.");
  return items->if_array();
}

Result<json::Object> find_version(const PlatformClient& client, const std::string& name) {
  const std::size_t slash = name.find('/');
  const std::size_t at = name.find('@');
  std::string path = "/models/" + net::percent_encode(name);
  if (slash != std::string::npos && at != std::string::npos && slash < at) {
    path = "/vendors/" + net::percent_encode(name.substr(0, slash)) + "/models/" +
           net::percent_encode(name.substr(slash + 1, at - slash - 1)) + "/versions/" +
           net::percent_encode(name.substr(at + 1));
  } else if (slash != std::string::npos || at != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, "bad-version-name",
                 say("\"{}\" names no version; write VENDOR/MODEL@VERSION or the version's id.", {name}));
  }
  MIFENG_TRY(auto version, client.get(path));
  if (json::Object* object = version.if_object()) return std::move(*object);
  return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no version.");
}

Result<std::string> find_deployment(const PlatformClient& client, const std::string& name) {
  auto exact = client.get("/deployments/" + net::percent_encode(name));
  if (exact) return text_of(*exact, "id");
  if (exact.error().code() != ErrorCode::kNotFound) return std::move(exact).error();
  MIFENG_TRY(const auto list, client.get("/deployments?page_size=200&text=" + net::percent_encode(name)));
  MIFENG_TRY(const json::Array* items, items_of(list));
  std::string id;
  for (const json::Value& item : *items) {
    if (text_of(item, "name") != name) continue;
    if (!id.empty())
      return Error(ErrorCode::kConflict, "ambiguous", say("Several deployments are called {}; give the id.", {name}));
    id = text_of(item, "id");
  }
  if (id.empty()) return Error(ErrorCode::kNotFound, "no-such-deployment", say("There is no deployment {}.", {name}));
  return id;
}

Result<std::optional<json::Object>> find_deployment_named(const PlatformClient& client, const std::string& name) {
  MIFENG_TRY(const auto list, client.get("/deployments?page_size=200&text=" + net::percent_encode(name)));
  MIFENG_TRY(const json::Array* items, items_of(list));
  for (const json::Value& item : *items)
    if (item.if_object() != nullptr && text_of(item, "name") == name && text_of(item, "state") != "deleting")
      return std::optional(*item.if_object());
  return std::optional<json::Object>();
}

Result<std::string> find_route(const PlatformClient& client, const std::string& name) {
  const bool prefix = name.starts_with('/');
  if (!prefix) {
    const auto exact = client.get("/routes/" + net::percent_encode(name));
    if (exact) return name;
    if (exact.error().code() != ErrorCode::kNotFound) return exact.error();
  }
  MIFENG_TRY(const auto list, client.get("/routes?page_size=200&text=" + net::percent_encode(name)));
  MIFENG_TRY(const json::Array* items, items_of(list));
  for (const json::Value& item : *items)
    if (text_of(item, prefix ? "prefix" : "name") == name) return text_of(item, "id");
  return Error(ErrorCode::kNotFound, "no-such-route", say("There is no route {}.", {name}));
}

Result<json::Object> find_person(const PlatformClient& client, const std::string& name) {
  return find_named(client, "/people", name, say("There is no person {}.", {name}));
}

Result<json::Object> find_caller(const PlatformClient& client, const std::string& name) {
  return find_named(client, "/callers", name, say("There is no caller {}.", {name}));
}

}  // namespace mifeng::cli
