// Any text: a login or a refusal, and a login comes back from what is kept of it.
#include <cstdlib>

#include "mifeng/kubernetes/login.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const auto login = kubernetes::read_kubeconfig(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!login) {
    if (login.error().reason() != "bad-kubeconfig") std::abort();
    return 0;
  }
  if (!login->server.starts_with("https://")) std::abort();
  const SecretBytes kept = kubernetes::serialize(*login);
  const auto again = kubernetes::read_login(kept.reveal_for_copying());
  if (again && again->server != login->server) std::abort();
  return 0;
}
