// The filters' order, and what the parts of the module share about answers.
#pragma once

#include <string_view>

#include "request_state.h"

namespace mifeng::nginx {

extern ngx_http_output_header_filter_pt next_header_filter;
extern ngx_http_output_body_filter_pt next_body_filter;

// Hooks header, body and request body filters.
void install_filters();

// Of a guard's answer, not sealed: it ends soon, so other units come first (spec/key-socket.md, Lame duck).
inline constexpr std::string_view kLeavingField = "Mifeng-Leaving";

// --- What is sealed, and how. ---
// No body, in the words of RFC 9110, whatever the header says of its length.
bool is_bodyless(const ngx_http_request_t* r);
// What the answer to this request is bound to; "bad-context" of sealed::response_context().
struct AnswerFields {
  ngx_uint_t status = 0;
  std::string_view content_type = {};
  std::string_view content_encoding = {};
  std::string_view target = {};  // as the guard sees it
};
Result<Bytes> answer_context(const RequestState& state, const AnswerFields& answer);
Error out_of_memory();

// --- Header fields of an answer. ---
void clear_headers(ngx_http_request_t* r);
void remove_field(ngx_table_elt_t& field);
// NGX_ERROR without memory. Name and value are copied.
ngx_int_t add_field(ngx_http_request_t* r, std::string_view name, std::string_view value);
// Of the last model or guard that was asked: the fields with this (lower-case) name.
struct FieldCount {
  std::string_view value;  // of the first
  std::size_t count = 0;
};
FieldCount upstream_field(ngx_http_request_t* r, std::string_view name);
// Whether the answer that is passing came from upstream, rather than from nginx itself.
bool is_upstream_answer(const RequestState& state);

// --- What goes wrong. ---
// Counts and logs it under `reason`, once a request; the caller is told `shown_reason` and the message.
void note_refusal(RequestState& state, std::string_view reason, std::string_view shown_reason, std::string_view message,
                  ngx_uint_t level = NGX_LOG_WARN);

// --- Answers whose body is not the one that comes: nginx's own (error pages), and empty ones. ---
ngx_int_t own_header(RequestState& state);
// What comes is dropped, and at its end state.own_body goes in its place.
ngx_int_t own_body(RequestState& state, ngx_chain_t* in);
// The same where the end has come already.
ngx_int_t end_own_body(RequestState& state);
// Guard: where it ends soon, this answer is its connection's last, and the gateway is told to go elsewhere.
ngx_int_t mark_leaving(ngx_http_request_t* r);
// To be answered in place of a request: `status`, with the reason and the message for the caller.
ngx_int_t refuse_request(RequestState& state, ngx_int_t status, std::string_view reason, std::string_view message,
                         ngx_uint_t level = NGX_LOG_WARN);

// --- Before the request. ---
// Puts the request to sleep, and the phases come back to the handler that asked: it then answers NGX_AGAIN. False where
// it has waited for long enough: `until` is set at the first call, to `at_most` from then.
bool wait_a_little(RequestState& state, std::chrono::steady_clock::time_point& until, std::chrono::seconds at_most);

// --- Room for bodies that are kept until they are whole. ---
// Whether nginx keeps so much of a body in a file.
bool goes_into_a_file(ngx_http_request_t* r, std::size_t bytes);
// 503 "no-room".
ngx_int_t refuse_for_room(RequestState& state);

// --- The two directions. ---
ngx_int_t seal_header(RequestState& state);
ngx_int_t seal_body(RequestState& state, ngx_chain_t* in);

// Phase handlers, at preaccess: before the body is read.
ngx_int_t enter_gateway(ngx_http_request_t* r);
ngx_int_t enter_guard(ngx_http_request_t* r);

}  // namespace mifeng::nginx
