// A request that comes before its worker has what it needs (a table, a key to seal with, room for its body): it waits a
// little rather than fail. That is rare (a worker that has just been started again, many large bodies at once), so it
// looks every now and then.
#include "filters.h"

namespace mifeng::nginx {
namespace {

using std::chrono::steady_clock;

constexpr ngx_msec_t kLookAgainMs = 20;

// As ngx_http_limit_req_delay: the phases go on where they stopped, so with the handler that asked to wait.
void go_on(ngx_http_request_t* r) {
  ngx_event_t* const write = r->connection->write;
  if (write->delayed) {
    if (ngx_handle_write_event(write, 0) != NGX_OK) ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    return;
  }
  if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
    ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    return;
  }
  r->read_event_handler = &ngx_http_block_reading;
  r->write_event_handler = &ngx_http_core_run_phases;
  ngx_http_core_run_phases(r);
}

}  // namespace

bool wait_a_little(RequestState& state, steady_clock::time_point& until, std::chrono::seconds at_most) {
  ngx_http_request_t* const r = state.r;
  const auto now = steady_clock::now();
  if (until == steady_clock::time_point{}) until = now + at_most;
  if (now >= until) return false;
  if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) return false;
  r->read_event_handler = &ngx_http_test_reading;
  r->write_event_handler = &go_on;
  r->connection->write->delayed = 1;
  ngx_add_timer(r->connection->write, kLookAgainMs);
  return true;
}

}  // namespace mifeng::nginx
