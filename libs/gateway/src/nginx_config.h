// The gateway's nginx configuration.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/gateway/gateway.h"
#include "mifeng/keyholder/listen_socket.h"
#include "worker_user.h"

namespace mifeng::gateway {

// Callers come over TLS unless the address is on loopback and no certificate was given.
bool uses_tls(const GatewayOptions& options);

Result<std::string> nginx_configuration(const GatewayOptions& options, const keyholder::ListenSocket& socket,
                                        const std::filesystem::path& run_folder, const std::optional<WorkerUser>& user,
                                        const Clock& clock);

}  // namespace mifeng::gateway
