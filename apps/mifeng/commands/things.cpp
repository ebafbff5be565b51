#include "commands/things.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "cli/language.h"
#include "cli/lookup.h"
#include "mifeng/base/clock.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kRoutesOneByOne = 8;  // above that all routes are read, a page at a time

Search everything() {
  Search search;
  search.limit = 1'000'000'000;
  return search;
}

const json::Array& list_of(const json::Value& object, std::string_view member) {
  static const json::Array kNone;
  const json::Value* value = object.if_object() == nullptr ? nullptr : object.if_object()->find(member);
  return value == nullptr || value->if_array() == nullptr ? kNone : *value->if_array();
}

Result<Found> all_of(const PlatformClient& client, const Kind& kind, const Search& search) {
  json::Array all;
  for (std::int64_t page = 1;; ++page) {
    std::string path = kind.path;
    if (kind.paged) path += "?page_size=200&page=" + std::to_string(page);
    if (!search.cluster.empty()) path += "?cluster=" + net::percent_encode(search.cluster);
    if (!search.text.empty()) path += (kind.paged ? "&text=" : "?text=") + net::percent_encode(search.text);
    MIFENG_TRY(const auto answer, client.get(path));
    MIFENG_TRY(const json::Array* items, items_of(answer));
    for (const json::Value& item : *items) {
      // Thousands of free ports say nothing.
      if (kind.name == "ports" && search.for_table && text_of(item, "state") == "free") continue;
      if (static_cast<std::int64_t>(all.size()) >= search.limit) return Found{std::move(all), true, {}};
      all.push_back(item);
    }
    if (!kind.paged || items->size() < 200) return Found{std::move(all), false, {}};
  }
}

// One of a kind that has no request for one.
Result<json::Value> listed(const PlatformClient& client, const Kind& kind, const std::string& name) {
  MIFENG_TRY(auto found, all_of(client, kind, everything()));
  for (json::Value& item : *found.value.if_array())
    for (const std::string& member : {kind.name_member, std::string("name"), std::string("unit")})
      if (text_of(item, member) == name) return std::move(item);
  return Error(ErrorCode::kNotFound, "not-found", say("There is no {} among the {}.", {name, kind.name}));
}

Result<json::Value> one_of(const PlatformClient& client, const Kind& kind, const std::string& name) {
  if (kind.name == "models") {
    MIFENG_TRY(auto version, find_version(client, name));
    return json::Value(std::move(version));
  }
  if (!kind.single) return listed(client, kind, name);
  MIFENG_TRY(const auto id, id_of(client, kind, name));
  return client.get(kind.path + "/" + net::percent_encode(id));
}

Result<json::Array> within_one(const PlatformClient& client, const Kind& kind, const std::string& id) {
  if (kind.within == "units") {
    MIFENG_TRY(const auto deployment, client.get("/deployments/" + id));
    return list_of(deployment, "units");
  }
  MIFENG_TRY(const auto answer, client.get("/deployments/" + id + "/" + kind.within));
  MIFENG_TRY(const json::Array* items, items_of(answer));
  return *items;
}

// Of one deployment, or of all: then each says of which, and what has a time is in its order, the newest kept.
Result<Found> within(const PlatformClient& client, const Kind& kind, const Search& search) {
  json::Array all;
  std::optional<Error> missing;
  if (!search.name.empty()) {
    MIFENG_TRY(const auto id, find_deployment(client, search.name));
    MIFENG_TRY(all, within_one(client, kind, id));
    for (json::Value& item : all)
      if (json::Object* object = item.if_object()) object->set("deployment", id);
  } else {
    const Kind deployments{"deployments", "/deployments", true, true, true, {}};
    MIFENG_TRY(const auto found, all_of(client, deployments, everything()));
    for (const json::Value& deployment : *found.value.if_array()) {
      auto items = within_one(client, kind, text_of(deployment, "id"));
      if (!items && items.error().code() == ErrorCode::kNotFound) continue;  // deleted meanwhile
      if (!items) {
        missing = std::move(items).error();
        continue;
      }
      for (json::Value& item : *items) {
        if (json::Object* object = item.if_object()) object->set("deployment", text_of(deployment, "id"));
        all.push_back(std::move(item));
      }
    }
    if (all.empty() && missing) return std::move(*missing);
    std::stable_sort(all.begin(), all.end(), [](const json::Value& a, const json::Value& b) {
      const std::string one = text_of(a, "time_ms"), other = text_of(b, "time_ms");
      return one.size() != other.size() ? one.size() < other.size() : one < other;
    });
  }
  const auto limit = static_cast<std::size_t>(search.limit);
  const bool more = all.size() > limit;
  if (more) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(limit));
  return Found{std::move(all), more, std::move(missing)};
}

