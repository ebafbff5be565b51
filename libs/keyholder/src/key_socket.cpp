#include "mifeng/keyholder/key_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <set>

#include "mifeng/proxy/router.h"

namespace mifeng::keyholder {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using boost::system::error_code;

// A worker that does not read what it is sent is cut off: one whole table and what comes after it.
constexpr std::size_t kUnsentMax = proxy::kKeyholderFrameMax * 2;
constexpr std::size_t kHeldMax = 4096;

}  // namespace

// One worker's connection. Shared by the reads and writes that are under way; the server holds it as well.
struct KeySocketServer::Impl : std::enable_shared_from_this<KeySocketServer::Impl> {
  struct Connection : std::enable_shared_from_this<Connection> {
    Connection(Protocol::socket taken, std::weak_ptr<Impl> owner)
        : socket(std::move(taken)), server(std::move(owner)) {}

    Protocol::socket socket;
    std::weak_ptr<Impl> server;
    proxy::FrameReader reader{proxy::kWorkerFrameMax};
    std::array<std::uint8_t, 65536> buffer;
    std::deque<std::shared_ptr<const Bytes>> unsent;  // a table's frame is shared by all connections
    std::size_t unsent_size = 0;
    bool greeted = false;
    bool closed = false;
    std::uint64_t table_taken = 0;
    bool has_seal_key = false;
    bool drained = false;

    void read();
    void send(Bytes frame, bool secret);
    void send(std::shared_ptr<const Bytes> frame);
    void write();
    void close();
  };
  // An unwrap whose signer is not known yet.
  struct Held {
    std::weak_ptr<Connection> from;
    proxy::UnwrapRequest request;
    std::chrono::steady_clock::time_point until;
  };

  Impl(asio::io_context& context, KeySocketOptions opts, KeySocketCallbacks calls)
      : io(context), options(std::move(opts)), callbacks(std::move(calls)), acceptor(context), timer(context) {}

  asio::io_context& io;
  KeySocketOptions options;
  KeySocketCallbacks callbacks;
  Protocol::acceptor acceptor;
  asio::steady_timer timer;  // for what is held
  bool timer_runs = false;
  bool stopped = false;
  std::set<std::shared_ptr<Connection>> connections;
  std::deque<Held> held;
  std::shared_ptr<const Bytes> table_frame;
  std::uint64_t serial = 0;
  std::uint64_t serial_told = 0;
  proxy::GuardState state;

  void log(const std::string& line) const {
    if (callbacks.on_log) callbacks.on_log(line);
  }
  void accept();
  bool may_connect(Protocol::socket& socket) const;
  void on_message(Connection& connection, proxy::WorkerMessage message);
  void greet(Connection& connection, const proxy::Hello& hello);
  void unwrap(Connection& connection, proxy::UnwrapRequest request);
  // False where its signer is (still) unknown.
  bool answer(Connection& connection, const proxy::UnwrapRequest& request, bool may_wait);
  void answer_held(bool table_is_new);
  void start_timer();
  void tell_table_taken();
  // Whether it holds for every worker that has said who it is, and there is one.
  template <typename Predicate>
  bool all_workers(Predicate holds) const {
    std::size_t workers = 0;
    for (const auto& connection : connections) {
      if (!connection->greeted) continue;
      ++workers;
      if (!holds(*connection)) return false;
    }
    return workers > 0;
  }
  void stop();
};

// --- A connection. ---

void KeySocketServer::Impl::Connection::read() {
  socket.async_read_some(asio::buffer(buffer), [self = shared_from_this()](error_code error, std::size_t size) {
    const auto owner = self->server.lock();
    if (error || owner == nullptr) return self->close();
    self->reader.feed(ByteView(self->buffer.data(), size));
    for (;;) {
      const auto frame = self->reader.next();
      if (frame && frame->empty()) break;
      auto message = frame ? proxy::decode_worker_message(*frame) : Result<proxy::WorkerMessage>(frame.error());
      if (!message) {
        owner->log("a worker is cut off: " + message.error().message());
        return self->close();
      }
      owner->on_message(*self, *std::move(message));
      if (self->closed) return;
    }
    self->read();
  });
}

