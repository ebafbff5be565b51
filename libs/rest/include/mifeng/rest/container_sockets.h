// One Unix socket a container, made anew at each start of the platform.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "mifeng/net/runtime.h"
#include "mifeng/rest/api.h"

namespace mifeng::rest {

// Follows the folders below a directory: while DIR/NAME is there, DIR/NAME/platform.sock (mode 0666) answers the
// container NAME. The folder is made by the engine before the container, and is what is mounted into it.
class ContainerSockets {
 public:
  // `prove` blocks: it asks the engine whether `pid` is the first process of that container.
  using Prove = std::function<Result<platform::PeerFacts>(const std::string& container, ::pid_t pid)>;
  static Result<std::unique_ptr<ContainerSockets>> start(net::Runtime& runtime, Api& api, std::filesystem::path dir,
                                                         Prove prove);
  ~ContainerSockets();

 private:
  struct Impl;
  explicit ContainerSockets(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::rest