// "1.5/4" of thousandths of a processor, "3.2Gi/8.0Gi" of bytes: free of all.
std::string in_tenths(std::int64_t thousandths) {
  const std::int64_t tenths = thousandths / 100;
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(std::abs(tenths % 10)));
}
std::string in_gi(std::int64_t bytes) {
  return in_tenths(static_cast<std::int64_t>(static_cast<double>(bytes) * 1000 / (1 << 30))) + "Gi";
}

std::int64_t number_at(const json::Value* object, std::string_view member) {
  const json::Value* value =
      object == nullptr || object->if_object() == nullptr ? nullptr : object->if_object()->find(member);
  return value == nullptr || value->if_int64() == nullptr ? 0 : *value->if_int64();
}

// What a table shows of a node.
void add_amounts(json::Object& node) {
  const json::Value* cpu = node.find("cpu_millis");
  const json::Value* memory = node.find("memory_bytes");
  const json::Value* devices = node.find("accelerators");
  const std::string cpu_text = in_tenths(number_at(cpu, "free")) + "/" + in_tenths(number_at(cpu, "all"));
  const std::string memory_text = in_gi(number_at(memory, "free")) + "/" + in_gi(number_at(memory, "all"));
  json::Array list;
  if (devices != nullptr && devices->if_object() != nullptr)
    for (const auto& [name, amount] : *devices->if_object())
      list.emplace_back(name + " " + std::to_string(number_at(&amount, "free")) + "/" +
                        std::to_string(number_at(&amount, "all")));
  const json::Value* ready = node.find("ready");
  const json::Value* cordoned = node.find("cordoned");
  const auto is_true = [](const json::Value* value) {
    return value != nullptr && value->if_bool() != nullptr && *value->if_bool();
  };
  node.set("state", !is_true(ready) ? "not-ready" : is_true(cordoned) ? "cordoned" : "ready");
  node.set("cpu", cpu_text);
  node.set("memory", memory_text);
  node.set("devices", std::move(list));
}

// Of one cluster, or of each: then one that cannot be asked leaves the others.
Result<Found> of_clusters(const PlatformClient& client, const Kind& kind, const std::string& what,
                          const Search& search) {
  std::vector<std::string> ids;
  if (search.cluster.empty()) {
    MIFENG_TRY(const auto answer, client.get("/clusters"));
    MIFENG_TRY(const json::Array* items, items_of(answer));
    for (const json::Value& item : *items) ids.push_back(text_of(item, "id"));
  } else {
    ids.push_back(search.cluster);
  }
  Found found;
  json::Array all;
  for (const std::string& id : ids) {
    const auto answer = client.get("/clusters/" + net::percent_encode(id) + "/" + what);
    if (!answer) {
      if (!search.cluster.empty()) return answer.error();
      found.missing = answer.error();
      continue;
    }
    MIFENG_TRY(const json::Array* items, items_of(*answer));
    for (json::Value item : *items) {
      json::Object* object = item.if_object();
      if (object == nullptr || (!search.name.empty() && text_of(item, kind.name_member) != search.name)) continue;
      if (static_cast<std::int64_t>(all.size()) >= search.limit) {
        found.more = true;
        continue;
      }
      object->set("cluster", id);
      if (search.for_table && what == "nodes") add_amounts(*object);
      all.push_back(std::move(item));
    }
  }
  if (all.empty() && found.missing) return std::move(*found.missing);
  if (all.empty() && !search.name.empty())
    return Error(ErrorCode::kNotFound, "not-found", say("There is no {} among the {}.", {search.name, kind.name}));
  found.value = std::move(all);
  return found;
}

