#include "strangers.h"

#include <algorithm>

namespace mifeng::nginx {
namespace {

constexpr time_t kRepeatLog = 60;

// In the connection's pool, so that it goes with it.
struct Stranger {
  ngx_queue_t link;
  ngx_connection_t* connection;
  bool is_one;
};

// Of this worker; the oldest first.
struct {
  ngx_queue_t queue;
  ngx_uint_t count;
  ngx_uint_t most;
  time_t logged;
} strangers;

void take_off(Stranger& stranger) {
  if (!stranger.is_one) return;
  stranger.is_one = false;
  ngx_queue_remove(&stranger.link);
  --strangers.count;
}

void on_gone(void* data) { take_off(*static_cast<Stranger*>(data)); }

Stranger* find(const ngx_connection_t& connection) {
  for (ngx_pool_cleanup_t* each = connection.pool->cleanup; each != nullptr; each = each->next)
    if (each->handler == &on_gone) return static_cast<Stranger*>(each->data);
  return nullptr;
}

void let_the_oldest_go() {
  Stranger& oldest = *ngx_queue_data(ngx_queue_head(&strangers.queue), Stranger, link);
  take_off(oldest);
  // As if its time were over: nginx closes it in whatever state it is, a TLS handshake among them.
  ngx_add_timer(oldest.connection->read, 1);
  if (ngx_time() - strangers.logged < kRepeatLog) return;
  strangers.logged = ngx_time();
  ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                "mifeng: %ui connections have said nothing yet; the oldest of them are closed", strangers.most);
}

void init_connection(ngx_connection_t* connection) {
  if (auto* const cleanup = ngx_pool_cleanup_add(connection->pool, sizeof(Stranger)); cleanup != nullptr) {
    auto* const stranger = static_cast<Stranger*>(cleanup->data);
    stranger->connection = connection;
    stranger->is_one = true;
    cleanup->handler = &on_gone;
    if (strangers.count >= strangers.most) let_the_oldest_go();
    ngx_queue_insert_tail(&strangers.queue, &stranger->link);
    ++strangers.count;
  }
  // What has come already is read in there, and may end the connection.
  ngx_http_init_connection(connection);
}

}  // namespace

void watch_strangers(ngx_cycle_t& cycle) {
  ngx_queue_init(&strangers.queue);
  strangers.count = 0;
  strangers.most = std::max<ngx_uint_t>(cycle.connection_n / 2, 1);
  auto* const listening = static_cast<ngx_listening_t*>(cycle.listening.elts);
  for (ngx_uint_t i = 0; i < cycle.listening.nelts; ++i)
    if (listening[i].handler == &ngx_http_init_connection) listening[i].handler = &init_connection;
}

void is_no_stranger(ngx_connection_t& connection) {
  if (Stranger* const stranger = find(connection); stranger != nullptr) take_off(*stranger);
}

bool takes_http(const ngx_listening_t& listening) {
  return listening.handler == &ngx_http_init_connection || listening.handler == &init_connection;
}

}  // namespace mifeng::nginx