void KeySocketServer::Impl::Connection::send(Bytes frame, bool secret) {
  if (!secret) return send(std::make_shared<const Bytes>(std::move(frame)));
  // Wiped when it was sent, or never will be.
  const auto wiping = [](Bytes* bytes) {
    wipe(bytes->data(), bytes->size());
    delete bytes;
  };
  send(std::shared_ptr<const Bytes>(std::shared_ptr<Bytes>(new Bytes(std::move(frame)), wiping)));
}

void KeySocketServer::Impl::Connection::send(std::shared_ptr<const Bytes> frame) {
  if (closed) return;
  unsent_size += frame->size();
  if (unsent_size > kUnsentMax) {
    if (const auto owner = server.lock()) owner->log("a worker is cut off: it does not read what it is sent");
    return close();
  }
  unsent.push_back(std::move(frame));
  if (unsent.size() == 1) write();
}

void KeySocketServer::Impl::Connection::write() {
  const auto frame = unsent.front();
  asio::async_write(socket, asio::buffer(*frame), [self = shared_from_this(), frame](error_code error, std::size_t) {
    if (error || self->closed) return self->close();
    self->unsent_size -= frame->size();
    self->unsent.pop_front();
    if (!self->unsent.empty()) self->write();
  });
}

void KeySocketServer::Impl::Connection::close() {
  if (closed) return;
  closed = true;
  error_code ignored;
  socket.close(ignored);
  if (const auto owner = server.lock()) {
    owner->connections.erase(shared_from_this());
    owner->tell_table_taken();
    if (!owner->stopped && owner->callbacks.on_workers_changed) owner->callbacks.on_workers_changed();
  }
}

// --- The server. ---

bool KeySocketServer::Impl::may_connect(Protocol::socket& socket) const {
  ::ucred peer{};
  ::socklen_t size = sizeof(peer);
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid != ::geteuid() && (!options.worker_uid || peer.uid != *options.worker_uid)) return false;
  return !options.is_worker || options.is_worker(peer.pid);
}

void KeySocketServer::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code error, Protocol::socket socket) {
    if (self->stopped) return;
    if (error) {
      // Out of descriptors, most likely: later again.
      const auto later = std::make_shared<asio::steady_timer>(self->io, std::chrono::milliseconds(100));
      return later->async_wait([self, later](error_code) {
        if (!self->stopped) self->accept();
      });
    }
    if (!self->may_connect(socket)) {
      self->log("a process that is no worker of ours asked at the key socket and was turned away");
    } else if (self->connections.size() >= self->options.connections_max) {
      self->log("a worker was turned away: the key socket has as many connections as it may have");
    } else {
      const auto connection = std::make_shared<Connection>(std::move(socket), self);
      self->connections.insert(connection);
      connection->read();
    }
    self->accept();
  });
}

void KeySocketServer::Impl::greet(Connection& connection, const proxy::Hello& hello) {
  if (connection.greeted || hello.role != options.role) {
    log("a worker is cut off: this is the key socket of a " +
        std::string(options.role == proxy::Role::kGateway ? "gateway" : "guard"));
    return connection.close();
  }
  connection.greeted = true;
  if (options.role == proxy::Role::kGuard) {
    connection.send(proxy::encode_frame(proxy::KeyholderMessage(state)), false);
  } else if (table_frame != nullptr) {
    connection.send(table_frame);
  }
}

