// What Mifeng is to be allowed: the two files in deploy/kubernetes, which are compiled into this library.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api_server.h"

namespace mifeng::kubernetes {

// One thing that somebody may or may not do.
struct Right {
  std::string verb, group, resource, subresource, name;
  std::string name_space;  // "" is everywhere

  // "create deployments.apps in models"
  std::string text() const;
};

// An object that stands in one of the files, with these words of it replaced.
json::Object object_of_file(std::string text, const std::map<std::string, std::string>& replaced);

// The roles as objects to be applied. `name_space` is put where the files say NAMESPACE.
json::Object namespace_role(const std::string& name_space);
// Without the right to delete the namespace where that is not ours to delete.
json::Object cluster_role(const std::string& name_space, bool may_delete_namespace);
// "mifeng-NAMESPACE": cluster role and its binding.
std::string cluster_role_name(const std::string& name_space);

// Each right of a role on its own.
std::vector<Right> rights_of(const json::Object& role, const std::string& name_space);

// Those that the login of `api` lacks, as the API server sees it.
net::Task<std::vector<Right>> missing_rights(const ApiServer& api, std::vector<Right> rights);

}  // namespace mifeng::kubernetes
