#include "mifeng/stack/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "mifeng/base/phrase.h"
#include "mifeng/json/value.h"

namespace mifeng::stack {
namespace {

constexpr std::int64_t kLogBytesMax = 16 << 20;
constexpr std::size_t kReadyLineMax = 4096;

Result<UniqueFd> open_log(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > kLogBytesMax)
    ::rename(path.c_str(), (path.string() + ".1").c_str());
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return errno_error(errno, "open " + path.string());
  return fd;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options) {
  MIFENG_TRY(UniqueFd log, open_log(options.log));
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return errno_error(errno, "open /dev/null");
  UniqueFd read_end;
  UniqueFd write_end;
  options.child.fds[0] = null.get();
  options.child.fds[1] = log.get();
  options.child.fds[2] = log.get();
  if (options.ready_line) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    options.child.fds[3] = write_end.get();
    options.child.argv.insert(options.child.argv.end(), {"--ready-fd", "3"});
  }
  options.child.new_process_group = true;
  options.child.parent_death_signal = 9;
  auto process = ChildProcess::start(options.child);
  if (!process && process.error().code() == ErrorCode::kNotFound)
    return Error(
        ErrorCode::kNotFound, "no-such-program",
        phrase("start {}: there is no program {} in PATH; `mifeng doctor` says what this machine lacks and how "
               "to get it",
               options.name, options.child.argv[0]));
  if (!process) return process.error().with_context("start " + options.name);
  return std::unique_ptr<Service>(new Service(std::move(options), std::move(*process), std::move(read_end)));
}

Error Service::ended_error() {
  const auto ended = process_.wait(std::nullopt);
  const std::string tail = log_tail();
  const std::string how = ended ? ended->describe() : std::string("unknown");
  return Error(
      ErrorCode::kUnavailable, "service-ended",
      tail.empty()
          ? phrase("{} has ended ({}); its log {} is empty", options_.name, how, options_.log.string())
          : phrase("{} has ended ({}); its log {} ends with:\n{}", options_.name, how, options_.log.string(), tail));
}

Result<void> Service::check() {
  if (!process_.wait(std::nullopt)) return ok();
  return ended_error();
}

Result<std::string> Service::wait_ready(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return Error(ErrorCode::kTimeout, "service-not-ready",
                   phrase("{} was not ready within {} s; its log is {}", options_.name, timeout.count() / 1000,
                          options_.log.string()));
    pollfd wait{ready_.get(), POLLIN, 0};
    const int woken = ::poll(&wait, 1, static_cast<int>(left.count()));
    if (woken < 0 && errno != EINTR) return errno_error(errno, "poll");
    if (woken <= 0) continue;
    char buffer[1024];
    const ssize_t got = ::read(ready_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || line.size() + static_cast<std::size_t>(got) > kReadyLineMax) {
      // The end of the pipe is the end of the program, which is a moment away.
      if (!process_.wait(std::chrono::seconds(2)))
        return Error(ErrorCode::kInternal, "bad-ready-line",
                     options_.name + " closed its ready descriptor without a word");
      return ended_error();
    }
    line.append(buffer, static_cast<std::size_t>(got));
  }
  ready_.reset();
  auto object = json::parse_object(line);
  if (!object) return object.error().with_context("ready line of " + options_.name);
  const json::Value* url = object->find("url");
  if (url == nullptr || url->if_string() == nullptr)
    return Error(ErrorCode::kInternal, "bad-ready-line", options_.name + " said that it is ready, but not where");
  return *url->if_string();
}

Result<void> Service::wait_until(std::chrono::milliseconds timeout, const std::function<bool()>& probe) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    if (probe()) return ok();
    // The end of the process wakes us; until then the probe is asked ten times a second.
    pollfd wait{process_.pidfd(), POLLIN, 0};
    if (::poll(&wait, 1, 100) > 0) return ended_error();
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(ErrorCode::kTimeout, "service-not-ready",
                   phrase("{} does not work after {} s; its log is {}", options_.name, timeout.count() / 1000,
                          options_.log.string()));
  }
}

ChildExit Service::stop(std::chrono::milliseconds grace) { return process_.stop(grace); }

std::string Service::log_tail(std::size_t lines) const {
  const UniqueFd fd(::open(options_.log.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  std::string text(4096, '\0');
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(text.size()));
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), from);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t begin = text.size();
  for (std::size_t i = 0; i < lines && begin != std::string::npos && begin > 0; ++i)
    begin = text.rfind('\n', begin - 1);
  return begin == std::string::npos || begin == 0 ? text : text.substr(begin + 1);
}

bool loopback_port_is_free(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::listen(fd.get(), 1) == 0;
}

Result<std::uint16_t> pick_loopback_port(std::uint16_t wanted) {
  if (wanted != 0 && loopback_port_is_free(wanted)) return wanted;
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return Error(ErrorCode::kUnavailable, "no-port", "no port of 127.0.0.1 could be opened");
  return ntohs(address.sin_port);
}

}  // namespace mifeng::stack
