// Before the body is read: who asks for what, and may they? Then the body, hashed as it comes.
#include <algorithm>
#include <chrono>
#include <optional>

#include "call_limits.h"
#include "config.h"
#include "filters.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/fields.h"
#include "said.h"
#include "strangers.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

constexpr std::string_view kRemoved = "mifeng-removed";

// Fields point into each other's list, so one cannot be taken out of it: it is given a name that the configuration
// (proxy_set_header Mifeng-Removed "") never sends on, and its value goes.
void strip(ngx_table_elt_t& field) {
  field.key = as_ngx(kRemoved);
  field.lowcase_key = bytes_of(kRemoved);
  field.hash = ngx_hash_key(bytes_of(kRemoved), kRemoved.size());
  ngx_str_null(&field.value);
}

std::string_view lowcase(const ngx_table_elt_t& field) {
  return {reinterpret_cast<const char*>(field.lowcase_key), field.key.len};
}

bool is_upgrade(const ngx_http_request_t* r) {
  return r->headers_in.upgrade != nullptr || r->method == NGX_HTTP_CONNECT;
}

// Also said where the length is not known beforehand: then the body filter counts.
bool is_too_large(ngx_http_request_t* r, const RequestState& state) {
  const std::size_t limit = location_config(r).bound_body_max;
  return limit != 0 && !state.unbound && r->headers_in.content_length_n > static_cast<off_t>(limit);
}

constexpr std::chrono::seconds kPatience{2};       // for what a new worker does not have yet
constexpr std::chrono::seconds kRoomPatience{10};  // for others' bodies to go

bool wait_a_little(RequestState& state) { return wait_a_little(state, state.patience_until, kPatience); }

// A guard's, before any of the body is read: room for as much of it as goes into a file, which is what does not fit
// into nginx's buffer. Nothing where it has the room, or needs none; NGX_AGAIN while it waits; else what to answer. Who
// asks is a gateway, which has the body whole, so what is put aside soon comes. A caller may announce and never send: a
// gateway counts what has come (filters.cpp).
std::optional<ngx_int_t> find_room(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  if (state.unbound || state.room != 0) return std::nullopt;
  const LocationConfig& config = location_config(r);
  const off_t length = r->headers_in.content_length_n;
  std::size_t bytes = length > 0 ? static_cast<std::size_t>(length) : 0;
  if (length < 0 && r->headers_in.chunked) bytes = config.bound_body_max;
  Worker* const worker = Worker::get();
  if (!goes_into_a_file(r, bytes) || worker == nullptr) return std::nullopt;
  if (worker->set_room(state.room, bytes, config.bound_bodies_max)) return std::nullopt;
  if (wait_a_little(state, state.room_until, kRoomPatience)) return NGX_AGAIN;
  return refuse_for_room(state);
}

void begin_body(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  if (state.unbound) r->request_body_no_buffering = 1;
  // An HTTP/2 request without a length, and not at its end, is marked chunked by nginx.
  state.body_complete = state.unbound || (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked);
  if (state.body_complete) is_no_stranger(*r->connection);
}

int to_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return NGX_HTTP_BAD_REQUEST;
    case ErrorCode::kUnauthenticated: return NGX_HTTP_UNAUTHORIZED;
    case ErrorCode::kPermissionDenied: return NGX_HTTP_FORBIDDEN;
    case ErrorCode::kNotFound: return NGX_HTTP_NOT_FOUND;
    case ErrorCode::kUnavailable: return NGX_HTTP_SERVICE_UNAVAILABLE;
    case ErrorCode::kConflict:
    case ErrorCode::kVerificationFailed:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kTimeout:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal: break;
  }
  return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

ngx_int_t refuse_with(RequestState& state, const Error& error) {
  return refuse_request(state, to_status(error.code()), error.reason(), error.message());
}

// Finds the caller's key, and removes what must not reach the model: our own fields, and any caller key.
std::string take_fields(ngx_http_request_t* r, const proxy::Router& router, const proxy::RouteEntry& route) {
  std::string key;
  for_each_field(r->headers_in.headers, [&](ngx_table_elt_t& field) {
    const std::string_view name = lowcase(field);
    if (proxy::is_mifeng_field(name)) return strip(field);
    if (name != "authorization" && name != "x-api-key") return;
    const std::string_view found =
        name == "x-api-key" ? proxy::trim(value_of(field)) : proxy::bearer_key(value_of(field));
    if (found.empty()) return;
    // On an open route a key that is not ours may be the model's own affair.
    if (route.route.open && router.caller(found) == nullptr) return;
    if (key.empty()) key = found;
    strip(field);
  });
  return key;
}

