// An HTTP/1.1 client on TCP, TLS and Unix sockets. A connection a request.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mifeng/net/http.h"
#include "mifeng/net/runtime.h"
#include "mifeng/net/tls.h"

namespace mifeng::net {

struct TcpEndpoint {
  std::string host;  // name or address, without brackets
  std::uint16_t port = 0;
};
struct UnixEndpoint {
  std::filesystem::path path;
  // Whose process has to listen there, by the kernel's word (SO_PEERCRED); nothing is sent to anybody else's.
  std::optional<::uid_t> user{};
};

struct ClientOptions {
  std::variant<TcpEndpoint, UnixEndpoint> endpoint{};
  std::optional<ClientTls> tls{};
  std::string host_header{};                         // empty: made from the endpoint ("localhost" on Unix sockets)
  std::chrono::milliseconds connect_timeout{10000};  // name, connection and handshake
  std::chrono::milliseconds idle_timeout{60000};     // each read or write: without progress
  std::size_t max_header_bytes = 64 * 1024;
};

// "http://host:port/base", "https://...", "unix:/path/to.sock": what the command line takes. The path part, without a
// trailing '/', comes in `base_path`. kInvalidArgument "bad-url".
struct ParsedUrl {
  ClientOptions options;
  std::string base_path;
};
Result<ParsedUrl> parse_url(const std::string& url);

// A file as the body of a request; `progress` is called now and then from the thread that sends.
struct UploadFile {
  std::filesystem::path path;
  std::function<void(std::uint64_t sent, std::uint64_t total)> progress{};
};

class ClientRequest {
 public:
  ClientRequest(std::string verb, std::string where) : method(std::move(verb)), target(std::move(where)) {}
  ClientRequest(std::string verb, std::string where, std::string content, std::string content_type);

  std::string method;
  std::string target;
  Headers headers;
  std::variant<std::string, UploadFile> body;
  std::size_t max_response_bytes = 16 << 20;  // send() alone
  std::function<void()> connected;            // may be empty; called once there is a connection, with TLS if any
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// A response whose body is read piece by piece; closing it is letting go of it.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  // The next bytes as they come, at most 64 KiB; empty at the end. kUnavailable "connection-lost" when it broke off
  // before its end, kTimeout "no-answer" after idle_timeout without a byte.
  virtual Task<Bytes> read() = 0;
};

// Holds no connection; may be used from many coroutines at once.
class HttpClient {
 public:
  // kInvalidArgument "bad-certificate" when the CA file cannot be read.
  static Result<HttpClient> create(ClientOptions options);

  // Any status is a success here. kUnavailable "cannot-connect" | "connection-lost", kTimeout "no-answer",
  // kVerificationFailed "bad-tls-certificate" | "another-user", kResourceExhausted "response-too-large". A server that
  // answers before it has read the whole body is heard.
  Task<ClientResponse> send(ClientRequest request) const;
  Task<std::unique_ptr<ResponseStream>> open(ClientRequest request) const;

  // The same, blocking, for the command line and for tests.
  // Once the descriptor `stop_fd` (-1: none) is readable the connection is closed: kCancelled "interrupted".
  Result<ClientResponse> send_now(ClientRequest request, int stop_fd = -1) const;
  // `on_chunk` sees the status and each piece; an error from it ends the stream and is given back.
  Result<int> stream_now(ClientRequest request, std::function<Result<void>(int status, ByteView)> on_chunk) const;

 private:
  struct Impl;
  explicit HttpClient(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;  // shared by copies: settings and the TLS context
};

}  // namespace mifeng::net
