// What the module knows of one request. It lives until the request's pool goes, so longer than nginx's module context,
// which internal redirects and error pages clear.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/proxy/balancer.h"
#include "mifeng/proxy/open_filter.h"
#include "mifeng/proxy/router.h"
#include "mifeng/proxy/seal_filter.h"
#include "mifeng/sealed/body_digest.h"
#include "ngx.h"
#include "pump.h"

namespace mifeng::nginx {

enum class Answer {
  kUnseen,   // no header has passed yet
  kHeld,     // gateway: it is sealed, and its header waits until it is verified
  kPassing,  // its header was sent on, opened or sealed
  kEmpty,    // its header was sent on, and that is all of it
  kOwn,      // nginx's own (an error page), written by us
};

// A gateway's: a sealed answer, from its header's arrival to its end.
struct Opening {
  Opening(proxy::SealForm form, Bytes context) : filter(form, std::move(context)) {}

  proxy::OpenFilter filter;
  Bytes field;                                 // SealForm::kField: what stood in Mifeng-Seal
  std::optional<std::uint64_t> stream_length;  // SealForm::kBody, where it was said
  std::string content_type;                    // as sealed
  std::string content_encoding;
  bool waits_for_key = false;
};

// A guard's: an answer that is sealed as a body.
struct Sealing {
  explicit Sealing(proxy::SealFilter made) : filter(std::move(made)) {}

  proxy::SealFilter filter;
  bool begun = false;  // the stream's header was put out
};

// Why a request or an answer was refused. The first reason stays.
struct Refusal {
  std::string reason;        // class, for log and counters; empty: not refused
  std::string shown_reason;  // for the caller
  std::string message;       // for the caller
};

struct RequestState {
  explicit RequestState(ngx_http_request_t* request) : r(request), http_version(request->http_version), pump(request) {}
  RequestState(const RequestState&) = delete;
  RequestState& operator=(const RequestState&) = delete;
  ~RequestState();  // tells worker and balancer

  // The state of a request, or none; attach() makes one.
  static RequestState* find(ngx_http_request_t* request);
  static RequestState* attach(ngx_http_request_t* request);

  ngx_http_request_t* r;
  ngx_uint_t http_version;  // of the request; nginx overwrites its own where a model answers without a status line

  // --- The request. ---
  std::chrono::steady_clock::time_point patience_until{};  // once it waits for what its worker does not have yet
  std::chrono::steady_clock::time_point room_until{};      // guard: once it waits for room for its body
  std::size_t room = 0;                                    // bytes that its worker keeps for its body
  std::optional<std::uint32_t> held_call{};                // gateway: its place among its caller's calls at once
  bool over_limit = false;                                 // gateway: it is no call, since its caller has too many
  std::chrono::seconds retry_after{1};                     // what a caller is told who may come again
  ngx_event_t deadline{};                                  // gateway: when the call is ended
  bool holds_a_stream = false;  // guard: one of the streams that the seal key is good for is kept for its answer
  void release_stream();
  void release_room();
  void release_call();
  // Shared with the worker and other requests: a table that is replaced stays until its last request has ended.
  std::shared_ptr<const proxy::Router> router;
  const proxy::RouteEntry* route = nullptr;  // of `router`
  const proxy::Caller* caller = nullptr;     // the same; whose key came
  std::string target;                        // what is sent on (gateway)
  std::string request_id;
  bool unbound = false;        // the body is not hashed
  bool body_complete = false;  // the whole body went through the hasher
  sealed::BodyDigest body;

  // --- Attempts (gateway). ---
  // What nginx's keepalive module put into the request's peer: ours stands around it, as it stands around our balancer.
  ngx_event_get_peer_pt keepalive_get = nullptr;
  ngx_event_free_peer_pt keepalive_free = nullptr;
  void* keepalive_data = nullptr;
  std::vector<const proxy::EndpointAddress*> tried;  // in turn; a balanced address may stand there often
  std::chrono::steady_clock::time_point attempt_at{};
  const proxy::EndpointAddress* endpoint = nullptr;  // under way now
  void end_attempt(proxy::Balancer::Outcome outcome);

  // --- The answer. ---
  Answer answer = Answer::kUnseen;
  Refusal refusal;
  bool broken_off = false;  // gateway: the call has taken too long, and its answer ends here
  ngx_uint_t unverified_status = 0;
  std::string instance;  // id, once known
  std::optional<Opening> opening;
  std::optional<Sealing> sealing;
  std::string own_body;
  Pump pump;
};

}  // namespace mifeng::nginx
