#include "open_response.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "filters.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/fields.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

using proxy::SealForm;

std::string refused_message() {
  return phrase(
      "The model's answer could not be verified and was not passed on. The operator finds the reason under this "
      "request id.");
}

Error refused(std::string_view reason, std::string_view message) {
  return {ErrorCode::kVerificationFailed, std::string(reason), std::string(message)};
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
  if (seal.count == 0 && (!in_body || is_bodyless(r))) return refused("unsealed", "the answer is not sealed");
  if (seal.count == 1 && (in_body || (!is_bodyless(r) && r->headers_out.content_length_n != 0)))
    return refused("both-forms", "the answer has a Mifeng-Seal and a body as well");

  AnswerFields fields;
  fields.status = state.unverified_status;
  fields.content_type = sealed_type.value;
  fields.content_encoding = sealed_encoding.value;
  fields.target = state.target;
  MIFENG_TRY(Bytes context, answer_context(state, fields));
  const SealForm form = seal.count == 1 ? SealForm::kField : SealForm::kBody;
  Opening& opening = state.opening.emplace(form, std::move(context));
  opening.content_type = sealed_type.value;
  opening.content_encoding = sealed_encoding.value;
  if (form == SealForm::kField) {
    MIFENG_TRY(opening.field, from_base64(seal.value));
  } else if (r->headers_out.content_length_n >= 0) {
    opening.stream_length = static_cast<std::uint64_t>(r->headers_out.content_length_n);
  }
  return ok();
}

// Of the guard's fields those go on that may.
void keep_what_passes(RequestState& state) {
  ngx_http_headers_out_t& out = state.r->headers_out;
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
  state.r->allow_ranges = 0;
}

// What was sealed with the answer stands in the fields that callers know.
ngx_int_t say_what_was_sealed(ngx_http_request_t* r, const Opening& opening) {
  ngx_http_headers_out_t& out = r->headers_out;
  out.content_type = copy_to(r->pool, opening.content_type);
  out.content_type_len = out.content_type.len;
  out.content_type_lowcase = nullptr;
  ngx_str_null(&out.charset);
  if (out.content_type.data == nullptr) return NGX_ERROR;
  if (opening.content_encoding.empty()) return NGX_OK;
  if (add_field(r, "Content-Encoding", opening.content_encoding) != NGX_OK) return NGX_ERROR;
  auto* const last = static_cast<ngx_table_elt_t*>(out.headers.last->elts) + out.headers.last->nelts - 1;
  out.content_encoding = last;  // so that no filter behind us encodes once more
  return NGX_OK;
}

// Sends the verified header on.
Result<void> send_header(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  const Opening& opening = *state.opening;
  const bool empty = opening.filter.form() == SealForm::kField;
  std::optional<std::uint64_t> length;
  if (opening.stream_length) {
    MIFENG_TRY(length, opening.filter.plaintext_length(*opening.stream_length));
  }
  if (!empty && !length && r->http_version < NGX_HTTP_VERSION_11) {
    return refused(
        "needs-http-1.1",
        phrase("The length of this answer is not known beforehand, and HTTP/1.0 could not show where it ends; use "
               "HTTP/1.1."));
  }
  keep_what_passes(state);
  const Error cannot_send(ErrorCode::kInternal, "cannot-send", "the header could not be sent");
  if (say_what_was_sealed(r, opening) != NGX_OK) return cannot_send;
  r->headers_out.content_length_n = empty ? (is_bodyless(r) ? -1 : 0) : length ? static_cast<off_t>(*length) : -1;
  state.answer = empty ? Answer::kEmpty : Answer::kPassing;
  const ngx_int_t rc = next_header_filter(r);
  if (rc == NGX_ERROR || rc > NGX_OK) return cannot_send;
  return ok();
}

// Opens what is held while there is room, and marks the end.
Result<void> open_held(RequestState& state) {
  Pump& pump = state.pump;
  Opening& opening = *state.opening;
  ngx_buf_t* newest = nullptr;
  while (pump.holds_input() && pump.has_room()) {
    ByteView in = pump.front();
    const std::size_t size = in.size();
    MIFENG_TRY(const ByteView plaintext, opening.filter.next(in));
    pump.consume(size - in.size());
    if (plaintext.empty()) continue;
    newest = pump.take_buffer(plaintext.size());
    if (newest == nullptr) return out_of_memory();
    newest->last = ngx_cpymem(newest->last, plaintext.data(), plaintext.size());
    // Without a length every segment was a flush on the other side.
    newest->flush = !opening.stream_length || (pump.flush_asked() && !pump.holds_input());
  }
  if (!pump.holds_input() && pump.input_ended() && !pump.ended()) {
    MIFENG_CHECK(opening.filter.finish());
    if (newest == nullptr && (newest = pump.take_special()) == nullptr) return out_of_memory();
    pump.end_with(*newest);
  }
  return ok();
}

