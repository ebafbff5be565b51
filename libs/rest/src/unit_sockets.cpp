#include "mifeng/rest/unit_sockets.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "mifeng/messages/tools.h"
#include "mifeng/net/server.h"

namespace mifeng::rest {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

}  // namespace

struct UnitSockets::Impl {
  struct Socket {
    std::unique_ptr<net::HttpServer> server;
    ::ino_t inode = 0;
  };

  Impl(net::Runtime& runtime_in, Api& api_in, std::filesystem::path dir_in)
      : runtime(runtime_in), api(api_in), dir(std::move(dir_in)) {}

  net::Runtime& runtime;
  Api& api;
  std::filesystem::path dir;
  UniqueFd changes;
  UniqueFd stop;
  std::map<std::string, Socket> sockets;
  std::thread thread;

  static ::ino_t inode_of(const std::filesystem::path& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 ? info.st_ino : 0;
  }

  void listen(const std::string& name) {
    const auto path = dir / name / "platform.sock";
    net::ServerOptions options{.listen = net::UnixListen{path, 0666}};
    options.name = "unit " + name;
    options.max_connections = 16;
    options.max_body_bytes = messages::kMessageSizeMax;
    options.body_time_max = options.idle_timeout = kPatience;
    auto server = net::HttpServer::start(runtime, std::move(options), api.unit_handler(name));
    if (!server) {
      spdlog::error("no socket for unit {}: {}", name, server.error().message());
      return;
    }
    sockets[name] = Socket{std::move(*server), inode_of(path)};
  }

  void look() {
    std::error_code failure;
    std::map<std::string, Socket> kept;
    std::vector<std::string> missing;
    for (const auto& entry : std::filesystem::directory_iterator(dir, failure)) {
      if (!entry.is_directory(failure)) continue;
      const std::string name = entry.path().filename().string();
      const auto found = sockets.find(name);
      // A folder that was removed and made again has no socket, or another one.
      if (found != sockets.end() && found->second.inode != 0 &&
          inode_of(entry.path() / "platform.sock") == found->second.inode)
        kept.insert(sockets.extract(found));
      else
        missing.push_back(name);
    }
    sockets = std::move(kept);  // the rest ends here
    for (const std::string& name : missing) listen(name);
  }

  void loop() {
    for (;;) {
      look();
      pollfd fds[2] = {{changes.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}};
      // Also now and then without a change: a socket that could not be made is tried again.
      ::poll(fds, 2, 5000);
      if (fds[1].revents != 0) return;
      char events[4096];
      while (::read(changes.get(), events, sizeof events) > 0) continue;
    }
  }
};

UnitSockets::UnitSockets(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<UnitSockets>> UnitSockets::start(net::Runtime& runtime, Api& api, std::filesystem::path dir) {
  std::error_code failure;
  std::filesystem::create_directories(dir, failure);
  if (failure) return errno_error(failure.value(), "make " + dir.string());
  auto impl = std::make_unique<Impl>(runtime, api, std::move(dir));
  impl->changes = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  impl->stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (::inotify_add_watch(impl->changes.get(), impl->dir.c_str(),
                          IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR) < 0)
    return errno_error(errno, "watch " + impl->dir.string());
  impl->thread = std::thread([raw = impl.get()] { raw->loop(); });
  return std::unique_ptr<UnitSockets>(new UnitSockets(std::move(impl)));
}

UnitSockets::~UnitSockets() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(impl_->stop.get(), &one, sizeof one);
  impl_->thread.join();
}

}  // namespace mifeng::rest
