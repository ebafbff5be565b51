#include "mifeng/guard/model_link.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <optional>

#include "mifeng/guard/open_payload.h"
#include "mifeng/os/socket.h"
#include "mifeng/sealed/header.h"

namespace mifeng::guard {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr int kBacklog = 4;

// A descriptor of its own to wait with: the other stays its owner's.
Result<asio::posix::stream_descriptor> waiter(asio::io_context& io, int fd) {
  const int copy = ::dup(fd);
  if (copy < 0) return errno_error(errno, "duplicate a socket");
  return asio::posix::stream_descriptor(io, copy);
}

asio::awaitable<bool> wait_readable(asio::posix::stream_descriptor& descriptor) {
  error_code error;
  co_await descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

Result<UniqueFd> listen_at(const std::filesystem::path& path) {
  MIFENG_TRY(const sockaddr_un address, unix_address(path));
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno_error(errno, "make a Unix socket");
  ::unlink(path.c_str());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(socket.get(), kBacklog) != 0)
    return errno_error(errno, "listen at " + path.string());
  return socket;
}

Error broken(const std::string& why) { return Error(ErrorCode::kUnavailable, "link-broken", why); }

bool is_of_a_start(start::Word word) {
  return word == start::Word::kStarted || word == start::Word::kFailed || word == start::Word::kExited ||
         word == start::Word::kKilled;
}

}  // namespace

struct ModelLink::Impl {
  asio::io_context& io;
  std::filesystem::path path;
  ::uid_t peer;
  UniqueFd listening;
  std::optional<start::Link> link{};
  std::optional<asio::posix::stream_descriptor> readable{};
  std::uint32_t started = 0;
  bool taken = false;

  ~Impl() { stop_listening(); }
  void stop_listening() {
    if (!listening) return;
    ::unlink(path.c_str());
    listening.reset();
  }
  asio::awaitable<Result<void>> connect();
  asio::awaitable<Result<start::Received>> receive();
  asio::awaitable<Result<start::Received>> receive_within(milliseconds patience);
};

asio::awaitable<Result<void>> ModelLink::Impl::connect() {
  auto incoming = waiter(io, listening.get());
  if (!incoming) co_return incoming.error();
  for (;;) {
    if (!co_await wait_readable(*incoming)) co_return broken("the guard stops");
    UniqueFd socket(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    // Somebody else's is closed, and the next one may be the one that is waited for.
    if (!socket || !is_peer_of(socket.get(), peer)) continue;
    auto wait = waiter(io, socket.get());
    if (!wait) co_return wait.error();
    readable.emplace(std::move(*wait));
    link.emplace(std::move(socket));
    stop_listening();
    co_return ok();
  }
}

asio::awaitable<Result<start::Received>> ModelLink::Impl::receive() {
  for (;;) {
    auto received = link->receive();
    if (!received) co_return received.error();
    if (*received) co_return std::move(**received);
    if (!co_await wait_readable(*readable)) co_return broken("the guard stops");
  }
}

asio::awaitable<Result<start::Received>> ModelLink::Impl::receive_within(milliseconds patience) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(io, patience);
  error_code ignored;
  auto first = co_await (receive() || timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return Error(
      ErrorCode::kTimeout, "no-payload",
      "the model's container connected, and handed no payload over within " + std::to_string(patience.count()) + " ms");
}

ModelLink::ModelLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelLink::~ModelLink() = default;

Result<std::unique_ptr<ModelLink>> ModelLink::listen(asio::io_context& io, const std::filesystem::path& path,
                                                     ::uid_t peer) {
  MIFENG_TRY(UniqueFd listening, listen_at(path));
  return std::unique_ptr<ModelLink>(new ModelLink(
      std::unique_ptr<Impl>(new Impl{.io = io, .path = path, .peer = peer, .listening = std::move(listening)})));
}

asio::awaitable<Result<HandedPayload>> ModelLink::take_payload(milliseconds patience) {
  auto connected = co_await impl_->connect();
  if (!connected) co_return connected.error();
  auto received = co_await impl_->receive_within(patience);
  if (!received) co_return received.error();
  if (received->message.word != start::Word::kPayload)
    co_return Error(ErrorCode::kInvalidArgument, "bad-message",
                    "the model's container begins with something else than the payload");
  auto header = SealedFile::take(std::move(received->fds[0]), "header", sealed::kHeaderSizeMax);
  if (!header) co_return header.error();
  auto segments = SealedFile::take(std::move(received->fds[1]), "segments", kSegmentsSizeMax);
  if (!segments) co_return segments.error();
  impl_->taken = true;
  co_return HandedPayload{std::move(*header), std::move(*segments)};
}

Result<void> ModelLink::start() {
  if (!impl_->taken) return broken("no payload has been handed over");
  return impl_->link->send({start::Word::kStart, ++impl_->started, 0});
}

Result<void> ModelLink::end(milliseconds grace) {
  if (impl_->started == 0) return ok();
  const auto bounded = std::clamp<std::int64_t>(grace.count(), 0, start::kGraceMsMax);
  return impl_->link->send({start::Word::kEnd, impl_->started, static_cast<std::uint32_t>(bounded)});
}

std::uint32_t ModelLink::starts() const { return impl_->started; }

asio::awaitable<Result<start::Message>> ModelLink::next() {
  auto received = co_await impl_->receive();
  if (!received) co_return received.error();
  const start::Message& message = received->message;
  const bool of_last_start = is_of_a_start(message.word) && message.number == impl_->started;
  if (message.word != start::Word::kAsked && !of_last_start)
    co_return Error(ErrorCode::kInvalidArgument, "bad-message",
                    "the model's container says \"" + start::encode(message) + "\"");
  co_return message;
}

}  // namespace mifeng::guard
