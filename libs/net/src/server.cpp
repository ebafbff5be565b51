#include "mifeng/net/server.h"

#include <arpa/inet.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <condition_variable>
#include <map>
#include <mutex>

#include "mifeng/net/source.h"
#include "mifeng/os/socket.h"
#include "server_connection.h"
#include "strangers.h"
#include "tls_context.h"

namespace mifeng::net {
namespace {

using namespace std::chrono_literals;

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5; Debian 12's headers do not have it
#endif

std::string address_of(const sockaddr_storage& name) {
  char text[INET6_ADDRSTRLEN] = "";
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "unix";
}

// Nothing where the kernel does not say who it is, or where it has ended already.
std::optional<PeerProcess> peer_process(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid <= 0) return std::nullopt;
  int pidfd = -1;
  size = sizeof pidfd;
  // The kernel's own pidfd of the peer, where it has that; by number else, which could name a later process if
  // the peer died in between. Whoever relies on the number must compare it with something that this process alone is,
  // and check that the pidfd is alive after that.
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0)
    pidfd = static_cast<int>(::syscall(SYS_pidfd_open, credentials.pid, 0));
  if (pidfd < 0) return std::nullopt;
  PeerProcess peer{credentials.pid, credentials.uid, credentials.gid, std::make_shared<UniqueFd>(pidfd)};
  if (!peer.alive()) return std::nullopt;
  return peer;
}

