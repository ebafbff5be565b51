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

// Output buffers that one answer may have under way at a time: what bounds its memory.
inline constexpr std::size_t kBuffersMax = 2;

// --- Input that is held. ---
// Adds a chain to what is held. NGX_ERROR without memory.
ngx_int_t take_input(RequestState& state, ngx_chain_t* in);
// What is at the front of it, empty where nothing is held; consume() after it was used.
ByteView held_input(const FilterChains& chains);
void consume(FilterChains& chains, std::size_t size);
// A buffer with room for `size` bytes, used again where possible; null without memory. It joins chains.out with
// commit_spare(); until then the same one comes back.
ngx_buf_t* spare_buffer(RequestState& state, std::size_t size);
void commit_spare(RequestState& state);
// Both at once.
ngx_buf_t* take_buffer(RequestState& state, std::size_t size);
// One without content, that says flush or last; null without memory.
ngx_buf_t* take_special(RequestState& state);
// Hands chains.out on, with what became of it. As a body filter returns.
ngx_int_t send_on(RequestState& state);
// Tells nginx whether this request has to be asked again (input is held) before it may be finished.
void mark_buffered(RequestState& state);

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
void note_refusal(RequestState& state, std::string_view reason, std::string_view shown_reason,
                  std::string_view message);

// --- nginx's own answers (error pages). ---
ngx_int_t own_header(RequestState& state);
ngx_int_t own_body(RequestState& state, ngx_chain_t* in);
// Guard: where it ends soon, this answer is its connection's last, and the gateway is told to go elsewhere.
ngx_int_t mark_leaving(ngx_http_request_t* r);
// To be answered in place of a request: `status`, with the reason and the message for the caller.
ngx_int_t refuse_request(RequestState& state, ngx_int_t status, std::string_view reason, std::string_view message);

// --- Before the request. ---
// Puts the request to sleep, and the phases come back to the handler that asked: it then answers NGX_AGAIN. False where
// it has waited for long enough.
bool wait_a_little(RequestState& state);

// --- The two directions. ---
ngx_int_t seal_header(RequestState& state);
ngx_int_t seal_body(RequestState& state, ngx_chain_t* in);

// Phase handlers, at preaccess: before the body is read.
ngx_int_t enter_gateway(ngx_http_request_t* r);
ngx_int_t enter_guard(ngx_http_request_t* r);

}  // namespace mifeng::nginx
