#include "open_response.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "filters.h"
#include "mifeng/proxy/fields.h"
#include "mifeng/sealed/context.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

constexpr std::string_view kRefusedMessage =
    "The model's answer could not be verified and was not passed on. The operator finds the reason under this request "
    "id.";

Error refused(std::string_view reason, std::string_view message) {
  return {ErrorCode::kVerificationFailed, std::string(reason), std::string(message)};
}

Error out_of_memory() { return {ErrorCode::kInternal, "out-of-memory", "no memory is left for an answer"}; }

bool has_no_body(const ngx_http_request_t* r) {
  return r->method == NGX_HTTP_HEAD || r->headers_out.status == NGX_HTTP_NO_CONTENT ||
         r->headers_out.status == NGX_HTTP_NOT_MODIFIED;
}

// What the header says, before anything of it is verified: the form of the seal and the context.
Result<void> read_header(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  state.unverified_status = r->upstream->headers_in.status_n;
  if (state.unverified_status < 200)
    return refused("informational-status", "the instance answered with a status below 200, or without one");
  const FieldCount seal = upstream_field(r, "mifeng-seal");
  const FieldCount type = upstream_field(r, "content-type");
  const FieldCount sealed_type = upstream_field(r, "mifeng-content-type");
  const FieldCount sealed_encoding = upstream_field(r, "mifeng-content-encoding");
  if (seal.count > 1 || type.count > 1 || sealed_type.count > 1 || sealed_encoding.count > 1)
    return refused("duplicate-field", "a field that belongs to the seal stands there twice");
  const bool in_body = type.value == proxy::kSealedContentType;
  if (seal.count == 0 && (!in_body || has_no_body(r))) return refused("unsealed", "the answer is not sealed");
  if (seal.count == 1 && (in_body || (!has_no_body(r) && r->headers_out.content_length_n != 0)))
    return refused("both-forms", "the answer has a Mifeng-Seal and a body as well");

  state.content_type = sealed_type.value;
  state.content_encoding = sealed_encoding.value;
  const std::string digest = state.unbound ? std::string(sealed::kUnboundBody) : state.body.digest();
  sealed::ResponseContext fields;
  fields.request_id = state.request_id;
  fields.status = static_cast<int>(state.unverified_status);
  fields.content_type = state.content_type;
  fields.content_encoding = state.content_encoding;
  fields.method = view(r->method_name);
  fields.target = state.target;
  fields.body_digest = digest;
  MIFENG_TRY(Bytes context, sealed::response_context(fields));
  if (seal.count == 1) {
    MIFENG_TRY(state.seal_field, from_base64(seal.value));
    state.opener.emplace(proxy::OpenFilter::Form::kField, std::move(context));
  } else {
    state.opener.emplace(proxy::OpenFilter::Form::kBody, std::move(context));
    if (r->headers_out.content_length_n >= 0)
      state.stream_length = static_cast<std::uint64_t>(r->headers_out.content_length_n);
  }
  return ok();
}

// Sends the verified header on, with the fields that may pass.
Result<ngx_int_t> send_header(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  ngx_http_headers_out_t& out = r->headers_out;
  const bool empty = !state.seal_field.empty();
  std::optional<std::uint64_t> length;
  if (!empty && state.stream_length) {
    MIFENG_TRY(length, state.opener->plaintext_length(*state.stream_length));
  }
  if (!empty && !length && r->http_version < NGX_HTTP_VERSION_11) {
    return refused(
        "needs-http-1.1",
        "The length of this answer is not known beforehand, and HTTP/1.0 could not show where it ends; use HTTP/1.1.");
  }
  for_each_field(out.headers, [&](ngx_table_elt_t& field) {
    std::string name(key_of(field));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!proxy::passes_to_caller(name, *state.route)) field.hash = 0;
  });
  // nginx's own pointers into the list; a field that stays keeps its place there.
  if (out.location != nullptr && out.location->hash == 0) out.location = nullptr;
  if (out.refresh != nullptr && out.refresh->hash == 0) out.refresh = nullptr;
  if (out.last_modified != nullptr && out.last_modified->hash == 0) out.last_modified = nullptr;
  if (out.etag != nullptr && out.etag->hash == 0) out.etag = nullptr;
  if (out.last_modified == nullptr) out.last_modified_time = -1;
  out.server = nullptr;
  out.date = nullptr;
  out.content_length = nullptr;
  out.content_encoding = nullptr;
  out.content_range = nullptr;
  out.accept_ranges = nullptr;
  out.www_authenticate = nullptr;
  out.expires = nullptr;
  out.content_offset = 0;
  r->allow_ranges = 0;

  out.content_type = copy_to(r->pool, state.content_type);
  out.content_type_len = out.content_type.len;
  out.content_type_lowcase = nullptr;
  ngx_str_null(&out.charset);
  if (out.content_type.data == nullptr) return ngx_int_t{NGX_ERROR};
  if (!state.content_encoding.empty()) {
    if (add_field(r, "Content-Encoding", state.content_encoding) != NGX_OK) return ngx_int_t{NGX_ERROR};
    auto* const last = static_cast<ngx_table_elt_t*>(out.headers.last->elts) + out.headers.last->nelts - 1;
    out.content_encoding = last;  // so that no filter behind us encodes once more
  }
  out.content_length_n = empty ? (has_no_body(r) ? -1 : 0) : length ? static_cast<off_t>(*length) : -1;
  state.answer = empty ? Answer::kEmpty : Answer::kPassing;
  return next_header_filter(r);
}

