#pragma once

namespace mifeng::kubernetes {

extern const char* const kNamespaceRoleFile;  // deploy/kubernetes/role-namespace.yaml
extern const char* const kClusterRoleFile;    // deploy/kubernetes/role-cluster.yaml

}  // namespace mifeng::kubernetes
