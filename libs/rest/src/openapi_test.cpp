// Holds the table of operations against spec/openapi.yaml, both ways round.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>

#include "mifeng/rest/api.h"

namespace mifeng::rest {
namespace {

using Key = std::pair<std::string, std::string>;  // method, path

struct Described {
  std::string id;
  std::string permission;
  std::set<std::string> roles;
  std::set<std::string> query;
  bool guarded = false;  // If-Match is among its header fields, and 412 among its answers
};

std::map<Key, Described> described() {
  const YAML::Node root = YAML::LoadFile(std::string(MIFENG_SOURCE_DIR) + "/spec/openapi.yaml");
  const YAML::Node shared = root["components"]["parameters"];
  std::map<Key, Described> all;
  for (const auto& path : root["paths"]) {
    for (const auto& entry : path.second) {
      std::string method = entry.first.as<std::string>();
      if (method == "servers") continue;
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      const YAML::Node& operation = entry.second;
      Described one;
      one.id = operation["operationId"].as<std::string>();
      if (operation["x-mifeng-permission"]) one.permission = operation["x-mifeng-permission"].as<std::string>();
      for (const auto& role : operation["x-mifeng-roles"]) one.roles.insert(role.as<std::string>());
      for (YAML::Node parameter : operation["parameters"]) {
        if (parameter["$ref"]) {
          const auto reference = parameter["$ref"].as<std::string>();
          parameter = shared[reference.substr(reference.rfind('/') + 1)];
        }
        if (parameter["name"].as<std::string>() == "If-Match") one.guarded = true;
        if (parameter["in"].as<std::string>() == "query") one.query.insert(parameter["name"].as<std::string>());
      }
      EXPECT_EQ(one.guarded, operation["responses"]["412"].IsDefined()) << one.id;
      all.emplace(Key{method, path.first.as<std::string>()}, std::move(one));
    }
  }
  return all;
}

std::set<std::string> roles_of(const OperationInfo& operation) {
  switch (operation.access) {
    case Access::kAnyone: return {"anyone"};
    case Access::kSignedIn: return {"signed-in"};
    case Access::kLocal: return {"local"};
    case Access::kGateway: return {"gateway"};
    case Access::kUnit: return {"unit"};
    case Access::kPermission: break;
  }
  std::set<std::string> roles;
  for (const auto role : trust::kAllRoles) {
    if (trust::may(role, *operation.permission)) roles.emplace(to_string(role));
  }
  return roles;
}

TEST(OpenApi, EveryOperationIsDescribedAndEveryDescriptionIsServed) {
  auto missing = described();
  ASSERT_GT(missing.size(), 80u);
  std::set<std::string> ids;
  for (const OperationInfo& operation : all_operations()) {
    const Key key{std::string(operation.method), std::string(operation.pattern)};
    SCOPED_TRACE(key.first + " " + key.second);
    EXPECT_TRUE(ids.emplace(operation.id).second) << "the name stands twice";
    const auto found = missing.find(key);
    ASSERT_NE(found, missing.end()) << "not in spec/openapi.yaml";
    EXPECT_EQ(found->second.id, operation.id);
    EXPECT_EQ(found->second.permission, operation.permission ? std::string(to_string(*operation.permission)) : "");
    EXPECT_EQ(found->second.roles, roles_of(operation));
    EXPECT_EQ(found->second.query, std::set<std::string>(operation.query.begin(), operation.query.end()));
    EXPECT_EQ(found->second.guarded, operation.guarded);
    missing.erase(found);
  }
  for (const auto& [key, one] : missing) ADD_FAILURE() << "nothing serves " << key.first << " " << key.second;
}

}  // namespace
}  // namespace mifeng::rest