// Opens what is held into at most kBuffersMax buffers, and marks the end.
Result<void> open_held(RequestState& state) {
  FilterChains& chains = state.chains;
  ngx_buf_t* newest = nullptr;
  while (chains.in != nullptr && chains.under_way < kBuffersMax) {
    ByteView in = held_input(chains);
    const std::size_t size = in.size();
    MIFENG_TRY(const ByteView plaintext, state.opener->next(in));
    consume(chains, size - in.size());
    if (plaintext.empty()) continue;
    newest = take_buffer(state, plaintext.size());
    if (newest == nullptr) return out_of_memory();
    newest->last = ngx_cpymem(newest->last, plaintext.data(), plaintext.size());
    // Without a length every segment was a flush on the other side.
    newest->flush = !state.stream_length || (chains.flush && chains.in == nullptr);
  }
  if (chains.in == nullptr && chains.last && !state.complete) {
    MIFENG_CHECK(state.opener->finish());
    if (newest == nullptr && (newest = take_special(state)) == nullptr) return out_of_memory();
    newest->last_buf = 1;
    newest->last_in_chain = 1;
    state.complete = true;
  }
  return ok();
}

// Verifies the seal of an answer without a body.
Result<void> open_field(RequestState& state) {
  ByteView in = ByteView(state.seal_field).subspan(state.opener->header().size());
  while (!in.empty()) MIFENG_CHECK(state.opener->next(in));
  return state.opener->finish();
}

// One more step of an answer whose header waits; true where there is nothing more to do now.
Result<bool> advance_header(RequestState& state) {
  proxy::OpenFilter& opener = *state.opener;
  const bool in_field = !state.seal_field.empty();
  switch (opener.stage()) {
    case proxy::OpenFilter::Stage::kHeader: {
      ByteView in = in_field ? ByteView(state.seal_field) : held_input(state.chains);
      if (in.empty()) {
        if (state.chains.last) MIFENG_CHECK(opener.finish());
        return true;
      }
      const std::size_t size = in.size();
      MIFENG_CHECK(opener.feed_header(in));
      if (!in_field) consume(state.chains, size - in.size());
      if (in_field && opener.stage() == proxy::OpenFilter::Stage::kHeader) MIFENG_CHECK(opener.finish());
      return false;
    }
    case proxy::OpenFilter::Stage::kKey: {
      if (state.waits_for_key) return true;
      MIFENG_TRY(const auto key, Worker::get()->find_key(state));
      if (key == nullptr) return true;
      MIFENG_CHECK(opener.start(*key, Worker::get()->provider()));
      return false;
    }
    case proxy::OpenFilter::Stage::kSegments: break;
  }
  if (in_field) {
    MIFENG_CHECK(open_field(state));
  } else if (state.stream_length) {
    // The first segment, most often the only one, is verified before anything is said: so what fails is a 502. A stream
    // without a length does not wait for it: whoever listens to events wants to see that they will come.
    MIFENG_CHECK(open_held(state));
    if (state.chains.out == nullptr) return true;
  }
  MIFENG_TRY(const ngx_int_t rc, send_header(state));
  if (rc == NGX_ERROR || rc > NGX_OK) return Error(ErrorCode::kInternal, "cannot-send", "the header could not be sent");
  return false;
}

// All verification failures look the same to the caller; what the caller can mend is said.
void note_refused_answer(RequestState& state, const Error& error) {
  if (error.reason() == "needs-http-1.1") {
    note_refusal(state, error.reason(), error.reason(), error.message());
  } else {
    note_refusal(state, error.reason(), "answer-refused", kRefusedMessage);
  }
}

// nginx takes an error of a filter for the end of a finished answer where the upstream is done, unless the connection
// is marked.
ngx_int_t break_off(RequestState& state) {
  state.r->connection->error = 1;
  return NGX_ERROR;
}

// Before the header was sent: a 502 in its place. After that: NGX_ERROR, which ends the request, and resets the
// connection since the answer is not complete.
ngx_int_t refuse_answer(RequestState& state, const Error& error) {
  const bool ours = error.code() == ErrorCode::kInternal;
  note_refused_answer(state, error);
  if (state.answer != Answer::kHeld) return break_off(state);
  state.answer = Answer::kOwn;
  state.chains = FilterChains();
  mark_buffered(state);
  state.r->keepalive = 0;
  state.r->http_version = state.http_version;
  return ngx_http_filter_finalize_request(state.r, &ngx_http_mifeng_module,
                                          ours ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_HTTP_BAD_GATEWAY);
}

