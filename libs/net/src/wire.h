// A connection as bytes with deadlines, whatever carries it: the only place that knows streams of Asio and Beast.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

// As OpenSSL declares them; its headers stay in tls.cpp and wire.cpp.
typedef struct ssl_ctx_st SSL_CTX;

namespace mifeng::net {

namespace asio = boost::asio;

template <typename T>
using Task = asio::awaitable<Result<T>>;
using Milliseconds = std::chrono::milliseconds;

// One read and one write may run at the same time, both on the wire's strand.
class Wire {
 public:
  virtual ~Wire() = default;
  // At least one byte, or 0 when the other side has ended its sending. kTimeout "timeout" (the
  // connection can still be written to), kCancelled "peer-closed".
  virtual Task<std::size_t> read_some(MutableBytes into, Milliseconds timeout) = 0;
  // All of it; each piece of 64 KiB within `timeout`.
  virtual Task<void> write(ByteView bytes, Milliseconds timeout) = 0;
  // Returns once the other side has ended its sending or is gone.
  virtual asio::awaitable<void> wait_peer_closed() = 0;
  // Whether reading would give something now (plain connections alone; false on TLS).
  virtual bool has_input() const = 0;
  // Says that nothing more comes from us (for TLS with its close_notify), within `timeout`.
  virtual asio::awaitable<void> end_sending(Milliseconds timeout) = 0;
  // At once; what waits ends with kCancelled.
  virtual void close() = 0;
  virtual int fd() const = 0;
};

// Takes an accepted socket.
std::unique_ptr<Wire> make_plain_wire(const asio::any_io_executor& strand, UniqueFd socket);
// Runs the handshake as a server.
Task<std::unique_ptr<Wire>> accept_tls(std::unique_ptr<Wire> plain, std::shared_ptr<SSL_CTX> context,
                                       Milliseconds timeout);

struct ConnectTls {
  std::shared_ptr<SSL_CTX> context;  // shared by all connections of a client
  std::string host;                  // for SNI, and for verification where the context verifies
  std::string pinned_sm3;            // decides alone where given
};
// `tls` may be null. kUnavailable "cannot-connect", kTimeout "no-answer", kVerificationFailed "bad-tls-certificate".
Task<std::unique_ptr<Wire>> connect_tcp(std::string host, std::uint16_t port, const ConnectTls* tls,
                                        Milliseconds timeout);
Task<std::unique_ptr<Wire>> connect_unix(std::string path, Milliseconds timeout);

}  // namespace mifeng::net
