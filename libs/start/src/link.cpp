#include "mifeng/start/link.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "mifeng/os/socket.h"

namespace mifeng::start {
namespace {

constexpr std::chrono::milliseconds kRetry{20};
constexpr std::size_t kPayloadFds = 2;
constexpr std::size_t kFdsMax = 16;  // room to see that there are too many; the kernel closes what is beyond

Error broken(const std::string& why) {
  return Error(ErrorCode::kUnavailable, "link-broken",
               "the connection to the unit's other container is broken: " + why);
}
Error bad(const std::string& why) { return Error(ErrorCode::kInvalidArgument, "bad-message", why); }

}  // namespace

Result<Link> Link::connect(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  MIFENG_TRY(const sockaddr_un address, unix_address(path));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return errno_error(errno, "make a Unix socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return Link(std::move(socket));
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(ErrorCode::kTimeout, "no-guard",
                   "no guard at " + path.string() + " (" + std::generic_category().message(errno) + ")");
    std::this_thread::sleep_for(kRetry);
  }
}

Result<void> Link::send(const Message& message, const std::vector<int>& fds) {
  std::string text = encode(message);
  iovec piece{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFdsMax)> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    if (fds.size() > kFdsMax) return bad("too many descriptors to hand over");
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return broken(std::generic_category().message(errno));
  return ok();
}

Result<std::optional<Received>> Link::receive() {
  std::array<char, kMessageMax + 1> text{};
  iovec piece{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFdsMax)> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Received>();
  if (got < 0) return broken(std::generic_category().message(errno));
  Received received;
  // Whatever else is wrong: what came is ours to close.
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  // An empty datagram looks like the end, and is none of ours either way.
  if (got == 0) return broken("it has ended");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return bad("a message that is too long, or has too many descriptors");
  MIFENG_TRY(received.message, decode(std::string_view(text.data(), static_cast<std::size_t>(got))));
  const std::size_t wanted = received.message.word == Word::kPayload ? kPayloadFds : 0;
  if (received.fds.size() != wanted)
    return bad("a message with " + std::to_string(received.fds.size()) + " descriptors instead of " +
               std::to_string(wanted));
  return std::optional<Received>(std::move(received));
}

}  // namespace mifeng::start
