// The guard's nginx configuration.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/guard/guard.h"
#include "mifeng/keyholder/listen_socket.h"

namespace mifeng::guard {

// The sockets of one port, and where its requests go.
struct ServedPort {
  std::vector<keyholder::ListenSocket> sockets;
  std::filesystem::path upstream;  // the model's Unix socket
};

Result<std::string> nginx_configuration(const GuardOptions& options, const std::filesystem::path& key_socket,
                                        const std::vector<ServedPort>& ports);

}  // namespace mifeng::guard
