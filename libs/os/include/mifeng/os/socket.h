// What is asked of the kernel about sockets in more than one place.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <filesystem>

#include "mifeng/base/result.h"

namespace mifeng {

// kInvalidArgument "bad-address" where the path is too long for one.
Result<sockaddr_un> unix_address(const std::filesystem::path& path);

// Whether the process at the other end of a Unix socket was `user`'s when it connected, or began to listen. false where
// the kernel does not say.
bool is_peer_of(int socket, ::uid_t user);

}  // namespace mifeng
