#include "mifeng/os/socket.h"

#include <sys/socket.h>

#include <cstring>

namespace mifeng {

Result<sockaddr_un> unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    return Error(
        ErrorCode::kInvalidArgument, "bad-address",
        "The socket's path has more than " + std::to_string(sizeof address.sun_path - 1) + " bytes: " + path.string());
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

bool is_peer_of(int socket, ::uid_t user) {
  ::ucred credentials{};
  ::socklen_t size = sizeof credentials;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.uid == user;
}

}  // namespace mifeng