void KeySocketServer::Impl::on_message(Connection& connection, proxy::WorkerMessage message) {
  if (const auto* const hello = std::get_if<proxy::Hello>(&message)) return greet(connection, *hello);
  if (!connection.greeted) {
    log("a worker is cut off: it did not say who it is");
    return connection.close();
  }
  if (auto* const request = std::get_if<proxy::UnwrapRequest>(&message)) {
    unwrap(connection, std::move(*request));
  } else if (const auto* const wanted = std::get_if<proxy::SealKeyRequest>(&message)) {
    auto key = callbacks.on_seal_key ? callbacks.on_seal_key()
                                     : Error(ErrorCode::kUnavailable, "no-seal-key", "a gateway has none");
    if (key) {
      key->id = wanted->id;
      connection.send(proxy::encode_frame(proxy::KeyholderMessage(*std::move(key))), true);
      connection.has_seal_key = true;
      if (callbacks.on_workers_changed) callbacks.on_workers_changed();
    } else {
      log("no seal key for a worker: " + key.error().message());
      connection.send(proxy::encode_frame(proxy::KeyholderMessage(proxy::Refused{wanted->id, key.error().reason()})),
                      false);
    }
  } else if (const auto* const counts = std::get_if<proxy::Counts>(&message)) {
    if (callbacks.on_counts) callbacks.on_counts(*counts);
  } else if (const auto* const taken = std::get_if<proxy::TableTaken>(&message)) {
    connection.table_taken = taken->serial;
    tell_table_taken();
  } else if (std::holds_alternative<proxy::Drained>(message)) {
    connection.drained = state.draining;
    if (callbacks.on_workers_changed) callbacks.on_workers_changed();
  }
}

void KeySocketServer::Impl::unwrap(Connection& connection, proxy::UnwrapRequest request) {
  const bool may_wait = held.size() < kHeldMax;
  if (answer(connection, request, may_wait)) return;
  held.push_back({connection.weak_from_this(), std::move(request),
                  std::chrono::steady_clock::now() + options.unknown_signer_wait});
  start_timer();
}

bool KeySocketServer::Impl::answer(Connection& connection, const proxy::UnwrapRequest& request, bool may_wait) {
  auto unwrapped = callbacks.on_unwrap ? callbacks.on_unwrap(request)
                                       : Error(ErrorCode::kUnavailable, "no-output-key", "a guard opens nothing");
  if (unwrapped) {
    unwrapped->id = request.id;
    connection.send(proxy::encode_frame(proxy::KeyholderMessage(*std::move(unwrapped))), true);
    return true;
  }
  if (may_wait && unwrapped.error().reason() == "unknown-signer") return false;
  connection.send(proxy::encode_frame(proxy::KeyholderMessage(proxy::Refused{request.id, unwrapped.error().reason()})),
                  false);
  return true;
}

void KeySocketServer::Impl::answer_held(bool table_is_new) {
  const auto now = std::chrono::steady_clock::now();
  std::deque<Held> waiting;
  waiting.swap(held);
  for (auto& item : waiting) {
    const auto connection = item.from.lock();
    if (connection == nullptr || connection->closed) continue;
    const bool late = now >= item.until;
    if ((late || table_is_new) && answer(*connection, item.request, !late)) continue;
    held.push_back(std::move(item));
  }
  start_timer();
}

void KeySocketServer::Impl::start_timer() {
  if (timer_runs || held.empty() || stopped) return;
  timer_runs = true;
  timer.expires_at(held.front().until);  // the oldest
  timer.async_wait([self = shared_from_this()](error_code) {
    self->timer_runs = false;
    if (!self->stopped) self->answer_held(false);
  });
}

void KeySocketServer::Impl::tell_table_taken() {
  if (stopped || serial == serial_told || table_frame == nullptr || !callbacks.on_table_taken) return;
  if (!all_workers([this](const Connection& worker) { return worker.table_taken == serial; })) return;
  serial_told = serial;
  callbacks.on_table_taken(serial);
}

void KeySocketServer::Impl::stop() {
  stopped = true;
  error_code ignored;
  acceptor.close(ignored);
  timer.cancel();
  while (!connections.empty()) {
    const auto connection = *connections.begin();
    connection->close();
    connections.erase(connection);
  }
  ::unlink(options.path.c_str());
}

KeySocketServer::KeySocketServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

