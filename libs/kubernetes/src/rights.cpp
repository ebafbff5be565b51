#include "rights.h"

#include <cstdlib>

#include "mifeng/cluster/json_path.h"
#include "role_files.h"
#include "yaml_json.h"

namespace mifeng::kubernetes {
namespace {

using cluster::texts_at;

constexpr const char* kReviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
json::Object role_of(const char* text, const std::string& name_space) {
  return object_of_file(text, {{"NAMESPACE", name_space}});
}

std::vector<std::string> or_any(std::vector<std::string> names) {
  if (names.empty()) names.emplace_back();
  return names;
}

}  // namespace

json::Object object_of_file(std::string text, const std::map<std::string, std::string>& replaced) {
  for (const auto& [word, value] : replaced)
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  const auto parsed = manifest::parse_yaml(text, "file");
  if (!parsed) std::abort();  // it is part of this program, and tested with it
  const json::Value object = json_of(*parsed);
  return *object.if_object();
}

std::string Right::text() const {
  std::string text = verb + " " + resource;
  if (!group.empty()) text += "." + group;
  if (!subresource.empty()) text += "/" + subresource;
  if (!name.empty()) text += " " + name;
  if (!name_space.empty()) text += " in " + name_space;
  return text;
}

std::string cluster_role_name(const std::string& name_space) { return "mifeng-" + name_space; }

json::Object namespace_role(const std::string& name_space) { return role_of(kNamespaceRoleFile, name_space); }

json::Object cluster_role(const std::string& name_space, bool may_delete_namespace) {
  json::Object role = role_of(kClusterRoleFile, name_space);
  if (may_delete_namespace) return role;
  json::Array kept;
  const json::Value* rules = role.find("rules");
  for (const json::Value& rule : *rules->if_array()) {
    const json::Object& one = *rule.if_object();
    if (texts_at(one, "resources") == std::vector<std::string>{"namespaces"} &&
        texts_at(one, "verbs") == std::vector<std::string>{"delete"})
      continue;
    kept.push_back(rule);
  }
  role.set("rules", std::move(kept));
  return role;
}

std::vector<Right> rights_of(const json::Object& role, const std::string& name_space) {
  std::vector<Right> rights;
  const json::Value* rules = role.find("rules");
  const json::Array* list = rules == nullptr ? nullptr : rules->if_array();
  if (list == nullptr) return rights;
  for (const json::Value& rule : *list) {
    const json::Object* one = rule.if_object();
    if (one == nullptr) continue;
    for (const std::string& group : texts_at(*one, "apiGroups"))
      for (const std::string& resource : texts_at(*one, "resources"))
        for (const std::string& name : or_any(texts_at(*one, "resourceNames")))
          for (const std::string& verb : texts_at(*one, "verbs")) {
            const std::size_t slash = resource.find('/');
            rights.push_back({.verb = verb,
                              .group = group,
                              .resource = resource.substr(0, slash),
                              .subresource = slash == std::string::npos ? "" : resource.substr(slash + 1),
                              .name = name,
                              .name_space = name_space});
          }
  }
  return rights;
}

net::Task<std::vector<Right>> missing_rights(const ApiServer& api, std::vector<Right> rights) {
  std::vector<Right> missing;
  for (const Right& right : rights) {
    json::Object asked{{"verb", right.verb}, {"group", right.group}, {"resource", right.resource}};
    if (!right.subresource.empty()) asked.set("subresource", right.subresource);
    if (!right.name.empty()) asked.set("name", right.name);
    if (!right.name_space.empty()) asked.set("namespace", right.name_space);
    json::Object spec{{"resourceAttributes", std::move(asked)}};
    json::Object review{
        {"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SelfSubjectAccessReview"}, {"spec", std::move(spec)}};
    auto reviewed = co_await api.call("POST", kReviews, std::move(review));
    if (!reviewed) co_return reviewed.error();
    if (reviewed->status == 401)
      co_return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig",
                      "The cluster does not know the login of this kubeconfig, or not any more: " + reviewed->message);
    if (!reviewed->success() || reviewed->object() == nullptr)
      co_return error_of(*reviewed, "ask what this login may do");
    if (!cluster::bool_at(*reviewed->object(), "status", "allowed")) missing.push_back(right);
  }
  co_return missing;
}

}  // namespace mifeng::kubernetes
