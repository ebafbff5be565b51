// How an API server is reached, and as whom: what is used of a kubeconfig.
#pragma once

#include <string>
#include <string_view>

#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"

namespace mifeng::kubernetes {

struct Login {
  std::string server;           // https://HOST:PORT[/BASE], without a '/' at its end
  std::string ca_pem;           // empty: the system's authorities
  std::string tls_server_name;  // what the certificate has to be for, where that is not HOST
  std::string proxy_url;        // empty: none
  std::string default_namespace;
  // One of the two ways in, or both.
  std::string client_certificate_pem;
  SecretBytes client_key_pem;
  SecretBytes token;
};

// Reads `kubectl`'s file, in YAML or JSON: the current context, or the one that `context` names. Nothing is run and no
// other file is read. kInvalidArgument "bad-kubeconfig" with a sentence that says what to do, also for what would need
// one of the two: certificates in files of their own, "exec" and "auth-provider" plugins; and for what would be unsafe:
// insecure-skip-tls-verify, a server without https.
Result<Login> read_kubeconfig(std::string_view text, std::string_view context = {});

// A login as text to be kept (wrapped, by the caller) and read again by read_login().
SecretBytes serialize(const Login& login);
Result<Login> read_login(ByteView text);

}  // namespace mifeng::kubernetes
