#include "wire.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cerrno>

#include "mifeng/base/phrase.h"
#include "tls_context.h"

namespace mifeng::net {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;
// One protocol for TCP and Unix sockets, so that all templates behind it are compiled once.
using Protocol = asio::generic::stream_protocol;
using Plain = beast::basic_stream<Protocol, asio::any_io_executor>;
using Tls = beast::ssl_stream<Plain>;

Error wire_error(const error_code& ec) {
  if (ec == beast::error::timeout)
    return Error(ErrorCode::kTimeout, "timeout", "The other side did not go on in time.");
  if (ec == asio::error::operation_aborted)
    return Error(ErrorCode::kCancelled, "cancelled", "The connection was closed by this side.");
  return Error(ErrorCode::kCancelled, "peer-closed", "The connection was lost: " + ec.message() + ".");
}

template <typename Stream>
class StreamWire final : public Wire {
 public:
  template <typename... Args>
  explicit StreamWire(Args&&... args) : stream_(std::forward<Args>(args)...) {}

  Task<std::size_t> read_some(MutableBytes into, Milliseconds timeout) override {
    error_code ec;
    // Not expires_after(), which closes the connection: a peer that is too slow is told so before that.
    lowest().expires_never();
    ReadDeadline deadline(*this, co_await asio::this_coro::executor, timeout);
    const std::size_t count = co_await stream_.async_read_some(asio::buffer(into.data(), into.size()),
                                                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec && deadline.fired()) co_return wire_error(beast::error::timeout);
    if (ec == asio::error::eof) co_return std::size_t{0};
    // A connection cut without close_notify may be a cut-off answer; HTTP's own framing decides that.
    if (ec == asio::ssl::error::stream_truncated) co_return std::size_t{0};
    if (ec) co_return wire_error(ec);
    co_return count;
  }