// What a step of an answer whose header waits for its verification comes to.
enum class Step { kDone, kWaits };

Result<Step> read_stream_header(RequestState& state) {
  Opening& opening = *state.opening;
  if (opening.filter.form() == SealForm::kField) {
    ByteView in = opening.field;
    MIFENG_CHECK(opening.filter.feed_header(in));
    if (opening.filter.stage() == proxy::OpenFilter::Stage::kHeader) MIFENG_CHECK(opening.filter.finish());
    return Step::kDone;
  }
  ByteView in = state.pump.front();
  if (in.empty()) {
    if (state.pump.input_ended()) MIFENG_CHECK(opening.filter.finish());
    return Step::kWaits;
  }
  const std::size_t size = in.size();
  MIFENG_CHECK(opening.filter.feed_header(in));
  state.pump.consume(size - in.size());
  return Step::kDone;
}

Result<Step> find_key(RequestState& state) {
  if (state.opening->waits_for_key) return Step::kWaits;
  MIFENG_TRY(const auto key, Worker::get()->find_key(state));
  if (key == nullptr) return Step::kWaits;
  MIFENG_CHECK(state.opening->filter.start(*key, Worker::get()->provider()));
  return Step::kDone;
}

// Verifies the seal of an answer without a body.
Result<void> open_field(Opening& opening) {
  ByteView in = ByteView(opening.field).subspan(opening.filter.header().size());
  while (!in.empty()) MIFENG_CHECK(opening.filter.next(in));
  return opening.filter.finish();
}

// The key is there: the header goes once what has to be verified before it is.
Result<Step> begin_answer(RequestState& state) {
  Opening& opening = *state.opening;
  if (opening.filter.form() == SealForm::kField) {
    MIFENG_CHECK(open_field(opening));
  } else if (opening.stream_length) {
    // The first segment, most often the only one, is verified before anything is said: so what fails is a 502. A stream
    // without a length does not wait for it: whoever listens to events wants to see that they will come.
    MIFENG_CHECK(open_held(state));
    if (!state.pump.has_output()) return Step::kWaits;
  }
  MIFENG_CHECK(send_header(state));
  return Step::kDone;
}

// As far as it goes now, with an answer whose header waits: kDone once that was sent.
Result<Step> advance_header(RequestState& state) {
  while (state.answer == Answer::kHeld) {
    Step step = Step::kDone;
    switch (state.opening->filter.stage()) {
      case proxy::OpenFilter::Stage::kHeader: {
        MIFENG_TRY(step, read_stream_header(state));
        break;
      }
      case proxy::OpenFilter::Stage::kKey: {
        MIFENG_TRY(step, find_key(state));
        break;
      }
      case proxy::OpenFilter::Stage::kSegments: {
        MIFENG_TRY(step, begin_answer(state));
        break;
      }
    }
    if (step == Step::kWaits) {
      state.pump.pause(state.opening->waits_for_key);
      return Step::kWaits;
    }
  }
  return Step::kDone;
}

// All verification failures look the same to the caller; what the caller can mend is said.
void note_refused_answer(RequestState& state, const Error& error) {
  if (error.reason() == "needs-http-1.1") {
    note_refusal(state, error.reason(), error.reason(), error.message());
  } else {
    note_refusal(state, error.reason(), "answer-refused", refused_message());
  }
}

// nginx takes an error of a filter for the end of a finished answer where the upstream is done, unless the connection
// is marked.
ngx_int_t break_off(RequestState& state) {
  state.r->connection->error = 1;
  return NGX_ERROR;
}

// In place of an answer whose header is held.
ngx_int_t answer_instead(RequestState& state, ngx_int_t status) {
  state.answer = Answer::kOwn;
  state.pump.drop();
  state.r->keepalive = 0;
  state.r->http_version = state.http_version;
  return ngx_http_filter_finalize_request(state.r, &ngx_http_mifeng_module, status);
}

// Before the header was sent: a 502 in its place. After that: NGX_ERROR, which ends the request, and resets the
// connection since the answer is not complete.
ngx_int_t refuse_answer(RequestState& state, const Error& error) {
  const bool ours = error.code() == ErrorCode::kInternal;
  note_refused_answer(state, error);
  if (state.answer != Answer::kHeld) return break_off(state);
  return answer_instead(state, ours ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_HTTP_BAD_GATEWAY);
}

