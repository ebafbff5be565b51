#include "admission.h"

#include <algorithm>
#include <array>

#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"
#include "objects.h"
#include "rights.h"
#include "role_files.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;
using net::Task;

constexpr const char* kManager = "mifeng-admission";
constexpr std::string_view kPolicies = "validatingadmissionpolicies";
constexpr std::string_view kBindings = "validatingadmissionpolicybindings";

std::string target_of_policy(std::string_view plural, const std::string& name_space) {
  return "/apis/admissionregistration.k8s.io/v1/" + std::string(plural) + "/" + cluster_role_name(name_space);
}

// Who we are to this cluster; it can be asked wherever there are such policies.
Task<std::string> own_user(const ApiServer& api) {
  json::Object asked{{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
  auto answer = co_await api.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", std::move(asked));
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "ask who we are");
  co_return text_at(*answer->object(), "status", "userInfo", "username");
}

Task<PolicyState> compare(const ApiServer& api, std::string_view plural, std::string name_space, json::Value made) {
  auto there = co_await api.call("GET", target_of_policy(plural, name_space));
  if (!there) co_return there.error();
  // Of a kind that it does not know, the server names no object.
  const bool named = there->object() != nullptr && !text_at(*there->object(), "details", "name").empty();
  if (there->status == 404) co_return named ? PolicyState::kMissing : PolicyState::kNoneHere;
  if (there->status == 403) co_return PolicyState::kUnknown;
  if (!there->success()) co_return error_of(*there, "look at the admission policy");
  co_return is_within(made, there->body) ? PolicyState::kInForce : PolicyState::kAltered;
}

// Others' would not be let change any more.
Task<bool> has_others_pods(const ApiServer& api, std::string name_space) {
  const std::string query = "?limit=1&labelSelector=" + net::percent_encode("!" + std::string(kLabelInstallation));
  auto pods = co_await api.call("GET", "/api/v1/namespaces/" + name_space + "/pods" + query);
  if (!pods) co_return pods.error();
  if (!pods->success() || pods->object() == nullptr) co_return error_of(*pods, "list the pods");
  const json::Value* items = pods->object()->find("items");
  co_return items != nullptr && items->if_array() != nullptr && !items->if_array()->empty();
}

}  // namespace

AdmissionObjects admission_objects(const std::string& name_space, const std::string& platform_user) {
  const std::string text = kAdmissionPolicyFile;
  const std::string_view between = "\n---\n";
  const std::size_t at = text.find(between);
  const auto object = [&](const std::string& part) {
    return object_of_file(part, {{"NAMESPACE", name_space}, {"PLATFORM", platform_user}});
  };
  return {object(text.substr(0, at + 1)), object(text.substr(at + between.size()))};
}

bool is_within(const json::Value& made, const json::Value& seen) {
  if (const json::Object* wanted = made.if_object()) {
    const json::Object* object = seen.if_object();
    return object != nullptr && std::all_of(wanted->begin(), wanted->end(), [&](const auto& member) {
             const json::Value* value = object->find(member.first);
             return value != nullptr && is_within(member.second, *value);
           });
  }
  if (const json::Array* wanted = made.if_array()) {
    const json::Array* list = seen.if_array();
    return list != nullptr && std::equal(wanted->begin(), wanted->end(), list->begin(), list->end(), is_within);
  }
  return made == seen;
}

Task<PolicyState> look_at_policy(const ApiServer& api, std::string name_space) {
  auto user = co_await own_user(api);
  if (!user && user.error().code() == ErrorCode::kNotFound) co_return PolicyState::kNoneHere;
  if (!user) co_return user.error();
  AdmissionObjects made = admission_objects(name_space, *user);
  auto policy = co_await compare(api, kPolicies, name_space, std::move(made.policy));
  if (!policy || *policy != PolicyState::kInForce) co_return policy;
  co_return co_await compare(api, kBindings, name_space, std::move(made.binding));
}

Task<PolicyState> install_policy(const ApiServer& api, std::string name_space) {
  auto before = co_await look_at_policy(api, name_space);
  if (!before || (*before != PolicyState::kMissing && *before != PolicyState::kAltered)) co_return before;
  auto others = co_await has_others_pods(api, name_space);
  if (!others) co_return others.error();
  if (*others) co_return before;
  auto user = co_await own_user(api);
  if (!user) co_return user.error();
  AdmissionObjects made = admission_objects(name_space, *user);
  auto applied = co_await api.apply(target_of_policy(kPolicies, name_space), kManager, std::move(made.policy));
  if (applied && applied->success())
    applied = co_await api.apply(target_of_policy(kBindings, name_space), kManager, std::move(made.binding));
  if (!applied) co_return applied.error();
  if (applied->status == 403) co_return before;
  if (!applied->success()) co_return error_of(*applied, "make the admission policy");
  co_return PolicyState::kInForce;
}

Task<void> remove_policy(const ApiServer& api, std::string name_space) {
  static constexpr std::array kBoth{kBindings, kPolicies};
  for (const std::string_view plural : kBoth) {
    auto answer = co_await api.call("DELETE", target_of_policy(plural, name_space));
    if (!answer) co_return answer.error();
    if (!answer->success() && answer->status != 404 && answer->status != 403)
      co_return error_of(*answer, "delete the admission policy");
  }
  co_return ok();
}

}  // namespace mifeng::kubernetes
