#include "mifeng/keyholder/listen_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

namespace mifeng::keyholder {

namespace {

constexpr int kBacklog = 511;  // nginx's own default on Linux

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
};

Result<Address> parse_address(const std::string& text, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
  } else {
    return Error(ErrorCode::kInvalidArgument, "bad-address",
                 "\"" + text + "\" is no numeric address to listen on; use 127.0.0.1, 0.0.0.0, ::1 or ::");
  }
  return address;
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const std::string& address, std::uint16_t port) {
  MIFENG_TRY(Address where, parse_address(address, port));
  UniqueFd fd(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd && errno == EAFNOSUPPORT)
    return Error(ErrorCode::kUnavailable, "no-such-family", "the kernel has no addresses like " + address);
  if (!fd) return errno_error(errno, "make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    const std::string name = address + " port " + std::to_string(port);
    if (error == EADDRINUSE)
      return Error(ErrorCode::kConflict, "port-taken", "another program listens on " + name + " already");
    if (error == EADDRNOTAVAIL && where.family() == AF_INET6)
      return Error(ErrorCode::kUnavailable, "no-such-family", "this host has no address " + address);
    return errno_error(error, "listen on " + name);
  }
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where.storage), &where.size);
  const std::uint16_t bound =
      ntohs(where.family() == AF_INET ? reinterpret_cast<const sockaddr_in*>(&where.storage)->sin_port
                                      : reinterpret_cast<const sockaddr_in6*>(&where.storage)->sin6_port);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return errno_error(errno, "look at a socket");
  std::string name = (where.family() == AF_INET ? address : "[" + address + "]") + ":" + std::to_string(bound);
  return ListenSocket(std::move(fd), bound, status.st_ino, std::move(name));
}

Result<void> ListenSocket::stop_new_connections() const {
  // The kernel shows a listening socket's filter the packet from its TCP header on; the flags are its byte 13. What the
  // filter returns is how much of the packet is kept: nothing of a SYN.
  constexpr std::uint32_t kFlags = 13;
  constexpr std::uint32_t kSyn = 0x02;
  ::sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0xffff'ffff)};
  const ::sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return errno_error(errno, "stop new connections to " + name_);
  return ok();
}

Result<std::vector<ListenSocket>> ListenSocket::open_all(std::uint16_t port) {
  std::vector<ListenSocket> sockets;
  MIFENG_TRY(ListenSocket v4, open("0.0.0.0", port));
  sockets.push_back(std::move(v4));
  auto v6 = open("::", sockets[0].port());
  if (v6) {
    sockets.push_back(std::move(*v6));
  } else if (v6.error().reason() != "no-such-family") {
    return v6.error();
  }
  return sockets;
}

}  // namespace mifeng::keyholder
