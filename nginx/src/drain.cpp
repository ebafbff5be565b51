#include "drain.h"

#include <sys/socket.h>

#include <algorithm>

#include "config.h"
#include "strangers.h"

namespace mifeng::nginx {
namespace {

// A gateway closes a connection that was idle for 4 s (gateway.conf.in).
constexpr std::chrono::seconds kIdleMax{5};

template <typename Address>
const ngx_http_conf_ctx_t* context_of(const ngx_http_port_t& port) {
  return static_cast<const Address*>(port.addrs)->conf.default_server->ctx;
}

bool seals(const ngx_listening_t& listening) {
  if (!takes_http(listening) || listening.servers == nullptr) return false;
  const auto& port = *static_cast<const ngx_http_port_t*>(listening.servers);
  const ngx_http_conf_ctx_t* const context = listening.sockaddr->sa_family == AF_INET6
                                                 ? context_of<ngx_http_in6_addr_t>(port)
                                                 : context_of<ngx_http_in_addr_t>(port);
  return static_cast<const LocationConfig*>(context->loc_conf[ngx_http_mifeng_module.ctx_index])->seal == 1;
}

}  // namespace

void Drain::begin() {
  if (begun_) return;
  begun_ = true;
  busy_at_ = std::chrono::steady_clock::now();
  auto* const listening = static_cast<ngx_listening_t*>(ngx_cycle->listening.elts);
  for (ngx_uint_t i = 0; i < ngx_cycle->listening.nelts; ++i) {
    if (!seals(listening[i])) continue;
    ports_.push_back(&listening[i]);
    ngx_connection_t* const connection = listening[i].connection;
    if (connection != nullptr && connection->read->active) ngx_del_event(connection->read, NGX_READ_EVENT, 0);
    // Master and keyholder hold the socket as well; closing ours would leave it open to connections that nobody takes.
    ::shutdown(listening[i].fd, SHUT_RD);
  }
}

bool Drain::is_a_callers(const ngx_connection_t& connection) const {
  return connection.fd != -1 && connection.listening != nullptr && !connection.read->accept &&
         std::find(ports_.begin(), ports_.end(), connection.listening) != ports_.end();
}

bool Drain::done() {
  const auto now = std::chrono::steady_clock::now();
  bool idle = false;
  bool busy = false;
  for (ngx_uint_t i = 0; i < ngx_cycle->connection_n; ++i) {
    const ngx_connection_t& connection = ngx_cycle->connections[i];
    if (!is_a_callers(connection)) continue;
    // Reusable: without a request, whether it waits for its first one or for the next.
    (connection.idle || connection.reusable ? idle : busy) = true;
  }
  if (busy) busy_at_ = now;
  return !busy && (!idle || now - busy_at_ >= kIdleMax);
}

}  // namespace mifeng::nginx