KeySocketServer::~KeySocketServer() { impl_->stop(); }

Result<std::unique_ptr<KeySocketServer>> KeySocketServer::create(asio::io_context& io, KeySocketOptions options,
                                                                 KeySocketCallbacks callbacks) {
  if (options.path.native().size() >= sizeof(::sockaddr_un::sun_path)) {
    return Error(ErrorCode::kInvalidArgument, "bad-socket-path",
                 "the key socket's path is too long for a Unix socket; choose a shorter state directory");
  }
  auto impl = std::make_shared<Impl>(io, std::move(options), std::move(callbacks));
  ::unlink(impl->options.path.c_str());
  error_code error;
  impl->acceptor.open(Protocol(), error);
  // Between bind and chmod nobody may connect but ourselves: listen comes last.
  if (!error) impl->acceptor.bind(Protocol::endpoint(impl->options.path.string()), error);
  const bool shared = impl->options.worker_uid && *impl->options.worker_uid != ::geteuid();
  const auto group = impl->options.worker_gid;
  if (!error && shared && group && ::chown(impl->options.path.c_str(), static_cast<::uid_t>(-1), *group) != 0)
    error.assign(errno, boost::system::system_category());
  const ::mode_t mode = !shared ? 0600 : group ? 0660 : 0666;
  if (!error && ::chmod(impl->options.path.c_str(), mode) != 0) error.assign(errno, boost::system::system_category());
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Error(ErrorCode::kInternal, "cannot-listen",
                 "cannot listen on " + impl->options.path.string() + ": " + error.message());
  }
  impl->accept();
  return std::unique_ptr<KeySocketServer>(new KeySocketServer(std::move(impl)));
}

Result<proxy::LeftOut> KeySocketServer::push_table(const proxy::Table& table) {
  const Bytes encoded = proxy::encode_table(table);
  if (encoded.size() > proxy::kTableSizeMax)
    return Error(ErrorCode::kInvalidArgument, "bad-table", "the route table is over 64 MiB");
  // By what a worker will read, so that form and meaning are both checked.
  MIFENG_TRY(proxy::Table read_back, proxy::decode_table(encoded));
  proxy::LeftOut left_out = proxy::Router::create(std::move(read_back))->left_out();
  impl_->table_frame = std::make_shared<const Bytes>(proxy::encode_table_frame(encoded));
  impl_->serial = table.serial;
  // A copy: a connection that is cut off leaves the set.
  const std::vector<std::shared_ptr<Impl::Connection>> connections(impl_->connections.begin(),
                                                                   impl_->connections.end());
  for (const auto& connection : connections)
    if (connection->greeted) connection->send(impl_->table_frame);
  impl_->answer_held(true);
  return left_out;
}

void KeySocketServer::renew_seal_keys() {
  const std::vector<std::shared_ptr<Impl::Connection>> connections(impl_->connections.begin(),
                                                                   impl_->connections.end());
  for (const auto& connection : connections)
    if (connection->greeted)
      connection->send(proxy::encode_frame(proxy::KeyholderMessage(proxy::RenewSealKey{})), false);
}

void KeySocketServer::set_state(proxy::GuardState state) {
  impl_->state = state;
  const std::vector<std::shared_ptr<Impl::Connection>> connections(impl_->connections.begin(),
                                                                   impl_->connections.end());
  for (const auto& connection : connections)
    if (connection->greeted) connection->send(proxy::encode_frame(proxy::KeyholderMessage(state)), false);
}

bool KeySocketServer::workers_have_seal_keys() const {
  return impl_->all_workers([](const Impl::Connection& worker) { return worker.has_seal_key; });
}

bool KeySocketServer::workers_are_drained() const {
  return impl_->all_workers([](const Impl::Connection& worker) { return worker.drained; });
}

std::size_t KeySocketServer::worker_count() const {
  std::size_t count = 0;
  for (const auto& connection : impl_->connections) count += connection->greeted ? 1 : 0;
  return count;
}

}  // namespace mifeng::keyholder