Result<UniqueFd> listen_tcp(const TcpListen& where) {
  sockaddr_storage name{};
  socklen_t size = 0;
  auto& v4 = reinterpret_cast<sockaddr_in&>(name);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
  if (::inet_pton(AF_INET, where.address.c_str(), &v4.sin_addr) == 1) {
    name.ss_family = AF_INET;
    v4.sin_port = htons(where.port);
    size = sizeof v4;
  } else if (::inet_pton(AF_INET6, where.address.c_str(), &v6.sin6_addr) == 1) {
    name.ss_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    size = sizeof v6;
  } else {
    return Error(ErrorCode::kInvalidArgument, "bad-address",
                 "\"" + where.address + "\" is no address to listen on; give one like 127.0.0.1 or ::1.");
  }
  UniqueFd fd(::socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error(errno, "make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int off = 0;
  if (name.ss_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    const std::string at = where.address + " port " + std::to_string(where.port);
    if (errno == EADDRINUSE)
      return Error(ErrorCode::kConflict, "address-in-use",
                   "Something else listens on " + at + "; stop it or choose another port.");
    if (errno == EADDRNOTAVAIL)
      return Error(ErrorCode::kInvalidArgument, "bad-address", "This machine has no address " + where.address + ".");
    return errno_error(errno, "listen on " + at);
  }
  if (::listen(fd.get(), 512) != 0) return errno_error(errno, "listen");
  return fd;
}

Result<UniqueFd> listen_unix(const UnixListen& where) {
  const std::string path = where.path.string();
  MIFENG_TRY(const sockaddr_un name, unix_address(where.path));
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return Error(ErrorCode::kConflict, "address-in-use", path + " is there and is no socket; move it away.");
    ::unlink(path.c_str());
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error(errno, "make a socket");
  // The mode before anyone can connect: listen comes after chmod.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return errno_error(errno, "listen on " + path);
  if (::chmod(path.c_str(), where.mode) != 0) return errno_error(errno, "set the mode of " + path);
  if (::listen(fd.get(), 512) != 0) return errno_error(errno, "listen");
  return fd;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  struct Connection final : ConnectionWatch {
    Connection(Impl& owner, const asio::any_io_executor& executor)
        : server(owner), strand(asio::make_strand(executor)) {}
    void set_phase(Phase now) override { phase = now; }
    bool stopping() const override { return server.stopping; }
    bool stranger() const override { return unknown; }

    Impl& server;
    std::atomic<bool> unknown = true;
    asio::strand<asio::any_io_executor> strand;
    asio::cancellation_signal signal;
    std::unique_ptr<Wire> wire;
    Phase phase = Phase::kIdle;
  };

  Impl(asio::any_io_executor executor_in, ServerOptions options_in, Handler handler_in)
      : executor(std::move(executor_in)),
        strand(asio::make_strand(executor)),
        options(std::move(options_in)),
        handler(std::move(handler_in)),
        acceptor(strand),
        strangers(options.strangers) {}

  asio::any_io_executor executor;
  asio::strand<asio::any_io_executor> strand;
  ServerOptions options;
  Handler handler;
  std::shared_ptr<SSL_CTX> tls;             // shared with the connections that run
  asio::posix::stream_descriptor acceptor;  // only waited on; accept4() gives the flags that we want
  asio::cancellation_signal accept_signal;
  std::uint16_t port = 0;

  std::atomic<bool> stopping = false;
  mutable std::mutex mutex;
  std::condition_variable changed;
  Notifier room;                                                     // a connection ended
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections;  // shared with the running coroutine
  Strangers strangers;
  std::uint64_t next = 0;
  bool accepting = false;

  std::size_t count() const {
    const std::lock_guard lock(mutex);
    return connections.size();
  }

  asio::awaitable<void> accept_loop() {
    while (!stopping) {
      const std::uint64_t seen = room.count();
      if (count() >= options.max_connections) {
        co_await room.wait(seen, 1h);
        continue;
      }
      boost::system::error_code ec;
      co_await acceptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      sockaddr_storage name{};
      socklen_t size = sizeof name;
      UniqueFd socket(
          ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&name), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
          spdlog::warn("{}: cannot accept a connection: {}", options.name, std::generic_category().message(errno));
          // Nothing says when there are descriptors again.
          co_await sleep_for(200ms);
        }
        continue;
      }
      Peer peer;
      peer.address = address_of(name);
      peer.tls = tls != nullptr;
      if (name.ss_family == AF_UNIX || size == sizeof(sa_family_t)) {
        peer.address = "unix";
        peer.process = peer_process(socket.get());
      } else {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
      }
      start_connection(std::move(socket), std::move(peer));
    }
  }

  void start_connection(UniqueFd socket, Peer peer) {
    auto connection = std::make_shared<Connection>(*this, executor);
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      id = next++;
      connections.emplace(id, connection);
      const bool unix = peer.process.has_value() || peer.address == "unix";
      if (unix) connection->unknown = false;
      if (const auto goes = unix ? std::nullopt : strangers.add(id, one_source(peer.address)))
        end(connections.at(*goes));
    }
    // Weak: the connection keeps the peer.
    peer.known = [self = shared_from_this(), which = std::weak_ptr(connection), id] {
      if (const auto known = which.lock()) known->unknown = false;
      const std::lock_guard lock(self->mutex);
      self->strangers.remove(id);
    };
    auto fd = std::make_shared<UniqueFd>(std::move(socket));  // shared: a posted function is copied
    asio::post(connection->strand, [self = shared_from_this(), connection, id, fd, peer = std::move(peer)]() mutable {
      connection->wire = make_plain_wire(connection->strand, std::move(*fd));
      asio::co_spawn(
          connection->strand, self->run(connection, std::move(peer)),
          asio::bind_cancellation_slot(connection->signal.slot(),
                                       [self, connection, id](std::exception_ptr thrown) { self->ended(id, thrown); }));
    });
  }

  asio::awaitable<void> run(std::shared_ptr<Connection> connection, Peer peer) {
    if (tls) {
      auto secured = co_await accept_tls(std::move(connection->wire), tls, options.header_timeout);
      if (!secured) {
        spdlog::debug("{}: {}: TLS: {}", options.name, peer.address, secured.error().message());
        co_return;
      }
      connection->wire = std::move(*secured);
    }
    co_await serve_connection(*connection->wire, std::move(peer), options, handler, *connection);
  }

  void ended(std::uint64_t id, const std::exception_ptr& thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted)
        spdlog::error("{}: a connection ended: {}", options.name, error.what());
    } catch (const std::exception& error) {
      spdlog::error("{}: a connection ended: {}", options.name, error.what());
    }
    {
      const std::lock_guard lock(mutex);
      connections.erase(id);
      strangers.remove(id);
      changed.notify_all();
    }
    room.notify();
  }

  static void end(const std::shared_ptr<Connection>& connection) {
    asio::post(connection->strand, [connection] { connection->signal.emit(asio::cancellation_type::terminal); });
  }

  enum class Which { kNotBusy, kAll };
  void cancel(Which which) {
    const std::lock_guard lock(mutex);
    for (const auto& [id, connection] : connections) {
      asio::post(connection->strand, [connection = connection, which] {
        if (which == Which::kNotBusy && connection->phase == Phase::kBusy) return;
        connection->signal.emit(asio::cancellation_type::terminal);
      });
    }
  }
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(0ms); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(Runtime& runtime, ServerOptions options, Handler handler) {
  auto impl = std::make_shared<Impl>(runtime.executor(), std::move(options), std::move(handler));
  if (impl->options.tls) {
    MIFENG_TRY(impl->tls, make_server_context(*impl->options.tls));
  }
  const auto* tcp = std::get_if<TcpListen>(&impl->options.listen);
  auto listening = tcp != nullptr ? listen_tcp(*tcp) : listen_unix(std::get<UnixListen>(impl->options.listen));
  if (!listening) return std::move(listening).error();
  if (tcp != nullptr) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(listening->get(), reinterpret_cast<sockaddr*>(&name), &size);
    impl->port = ntohs(name.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(name).sin_port
                                                 : reinterpret_cast<sockaddr_in6&>(name).sin6_port);
  }
  impl->acceptor.assign(listening->release());
  impl->accepting = true;
  asio::post(impl->strand, [impl] {
    asio::co_spawn(impl->strand, impl->accept_loop(),
                   asio::bind_cancellation_slot(impl->accept_signal.slot(), [impl](std::exception_ptr thrown) {
                     try {
                       if (thrown) std::rethrow_exception(thrown);
                     } catch (const std::exception& error) {
                       if (!impl->stopping)
                         spdlog::error("{}: no longer accepts: {}", impl->options.name, error.what());
                     }
                     boost::system::error_code ignored;
                     impl->acceptor.close(ignored);
                     const std::lock_guard lock(impl->mutex);
                     impl->accepting = false;
                     impl->changed.notify_all();
                   }));
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }
std::size_t HttpServer::connections() const { return impl_->count(); }

void HttpServer::stop(std::chrono::milliseconds grace) {
  impl_->stopping = true;
  asio::post(impl_->strand, [impl = impl_] {
    impl->accept_signal.emit(asio::cancellation_type::terminal);
    boost::system::error_code ignored;
    impl->acceptor.close(ignored);
  });
  const auto gone = [this] { return !impl_->accepting && impl_->connections.empty(); };
  impl_->cancel(Impl::Which::kNotBusy);
  {
    std::unique_lock lock(impl_->mutex);
    if (impl_->changed.wait_for(lock, grace, gone)) return;
  }
  impl_->cancel(Impl::Which::kAll);
  // Handlers refer to what their owner owns, so nothing may go before they have ended. A handler that is busy in a
  // BlockingPool ends with its job.
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, gone);
}

}  // namespace mifeng::net
