// The bytes of a whole connection, as the server reads them: request lines, header fields, bodies with a length or in
// chunks, pipelined. The connection is a pair of sockets in this process; the handler reads each body and answers.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <thread>

#include "mifeng/net/server.h"
#include "server_connection.h"
#include "wire.h"

namespace {

using namespace mifeng;
using namespace std::chrono_literals;

struct NoStop final : net::ConnectionWatch {
  void set_phase(net::Phase) override {}
  bool stopping() const override { return false; }
  bool stranger() const override { return true; }
};

net::asio::awaitable<net::Response> answer(net::Request request) {
  (void)net::parse_query(request.query());
  auto body = co_await net::read_body(*request.body, 4096);
  net::Response response(body ? 200 : 400, body ? std::move(*body) : std::string());
  if (const std::string* echo = request.headers.find("X-Echo")) response.headers.add("X-Echo", *echo);
  co_return response;
}

// Serves one connection to its end.
void serve(UniqueFd server) {
  net::asio::io_context io;
  net::ServerOptions options;
  options.max_header_bytes = 8192;
  options.max_body_bytes = 1 << 20;
  options.strangers.body_bytes = 1 << 10;
  options.header_timeout = options.idle_timeout = options.body_timeout = options.write_timeout = 1000ms;
  const auto wire = net::make_plain_wire(io.get_executor(), std::move(server));
  NoStop watch;
  const net::Handler handler = answer;
  net::asio::co_spawn(io, net::serve_connection(*wire, net::Peer{"fuzz", {}, false, {}}, options, handler, watch),
                      net::asio::detached);
  io.run();
  wire->close();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int ends[2];
  // Within the socket's own buffer, so that nobody has to take turns.
  if (size > 64 * 1024 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  UniqueFd client(ends[0]), server(ends[1]);
  if (::write(client.get(), data, size) != static_cast<::ssize_t>(size)) return 0;
  ::shutdown(client.get(), SHUT_WR);
  std::thread reader([&] {
    char waste[16 * 1024];
    while (::read(client.get(), waste, sizeof waste) > 0) {
    }
  });
  serve(std::move(server));
  reader.join();
  return 0;
}
