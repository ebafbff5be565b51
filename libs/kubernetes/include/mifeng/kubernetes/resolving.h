// A kubeconfig with all that it needs within: what it names of this machine, files and programs, is read and run here,
// by whoever it belongs to, and never by the platform.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"

namespace mifeng::kubernetes {

struct ResolvedKubeconfig {
  SecretBytes text;           // of the one context alone, for read_kubeconfig()
  std::string name_space;     // of the context; "" for none
  bool from_program = false;  // its login came from an `exec` plugin, and will expire
};

// Reads the file, the context that `context` names or the current one, the certificates and the token that it names,
// and runs its `exec` plugin (client.authentication.k8s.io/v1 and v1beta1) once, as kubectl does: standard input and
// error are this process's. kInvalidArgument "bad-kubeconfig" with what to do; kNotFound "no-such-file"; kTimeout after
// five minutes of a plugin.
Result<ResolvedKubeconfig> resolve_kubeconfig(const std::filesystem::path& file, const std::string& context);

}  // namespace mifeng::kubernetes
