// One Unix socket a unit, made anew at each start of the platform.
#pragma once

#include <filesystem>
#include <memory>

#include "mifeng/net/runtime.h"
#include "mifeng/rest/api.h"

namespace mifeng::rest {

// Follows the folders below a directory: while DIR/NAME is there, DIR/NAME/platform.sock (mode 0666) answers the unit
// NAME. The engine makes the folder before the unit and mounts it into it.
class UnitSockets {
 public:
  static Result<std::unique_ptr<UnitSockets>> start(net::Runtime& runtime, Api& api, std::filesystem::path dir);
  ~UnitSockets();

 private:
  struct Impl;
  explicit UnitSockets(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::rest