  Task<void> write(ByteView bytes, Milliseconds timeout) override {
    while (!bytes.empty()) {
      const ByteView piece = bytes.first(std::min<std::size_t>(bytes.size(), 64 * 1024));
      error_code ec;
      lowest().expires_after(timeout);
      co_await asio::async_write(stream_, asio::buffer(piece.data(), piece.size()),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return wire_error(ec);
      bytes = bytes.subspan(piece.size());
    }
    co_return ok();
  }

  asio::awaitable<void> wait_peer_closed() override {
    error_code ec;
    char byte = 0;
    ::ssize_t count = -1;
    do {
      co_await lowest().socket().async_wait(asio::socket_base::wait_read,
                                            asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      count = ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      // The readiness may be that of the request, told by the reactor after another thread had read it.
    } while (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
    // On TLS what comes after the request is its close_notify. On a plain connection it is the next request: then
    // only a write can tell, and this never returns by itself.
    if (count > 0 && std::is_same_v<Stream, Plain>) {
      asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }

  bool has_input() const override {
    if constexpr (std::is_same_v<Stream, Plain>) {
      pollfd input{fd(), POLLIN, 0};
      return ::poll(&input, 1, 0) > 0;
    } else {
      return false;
    }
  }

  asio::awaitable<void> end_sending(Milliseconds timeout) override {
    if constexpr (std::is_same_v<Stream, Tls>) {
      error_code ec;
      lowest().expires_after(timeout);
      co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
    }
    error_code ignored;
    lowest().socket().shutdown(asio::socket_base::shutdown_send, ignored);
    (void)timeout;
    co_return;
  }

  void close() override { lowest().close(); }
  int fd() const override { return const_cast<StreamWire*>(this)->lowest().socket().native_handle(); }

  Plain& lowest() { return beast::get_lowest_layer(stream_); }
  Stream& stream() { return stream_; }

 private:
  // Cancels the read that runs while it lives, and no later one.
  class ReadDeadline {
   public:
    ReadDeadline(StreamWire& wire, const asio::any_io_executor& executor, Milliseconds timeout)
        : timer_(executor, timeout) {
      timer_.async_wait([state = state_, &wire](const error_code& ec) {
        if (ec || state->over) return;
        state->fired = true;
        wire.lowest().cancel();
      });
    }
    ~ReadDeadline() { state_->over = true; }  // the timer's own end may be on its way already
    bool fired() const { return state_->fired; }

   private:
    struct State {
      bool over = false;
      bool fired = false;
    };
    std::shared_ptr<State> state_ =
        std::make_shared<State>();  // shared with the timer's handler, which may outlive this
    asio::steady_timer timer_;
  };

  Stream stream_;
};

using PlainWire = StreamWire<Plain>;
using TlsWire = StreamWire<Tls>;

// asio::ssl::context owns its SSL_CTX alone; ours is shared, so each takes a reference of its own.
asio::ssl::context borrow(const std::shared_ptr<SSL_CTX>& context) {
  ::SSL_CTX_up_ref(context.get());
  return asio::ssl::context(context.get());
}

// The stream refers to the context, so both go together.
class OwningTlsWire final : public Wire {
 public:
  OwningTlsWire(Plain&& plain, const std::shared_ptr<SSL_CTX>& context)
      : context_(borrow(context)), wire_(std::move(plain), context_) {}
  Task<std::size_t> read_some(MutableBytes into, Milliseconds timeout) override {
    return wire_.read_some(into, timeout);
  }
  Task<void> write(ByteView bytes, Milliseconds timeout) override { return wire_.write(bytes, timeout); }
  asio::awaitable<void> wait_peer_closed() override { return wire_.wait_peer_closed(); }
  bool has_input() const override { return wire_.has_input(); }
  asio::awaitable<void> end_sending(Milliseconds timeout) override { return wire_.end_sending(timeout); }
  void close() override { wire_.close(); }
  int fd() const override { return wire_.fd(); }
  TlsWire& inner() { return wire_; }

 private:
  asio::ssl::context context_;
  TlsWire wire_;
};

Task<std::unique_ptr<Wire>> connect_tls(Plain plain, const ConnectTls& tls, Milliseconds timeout) {
  auto wire = std::make_unique<OwningTlsWire>(std::move(plain), tls.context);
  Tls& stream = wire->inner().stream();
  error_code ignored;
  asio::ip::make_address(tls.host, ignored);
  const bool is_name = static_cast<bool>(ignored);
  if (is_name) ::SSL_set_tlsext_host_name(stream.native_handle(), tls.host.c_str());
  if (tls.pinned_sm3.empty()) stream.set_verify_callback(asio::ssl::host_name_verification(tls.host));
  error_code ec;
  wire->inner().lowest().expires_after(timeout);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
  if (ec == beast::error::timeout || ec == asio::error::operation_aborted) co_return wire_error(ec);
  if (ec)
    co_return Error(ErrorCode::kVerificationFailed, "bad-tls-certificate",
                    "The TLS connection to " + tls.host + " was refused: " + ec.message() +
                        ". Check the address, or give the CA file or the certificate's fingerprint.");
  if (!tls.pinned_sm3.empty()) {
    auto found = peer_fingerprint(stream.native_handle());
    if (!found || *found != tls.pinned_sm3)
      co_return Error(ErrorCode::kVerificationFailed, "bad-tls-certificate",
                      "The certificate of " + tls.host + " is not the one that was expected; its fingerprint is " +
                          found.value_or("unknown") + ".");
  }
  co_return std::unique_ptr<Wire>(std::move(wire));
}

}  // namespace

std::unique_ptr<Wire> make_plain_wire(const asio::any_io_executor& strand, UniqueFd socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
  Protocol::socket taken(strand);
  error_code ec;
  const int handle = socket.release();
  taken.assign(Protocol(name.ss_family, 0), handle, ec);
  if (ec) ::close(handle);
  return std::make_unique<PlainWire>(std::move(taken));
}

Task<std::unique_ptr<Wire>> accept_tls(std::unique_ptr<Wire> plain, std::shared_ptr<SSL_CTX> context,
                                       Milliseconds timeout) {
  auto& inner = static_cast<PlainWire&>(*plain);
  auto wire = std::make_unique<OwningTlsWire>(std::move(inner.stream()), context);
  error_code ec;
  wire->inner().lowest().expires_after(timeout);
  co_await wire->inner().stream().async_handshake(asio::ssl::stream_base::server,
                                                  asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return wire_error(ec);
  co_return std::unique_ptr<Wire>(std::move(wire));
}

namespace {

Error no_answer(const std::string& where, Milliseconds waited) {
  return {ErrorCode::kTimeout, "no-answer", phrase("No answer from {} within {} ms.", where, waited.count())};
}

Error cannot_connect(const std::string& where, const error_code& why) {
  return {ErrorCode::kUnavailable, "cannot-connect", phrase("Cannot connect to {}: {}.", where, why.message())};
}

}  // namespace

Task<std::unique_ptr<Wire>> connect_tcp(std::string host, std::uint16_t port, const ConnectTls* tls,
                                        Milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const std::string where = host + " port " + std::to_string(port);
  error_code ec;
  std::vector<asio::ip::tcp::endpoint> endpoints;
  const auto address = asio::ip::make_address(host, ec);
  if (!ec) {
    endpoints.emplace_back(address, port);
  } else {
    asio::ip::tcp::resolver resolver(executor);
    const auto found =
        co_await resolver.async_resolve(host, std::to_string(port), asio::redirect_error(asio::use_awaitable, ec));
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (const auto& endpoint : endpoints) {
    Plain stream(executor);
    stream.expires_at(deadline);
    co_await stream.async_connect(Protocol::endpoint(endpoint), asio::redirect_error(asio::use_awaitable, ec));
    if (ec) continue;
    const int on = 1;
    ::setsockopt(stream.socket().native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls != nullptr) {
      const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
      co_return co_await connect_tls(std::move(stream), *tls, std::max(left, Milliseconds(1)));
    }
    co_return std::unique_ptr<Wire>(std::make_unique<PlainWire>(std::move(stream)));
  }
  if (ec == beast::error::timeout) co_return no_answer(where, timeout);
  co_return cannot_connect(where, ec);
}

Task<std::unique_ptr<Wire>> connect_unix(std::string path, Milliseconds timeout) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    co_return Error(ErrorCode::kInvalidArgument, "bad-url",
                    "The socket's path is too long (over " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                        " bytes): " + path);
  Plain stream(co_await asio::this_coro::executor);
  error_code ec;
  stream.expires_after(timeout);
  co_await stream.async_connect(Protocol::endpoint(asio::local::stream_protocol::endpoint(path)),
                                asio::redirect_error(asio::use_awaitable, ec));
  if (ec == beast::error::timeout) co_return no_answer(path, timeout);
  if (ec) co_return cannot_connect(path, ec);
  co_return std::unique_ptr<Wire>(std::make_unique<PlainWire>(std::move(stream)));
}

}  // namespace mifeng::net