ngx_int_t enter_gateway_thrown(ngx_http_request_t* r) {
  RequestState& state = *RequestState::attach(r);
  if (is_upgrade(r)) {
    return refuse_request(state, NGX_HTTP_NOT_IMPLEMENTED, "upgrade-refused",
                          phrase("Upgrade and CONNECT are not supported; call the model over plain HTTP."));
  }
  const Worker* const worker = Worker::get();
  if (worker != nullptr && !worker->has_had_table() && wait_a_little(state)) return NGX_AGAIN;
  state.router = worker == nullptr ? nullptr : worker->router();
  if (state.router == nullptr) {
    return refuse_request(
        state, NGX_HTTP_SERVICE_UNAVAILABLE, "no-table",
        phrase(
            "This gateway has heard nothing from its platform yet, or not for too long, so it has no valid routes; ask "
            "its operator."));
  }
  auto match = state.router->match(view(r->unparsed_uri));
  if (!match) return refuse_with(state, match.error());
  const proxy::RouteEntry& route = *match->entry;
  const std::string key = take_fields(r, *state.router, route);
  state.caller = key.empty() ? nullptr : state.router->caller(key);
  if (const auto allowed = state.router->authorise(route, key); !allowed) return refuse_with(state, allowed.error());
  state.route = &route;
  state.target = std::move(match->target);
  state.unbound = route.route.stream_requests;
  if (is_too_large(r, state)) {
    return refuse_request(state, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "body-too-large",
                          too_large(location_config(r).bound_body_max));
  }
  if (route.endpoints == nullptr || route.endpoints->empty()) {
    return refuse_request(state, NGX_HTTP_SERVICE_UNAVAILABLE, "no-endpoint",
                          phrase("No instance of this model is running; the operator sees why on its deployment."));
  }
  is_no_stranger(*r->connection);  // whoever may call may take his time over a body
  if (const auto otherwise = limit_call(state)) return *otherwise;
  state.request_id = Worker::get()->random().hex(16);
  begin_body(state);
  return NGX_DECLINED;
}

// A guard gives no reasons: whoever asks past the gateway gets a status, and nothing else.
ngx_int_t enter_guard_thrown(ngx_http_request_t* r) {
  RequestState& state = *RequestState::attach(r);
  if (is_upgrade(r)) return refuse_request(state, NGX_HTTP_NOT_IMPLEMENTED, "upgrade-refused", "upgrade");
  std::string_view id;
  std::string_view body;
  std::size_t ids = 0;
  std::size_t bodies = 0;
  for_each_field(r->headers_in.headers, [&](ngx_table_elt_t& field) {
    const std::string_view name = lowcase(field);
    if (name == "mifeng-request-id") {
      id = value_of(field);
      ++ids;
    } else if (name == "mifeng-request-body") {
      body = value_of(field);
      ++bodies;
    }
  });
  if (ids != 1 || !proxy::is_request_id(id) || bodies > 1 || (bodies == 1 && body != "unbound"))
    return refuse_request(state, NGX_HTTP_BAD_REQUEST, "bad-request-id", "no valid request id");
  state.unbound = bodies == 1;
  if (is_too_large(r, state))
    return refuse_request(state, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "body-too-large", "body too large");
  if (const auto otherwise = find_room(state)) return *otherwise;
  Worker* const worker = Worker::get();
  state.holds_a_stream = worker != nullptr && worker->hold_stream();
  if (!state.holds_a_stream) {
    if (worker != nullptr && wait_a_little(state)) return NGX_AGAIN;
    return refuse_request(state, NGX_HTTP_SERVICE_UNAVAILABLE, "no-seal-key", "no key to seal with");
  }
  state.request_id = id;
  begin_body(state);
  for_each_field(r->headers_in.headers, [&](ngx_table_elt_t& field) {
    if (proxy::is_mifeng_field(lowcase(field))) strip(field);
  });
  return NGX_DECLINED;
}

}  // namespace

ngx_int_t enter_gateway(ngx_http_request_t* r) {
  return guarded(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
                 [&] { return enter_gateway_thrown(r); });
}

ngx_int_t enter_guard(ngx_http_request_t* r) {
  return guarded(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR}, [&] { return enter_guard_thrown(r); });
}

}  // namespace mifeng::nginx
