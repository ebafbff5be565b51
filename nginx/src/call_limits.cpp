#include "call_limits.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "filters.h"
#include "mifeng/base/phrase.h"
#include "mifeng/base/random.h"
#include "open_response.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

using proxy::CallTable;

constexpr std::string_view kZone = "mifeng_limits";

// Each configuration has a zone of its own (noreuse): two generations of workers, which a reload has for a while, would
// have the same numbers.
ngx_int_t init_zone(ngx_shm_zone_t* zone, void*) {
  return guarded(zone->shm.log, ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    auto* const pool = reinterpret_cast<ngx_slab_pool_t*>(zone->shm.addr);
    void* const memory = ngx_slab_alloc(pool, CallTable::size());
    if (memory == nullptr) return NGX_ERROR;
    CallTable::Secret secret;
    SystemRandom().fill(secret);
    CallTable::format(memory, secret);
    zone->data = memory;
    return NGX_OK;
  });
}

// Whose calls are counted together: of IPv6 the first 64 bits, since who has one address there has all of them.
std::string address_of(const ::sockaddr& address) {
  const auto text = [](const auto& part, std::size_t size) {
    return std::string(reinterpret_cast<const char*>(&part), size);
  };
  if (address.sa_family == AF_INET)
    return text(reinterpret_cast<const ::sockaddr_in&>(address).sin_addr, sizeof(::in_addr));
  if (address.sa_family != AF_INET6) return {};
  const ::in6_addr& ip = reinterpret_cast<const ::sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ip)) return text(ip.s6_addr[12], sizeof(::in_addr));
  return text(ip, 8);
}

// The access log has a line of each; a second one at the level of other refusals would be a caller's to write as often
// as he likes.
constexpr ngx_uint_t kLevel = NGX_LOG_INFO;

void say_when_to_come_again(RequestState& state, std::chrono::nanoseconds wait) {
  state.over_limit = true;
  state.retry_after = std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds(1));
}

void on_overdue(ngx_event_t* event) {
  auto* const state = static_cast<RequestState*>(event->data);
  guarded(event->log, [&] { end_overdue(*state); });
}

void set_deadline(RequestState& state, std::uint32_t seconds) {
  state.deadline.handler = &on_overdue;
  state.deadline.data = &state;
  state.deadline.log = state.r->connection->log;
  ngx_add_timer(&state.deadline, ngx_msec_t{seconds} * 1000);
}

}  // namespace

ngx_int_t add_limits(ngx_conf_t* cf, MainConfig& config) {
  ngx_str_t name = as_ngx(kZone);
  // Besides the table what nginx keeps of each of its pages.
  const std::size_t size = CallTable::size() + CallTable::size() / 64 + 16 * ngx_pagesize;
  config.limits = ngx_shared_memory_add(cf, &name, size, &ngx_http_mifeng_module);
  if (config.limits == nullptr) return NGX_ERROR;
  config.limits->init = &init_zone;
  config.limits->noreuse = 1;
  return NGX_OK;
}

void join_limits(const MainConfig& config) {
  // A worker of a higher number gets no table from its keyholder either.
  if (config.limits == nullptr || ngx_worker >= CallTable::kWorkersMax) return;
  Worker::get()->count_calls_in(CallTable(config.limits->data, static_cast<unsigned>(ngx_worker)));
}

std::optional<ngx_int_t> limit_call(RequestState& state) {
  const proxy::Route& route = state.route->route;
  if (CallTable* const calls = Worker::get()->calls()) {
    const bool known = state.caller != nullptr;
    const CallTable::Entry entry =
        calls->enter(known ? proxy::CallerKind::kCaller : proxy::CallerKind::kAddress, route.id,
                     known ? state.caller->id : address_of(*state.r->connection->sockaddr),
                     {route.calls_per_minute, route.calls_at_once}, std::chrono::steady_clock::now());
    if (entry.verdict != CallTable::Verdict::kGoes) say_when_to_come_again(state, entry.wait);
    if (entry.verdict == CallTable::Verdict::kTooMany)
      return refuse_request(state, NGX_HTTP_TOO_MANY_REQUESTS, "too-many-calls",
                            phrase("This caller has called this model as often as it may for now; send it again after "
                                   "the seconds that Retry-After says."),
                            kLevel);
    if (entry.verdict == CallTable::Verdict::kTooManyAtOnce)
      return refuse_request(state, NGX_HTTP_TOO_MANY_REQUESTS, "too-many-calls-at-once",
                            phrase("This caller has as many calls of this model under way as it may have at once; send "
                                   "it again when one of them has ended."),
                            kLevel);
    state.held_call = entry.held;
  }
  if (route.seconds_max != 0) set_deadline(state, route.seconds_max);
  return std::nullopt;
}

}  // namespace mifeng::nginx
