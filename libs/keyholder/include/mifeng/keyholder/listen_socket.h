// Listening sockets that we open ourselves and hand to nginx (NGINX=fd;fd;), so that we know their inodes: any other
// one in the network namespace is somebody else's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng::keyholder {

class ListenSocket {
 public:
  // A numeric address, IPv4 or IPv6 (without brackets; takes no IPv4 then); port 0: the system chooses.
  // kConflict "port-taken", kInvalidArgument "bad-address", kUnavailable "no-such-family" where the kernel has no IPv6.
  static Result<ListenSocket> open(const std::string& address, std::uint16_t port);
  // On every address of this host: IPv4, and IPv6 where the kernel has it.
  static Result<std::vector<ListenSocket>> open_all(std::uint16_t port);

  // From now on nobody's first packet is answered, whoever else holds the socket: whoever connects tries again, for a
  // second at least, and is refused once it has been shut down. What was begun before can still be taken. So a socket
  // is closed without resetting a connection that is just being made, which may have brought a request by then.
  Result<void> stop_new_connections() const;

  int fd() const { return fd_.get(); }
  std::uint16_t port() const { return port_; }
  std::uint64_t inode() const { return inode_; }
  // As in nginx's `listen`: "0.0.0.0:8080", "[::]:8080". nginx finds the inherited socket by this.
  const std::string& name() const { return name_; }

 private:
  ListenSocket(UniqueFd fd, std::uint16_t port, std::uint64_t inode, std::string name)
      : fd_(std::move(fd)), port_(port), inode_(inode), name_(std::move(name)) {}
  UniqueFd fd_;
  std::uint16_t port_;
  std::uint64_t inode_;
  std::string name_;
};

}  // namespace mifeng::keyholder