// Access prefixes, by the id of their route.
std::map<std::string, std::string> prefixes_of(const PlatformClient& client, const std::vector<std::string>& routes) {
  std::map<std::string, std::string> prefixes;
  if (routes.size() > kRoutesOneByOne) {
    const Kind kind{"routes", "/routes", true, true, true, {}};
    const auto found = all_of(client, kind, everything());
    if (!found) return prefixes;
    for (const json::Value& route : *found->value.if_array())
      prefixes.emplace(text_of(route, "id"), text_of(route, "prefix"));
    return prefixes;
  }
  for (const std::string& id : routes) {
    const auto route = client.get("/routes/" + net::percent_encode(id));
    if (route) prefixes.emplace(id, text_of(*route, "prefix"));
  }
  return prefixes;
}

}  // namespace

void add_places(const PlatformClient& client, json::Value& deployments) {
  std::vector<json::Value*> each;
  if (json::Array* list = deployments.if_array()) {
    for (json::Value& one : *list) each.push_back(&one);
  } else {
    each.push_back(&deployments);
  }
  std::vector<std::string> routes;
  for (const json::Value* one : each)
    for (const json::Value& id : list_of(*one, "route_ids"))
      if (id.if_string() != nullptr) routes.push_back(*id.if_string());
  const auto prefixes = prefixes_of(client, routes);
  for (json::Value* one : each) {
    json::Array ports, paths;
    for (const json::Value& port : list_of(*one, "ports")) ports.emplace_back(text_of(port, "node_port"));
    for (const json::Value& id : list_of(*one, "route_ids")) {
      const auto found = prefixes.find(id.if_string() == nullptr ? "" : *id.if_string());
      if (found != prefixes.end()) paths.emplace_back(found->second);
    }
    if (json::Object* object = one->if_object()) {
      object->set("port", std::move(ports));
      object->set("prefix", std::move(paths));
    }
  }
}

std::vector<StaleCluster> stale_clusters(const PlatformClient& client) {
  std::vector<StaleCluster> stale;
  const auto answer = client.get("/clusters");
  const auto items = answer ? items_of(*answer) : Result<const json::Array*>(answer.error());
  if (!items) return stale;
  for (const json::Value& one : **items) {
    if (text_of(one, "stale") != "true") continue;
    const std::int64_t seen = number_at(&one, "seen_ms");
    stale.push_back({text_of(one, "id"), seen == 0 ? "" : format_time(seen)});
  }
  return stale;
}

Result<Found> look(const PlatformClient& client, const Kind& kind, const Search& search) {
  if (!kind.of_cluster.empty()) return of_clusters(client, kind, kind.of_cluster, search);
  if (kind.name == "events" && !search.cluster.empty()) {
    if (!search.name.empty())
      return Error(ErrorCode::kInvalidArgument, "usage", tr("Events are of one deployment or of one --cluster."));
    Search newest = search;
    newest.limit = everything().limit;
    MIFENG_TRY(auto found, of_clusters(client, kind, "events", newest));
    json::Array& all = *found.value.if_array();
    const auto limit = static_cast<std::size_t>(search.limit);
    found.more = all.size() > limit;
    if (found.more) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(limit));
    return found;
  }
  if (!kind.within.empty()) {
    if (search.name.empty() && kind.name == "revisions")
      return Error(ErrorCode::kInvalidArgument, "usage",
                   say("Of which deployment? mifeng get {} DEPLOYMENT", {kind.name}));
    return within(client, kind, search);
  }
  Found found;
  if (search.name.empty()) {
    MIFENG_TRY(found, all_of(client, kind, search));
  } else {
    MIFENG_TRY(found.value, one_of(client, kind, search.name));
  }
  if (search.for_table && kind.name == "deployments") add_places(client, found.value);
  return found;
}

Result<std::string> id_of(const PlatformClient& client, const Kind& kind, const std::string& name) {
  if (kind.name == "deployments") return find_deployment(client, name);
  if (kind.name == "routes") return find_route(client, name);
  if (kind.name == "tokens") {
    MIFENG_TRY(const auto token, listed(client, kind, name));
    return text_of(token, "id");
  }
  const bool version = kind.name == "models" && name.find('@') != std::string::npos;
  if (!version && kind.name != "people" && kind.name != "callers") return name;
  MIFENG_TRY(const auto found, version                 ? find_version(client, name)
                               : kind.name == "people" ? find_person(client, name)
                                                       : find_caller(client, name));
  return text_of(found, "id");
}

}  // namespace mifeng::cli
