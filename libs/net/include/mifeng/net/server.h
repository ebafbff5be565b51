// An HTTP/1.1 server on TCP (with or without TLS) and on Unix sockets.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mifeng/net/http.h"
#include "mifeng/net/runtime.h"
#include "mifeng/net/tls.h"

namespace mifeng::net {

struct TcpListen {
  std::string address = "127.0.0.1";  // or "::1", "0.0.0.0", "::" (that also takes IPv4)
  std::uint16_t port = 0;             // 0: the system chooses
};
struct UnixListen {
  std::filesystem::path path;  // made anew: a socket left behind is removed, anything else is an error
  ::mode_t mode = 0600;        // connecting needs the right to write
};

// How many connections there may be of which no handler has said that it knows the peer (Peer::known), and what they
// may send. A further one ends the oldest of its own source (source.h), where that has its share; else the oldest of
// the source that has most. Who is on a Unix socket is no stranger.
struct StrangerLimits {
  std::size_t all = 0;  // 0: no limit, and nobody is sent away
  std::size_t of_one_source = 0;
  std::uint64_t body_bytes = 0;            // 413 above; 0: as for everybody
  std::chrono::milliseconds body_time{0};  // for a whole body; 0: as for everybody
};

struct ServerOptions {
  std::variant<TcpListen, UnixListen> listen{};
  std::optional<ServerTls> tls{};                   // TCP only
  std::string name = "http";                        // in log lines
  std::size_t max_connections = 1024;               // further ones wait in the backlog
  std::size_t max_header_bytes = 32 * 1024;         // 431 above
  std::uint64_t max_body_bytes = 64ull << 30;       // 413 above; handlers set their own lower limits
  std::chrono::milliseconds header_timeout{15000};  // for the whole header, and the TLS handshake
  std::chrono::milliseconds idle_timeout{60000};    // between requests
  std::chrono::milliseconds body_timeout{30000};    // for each read of a body: without progress
  std::chrono::milliseconds body_time_max{0};       // for a whole body; 0: as long as there is progress
  std::uint64_t body_rate_min = 0;                  // bytes a second, after the first body_timeout; 0: any progress
  std::chrono::milliseconds write_timeout{30000};   // for each write
  StrangerLimits strangers{};                       // TCP only
  std::size_t requests_max = 0;                     // of one connection, after which it is closed; 0: no limit
};

class HttpServer {
 public:
  // Listens and accepts at once. kConflict "address-in-use", kInvalidArgument "bad-address" | "bad-certificate".
  static Result<std::unique_ptr<HttpServer>> start(Runtime& runtime, ServerOptions options, Handler handler);
  ~HttpServer();  // stop(0)

  std::uint16_t port() const;  // of TCP
  // No new connections; idle ones are closed; requests that run may end within `grace`, streams are cancelled at once;
  // then everything is cut. Not from a handler.
  void stop(std::chrono::milliseconds grace);
  std::size_t connections() const;

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the connections
};

}  // namespace mifeng::net
