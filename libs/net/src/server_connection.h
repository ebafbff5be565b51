// One connection of a server: requests one after another, each with its body pulled and its answer pushed.
#pragma once

#include <memory>
#include <string>

#include "mifeng/net/server.h"
#include "wire.h"

namespace mifeng::net {

// What the server knows of a connection, changed on the connection's strand alone.
enum class Phase {
  kIdle,       // nothing is lost by closing it
  kBusy,       // a request is read, handled or answered
  kStreaming,  // a BodyWriter runs, which may never end by itself
};

class ConnectionWatch {
 public:
  virtual ~ConnectionWatch() = default;
  virtual void set_phase(Phase phase) = 0;
  virtual bool stopping() const = 0;  // whether no further request should be taken
  virtual bool stranger() const = 0;  // whether no handler has known the peer yet
};

// Ends when the connection does. The wire is closed when it returns.
asio::awaitable<void> serve_connection(Wire& wire, Peer peer, const ServerOptions& options, const Handler& handler,
                                       ConnectionWatch& watch);

}  // namespace mifeng::net
