#pragma once

namespace mifeng::kubernetes {

extern const char* const kNamespaceRoleFile;    // deploy/kubernetes/role-namespace.yaml
extern const char* const kClusterRoleFile;      // deploy/kubernetes/role-cluster.yaml
extern const char* const kAdmissionPolicyFile;  // deploy/kubernetes/admission-policy.yaml

}  // namespace mifeng::kubernetes
