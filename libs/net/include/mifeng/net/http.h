// HTTP messages as handlers and callers see them. Neither Beast nor a socket shows here, so that a handler compiles in
// a second or two.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng::net {

namespace asio = boost::asio;

template <typename T>
using Task = asio::awaitable<Result<T>>;

// Field names compare without case (RFC 9110 section 5.1) and keep their order and spelling.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The first of that name; nullptr where there is none.
  const std::string* find(std::string_view name) const;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Removes all of that name, then adds.
  void set(std::string name, std::string value);
  std::size_t count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

// The other end of a Unix socket, as the kernel knew it when the connection was made. The pidfd stays that very
// process: once pidfd_alive() is false, whatever is found under `pid` is somebody else.
struct PeerProcess {
  ::pid_t pid = 0;
  ::uid_t uid = 0;
  ::gid_t gid = 0;
  std::shared_ptr<UniqueFd> pidfd;  // shared by all requests of one connection
  bool alive() const;
};

struct Peer {
  std::string address;                 // "127.0.0.1:40312", "[::1]:40312", "unix"
  std::optional<PeerProcess> process;  // on Unix sockets
  bool tls = false;
  // A handler calls it when it knows who this is: from then on the connection is none of the server's strangers.
  // Never null in a server's handler.
  std::function<void()> known;
};

// The body of a request, pulled by its handler. What a handler leaves unread is read and dropped up to a small limit
// after the response; beyond that the connection is closed.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // As Content-Length announced it; none for chunked transfer.
  virtual std::optional<std::uint64_t> announced_size() const = 0;
  // Waits for at least one byte; 0 at the end. kTimeout "body-too-slow" (an answer is still sent, then the
  // connection is closed), kCancelled "peer-closed" when the connection ended before the body did, kInvalidArgument
  // "bad-body".
  virtual Task<std::size_t> read_some(MutableBytes into) = 0;
};

class BlockingPool;

// The whole body. kResourceExhausted "body-too-large" above `limit` bytes, at once where the size was announced.
Task<std::string> read_body(BodySource& body, std::size_t limit);
// Into the open file `fd` from its present position, never more than a small buffer in memory; the writes happen in
// `pool`. Gives the number of bytes; kResourceExhausted "body-too-large" or "disk-full".
Task<std::uint64_t> save_body(BodySource& body, int fd, std::uint64_t limit, BlockingPool& pool);

class Request {
 public:
  Request() = default;
  Request(std::string verb, std::string where) : method(std::move(verb)), target(std::move(where)) {}
  Request(Request&&) = default;
  Request& operator=(Request&&) = default;

  std::string method;  // "GET"
  std::string target;  // as it came: "/api/v1/models?name=x"
  Headers headers;
  Peer peer;
  std::unique_ptr<BodySource> body;  // never null in a server's handler

  // Of `target`, up to '?'; not decoded.
  std::string_view path() const;
  std::string_view query() const;
};

// Where a response is written while it is made.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Sends all of it before it returns. kCancelled "peer-closed", kTimeout "peer-too-slow".
  virtual Task<void> write(ByteView bytes) = 0;
  Task<void> write_text(std::string text);
};

// Writes a response of unknown length. When the other side goes away, or the server stops, the coroutine is cancelled
// where it waits (asio's operation_aborted), or its next write fails. An error cuts the connection off, so that the
// other side can tell a broken answer from a whole one.
using BodyWriter = std::function<Task<void>(BodySink&)>;

class Response {
 public:
  Response() = default;
  explicit Response(int code, std::string content = {}, std::string content_type = {});

  int status = 200;
  Headers headers;  // Content-Length, Transfer-Encoding, Connection and Date are the server's
  std::variant<std::string, BodyWriter> body;
};

// Runs on the connection's strand; what it throws becomes a 500 and a line in the log. Blocking work goes to a
// BlockingPool.
using Handler = std::function<asio::awaitable<Response>(Request)>;

// "a%20b" to "a b"; kInvalidArgument "bad-escape" also for a zero byte, escaped or not, and what is not UTF-8. '+'
// stays '+' in a path and is a space in a query.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);  // all but unreserved characters (RFC 3986 section 2.3)
// "name=a%20b&page=2", decoded, in order. kInvalidArgument "bad-query".
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// "Bad Request", ...
std::string_view reason_phrase(int status);

}  // namespace mifeng::net
