// The policy that keeps others who may write in the namespace out of the models' pods: deploy/kubernetes/
// admission-policy.yaml, made and looked at.
#pragma once

#include <string>

#include "api_server.h"

namespace mifeng::kubernetes {

// The policy and what binds it to the namespace, for a platform that signs in as this user.
struct AdmissionObjects {
  json::Object policy, binding;
};
AdmissionObjects admission_objects(const std::string& name_space, const std::string& platform_user);

// Whether all that was `made` stands in `seen`, which has what the API server adds of itself besides.
bool is_within(const json::Value& made, const json::Value& seen);

enum class PolicyState {
  kInForce,
  kMissing,   // it could be there and is not
  kAltered,   // one of its name says something else
  kUnknown,   // we may not look
  kNoneHere,  // the cluster has no such policies
};
net::Task<PolicyState> look_at_policy(const ApiServer& api, std::string name_space);

// Makes it, or makes it right, where we may and nobody else's pods run in the namespace; says what is there after that.
net::Task<PolicyState> install_policy(const ApiServer& api, std::string name_space);
// Takes it away, where it is there and we may.
net::Task<void> remove_policy(const ApiServer& api, std::string name_space);

}  // namespace mifeng::kubernetes