// From outside of nginx's own handling of this request. The upstream may still be under way: ending that gives back the
// reference which it holds, and without one of our own the request would be freed in the middle of its end.
void end_request(ngx_http_request_t* r) {
  ++r->main->count;
  ngx_http_finalize_request(r, NGX_ERROR);
}

// One round of the pump. `header_is_new`: it was sent in this very call.
ngx_int_t fill(RequestState& state, bool header_is_new) {
  if (const auto opened = open_held(state); !opened) return refuse_answer(state, opened.error());
  if (!header_is_new || state.pump.has_output() || state.opening->stream_length) return NGX_OK;
  // Whoever waits for the first event of a stream wants to see that there is one.
  ngx_buf_t* const buffer = state.pump.take_special();
  if (buffer == nullptr) return NGX_ERROR;
  buffer->flush = 1;
  return NGX_OK;
}

ngx_int_t advance(RequestState& state) {
  const bool header_is_new = state.answer == Answer::kHeld;
  const auto step = advance_header(state);
  if (!step) return refuse_answer(state, step.error());
  if (*step == Step::kWaits) return NGX_AGAIN;
  if (state.answer == Answer::kPassing) return state.pump.run([&] { return fill(state, header_is_new); });
  state.pump.stop_waiting();
  return state.pump.input_ended() ? end_own_body(state) : NGX_OK;
}

// In place of the answer's header: nginx makes an answer of its own.
ngx_int_t answer_otherwise(RequestState& state, const Error& error) {
  // A guard that has no room for a body says so before it reads it, so it cannot seal that. Nobody has verified it, and
  // whoever stands in between could say it as well; he could as well break the connection.
  const bool busy = error.reason() == "unsealed" && state.unverified_status == NGX_HTTP_SERVICE_UNAVAILABLE;
  if (busy)
    note_refusal(state, "model-busy", "model-busy",
                 phrase("The model takes no request just now; send it again in a moment."));
  else
    note_refused_answer(state, error);
  state.answer = Answer::kOwn;
  state.r->http_version = state.http_version;
  return busy ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_BAD_GATEWAY;
}

}  // namespace

ngx_int_t open_header(RequestState& state) {
  if (!is_upstream_answer(state)) return own_header(state);
  if (const auto read = read_header(state); !read) return answer_otherwise(state, read.error());
  state.answer = Answer::kHeld;
  const Opening& opening = *state.opening;
  if (opening.filter.form() == SealForm::kField) {
    const auto step = advance_header(state);
    return step ? NGX_OK : answer_otherwise(state, step.error());
  }
  // What is not of a known length comes piece by piece, so it is passed on piece by piece.
  if (!opening.stream_length)
    state.r->upstream->buffering = upstream_field(state.r, "x-accel-buffering").value == "yes" ? 1 : 0;
  return NGX_OK;
}

ngx_int_t open_body(RequestState& state, ngx_chain_t* in) {
  switch (state.answer) {
    case Answer::kUnseen: return next_body_filter(state.r, in);
    case Answer::kOwn:
    case Answer::kEmpty: return own_body(state, in);
    case Answer::kHeld:
    case Answer::kPassing: break;
  }
  if (state.pump.take(in) != NGX_OK) return NGX_ERROR;
  if (state.pump.broke_off()) return refuse_answer(state, refused("truncated", "the answer broke off"));
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

void end_overdue(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  if (r->done) return;  // all of it has gone to the caller
  ngx_connection_t* const connection = r->connection;
  ngx_http_set_log_request(connection->log, r);
  note_refusal(
      state, "call-too-long", "call-too-long",
      phrase("The call took longer than this model's route allows, and was ended; ask for less in one call, or "
             "have the operator allow more seconds."));
  if (state.opening && state.opening->waits_for_key) Worker::get()->forget(state);
  r->keepalive = 0;  // of its body something may be still to come
  if (state.answer == Answer::kUnseen) {
    // The model's side ends first, which gives back the reference that it holds.
    if (ngx_http_upstream_t* const upstream = r->upstream; upstream != nullptr && upstream->cleanup != nullptr) {
      ++r->main->count;
      (*upstream->cleanup)(r);
    }
    ngx_http_finalize_request(r, NGX_HTTP_GATEWAY_TIME_OUT);
  } else {
    if (state.answer == Answer::kHeld) {
      answer_instead(state, NGX_HTTP_GATEWAY_TIME_OUT);
    } else {
      state.broken_off = true;
      break_off(state);
    }
    end_request(r);
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