// The header was sent, and that is all of the answer.
ngx_int_t end_empty(RequestState& state) {
  if (!state.chains.last || state.complete) return NGX_OK;
  state.complete = true;
  if (state.r->header_only) return NGX_OK;
  ngx_buf_t* const buffer = take_special(state);
  if (buffer == nullptr) return NGX_ERROR;
  buffer->last_buf = 1;
  buffer->last_in_chain = 1;
  return send_on(state);
}

// From outside of nginx's own handling of this request. The upstream may still be under way: ending that gives back the
// reference which it holds, and without one of our own the request would be freed in the middle of its end.
void end_request(ngx_http_request_t* r) {
  ++r->main->count;
  ngx_http_finalize_request(r, NGX_ERROR);
}

ngx_int_t advance(RequestState& state) {
  const bool header_is_new = state.answer == Answer::kHeld;
  while (state.answer == Answer::kHeld) {
    const auto waits = advance_header(state);
    if (!waits) return refuse_answer(state, waits.error());
    if (*waits) {
      mark_buffered(state);
      return NGX_AGAIN;
    }
  }
  FilterChains& chains = state.chains;
  if (state.answer == Answer::kEmpty) {
    mark_buffered(state);
    return end_empty(state);
  }
  bool asked = chains.busy != nullptr;  // what is under way is to be tried again
  do {
    if (const auto opened = open_held(state); !opened) return refuse_answer(state, opened.error());
    if (chains.out == nullptr && header_is_new && !state.stream_length) {
      // Whoever waits for the first event of a stream wants to see that there is one.
      ngx_buf_t* const buffer = take_special(state);
      if (buffer == nullptr) return NGX_ERROR;
      buffer->flush = 1;
    }
    if (chains.out == nullptr && !asked) break;
    asked = false;
    if (send_on(state) == NGX_ERROR) return NGX_ERROR;
  } while (chains.under_way < kBuffersMax && (chains.in != nullptr || (chains.last && !state.complete)));
  mark_buffered(state);
  return chains.busy != nullptr || chains.in != nullptr ? NGX_AGAIN : NGX_OK;
}

}  // namespace

ngx_int_t open_header(RequestState& state) {
  if (!is_upstream_answer(state)) return own_header(state);
  if (const auto read = read_header(state); !read) {
    note_refused_answer(state, read.error());
    state.answer = Answer::kOwn;
    state.r->http_version = state.http_version;
    return NGX_HTTP_BAD_GATEWAY;
  }
  state.answer = Answer::kHeld;
  if (state.seal_field.empty()) {
    // What is not of a known length comes piece by piece, so it is passed on piece by piece.
    if (!state.stream_length)
      state.r->upstream->buffering = upstream_field(state.r, "x-accel-buffering").value == "yes" ? 1 : 0;
    return NGX_OK;
  }
  while (state.answer == Answer::kHeld) {
    const auto waits = advance_header(state);
    if (!waits) {
      note_refused_answer(state, waits.error());
      state.answer = Answer::kOwn;
      return NGX_HTTP_BAD_GATEWAY;
    }
    if (*waits) {
      mark_buffered(state);
      return NGX_OK;
    }
  }
  return NGX_OK;
}

ngx_int_t open_body(RequestState& state, ngx_chain_t* in) {
  if (state.answer == Answer::kOwn) return own_body(state, in);
  if (state.answer == Answer::kUnseen) return next_body_filter(state.r, in);
  if (state.answer == Answer::kEmpty) return take_input(state, in) == NGX_OK ? end_empty(state) : NGX_ERROR;
  const bool flushed_before = state.chains.flush;
  state.chains.flush = false;
  if (take_input(state, in) != NGX_OK) return NGX_ERROR;
  // Once nginx is done with the upstream, a flush without an end is how it gives up on an answer that broke off.
  const bool broke_off = state.chains.flush && !state.chains.last && state.r->upstream->cleanup == nullptr;
  state.chains.flush = state.chains.flush || (flushed_before && state.chains.in != nullptr);
  if (broke_off) return refuse_answer(state, refused("truncated", "the answer broke off"));
  return advance(state);
}

void resume_opening(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  ngx_connection_t* const connection = r->connection;
  ngx_http_set_log_request(connection->log, r);
  const ngx_int_t rc = advance(state);
  if (rc == NGX_ERROR) {
    end_request(r);
  } else {
    r->write_event_handler(r);  // whoever feeds us goes on
  }
  ngx_http_run_posted_requests(connection);
}

void refuse_held(RequestState& state, const std::string& reason) {
  ngx_http_request_t* const r = state.r;
  ngx_connection_t* const connection = r->connection;
  ngx_http_set_log_request(connection->log, r);
  refuse_answer(state, refused(reason, "the keyholder did not give a key for it"));
  end_request(r);
  ngx_http_run_posted_requests(connection);
}

}  // namespace mifeng::nginx
