// The guard's direction: the model's answer is sealed, whatever it is.
#include "filters.h"
#include "mifeng/proxy/fields.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

using proxy::SealForm;

// Fields of a model's answer that are ours, or that the sealed form has otherwise.
void prepare_fields(ngx_http_request_t* r) {
  for_each_field(r->headers_out.headers, [](ngx_table_elt_t& field) {
    const ngx_str_t& name = field.key;
    const bool ours = name.len >= 7 && ngx_strncasecmp(name.data, bytes_of("mifeng-"), 7) == 0;
    const bool encoding = name.len == 16 && ngx_strncasecmp(name.data, bytes_of("content-encoding"), 16) == 0;
    if (ours || encoding) field.hash = 0;
  });
  r->headers_out.content_encoding = nullptr;
  r->headers_out.content_length = nullptr;
  r->headers_out.content_type_lowcase = nullptr;
  ngx_str_null(&r->headers_out.charset);
  ngx_http_clear_accept_ranges(r);
  r->allow_ranges = 0;
}

// What the gateway checks the seal with, beside what it knows itself.
Result<void> add_sealed_fields(ngx_http_request_t* r, const AnswerFields& fields) {
  if (!fields.content_type.empty() && add_field(r, "Mifeng-Content-Type", fields.content_type) != NGX_OK)
    return out_of_memory();
  if (!fields.content_encoding.empty() && add_field(r, "Mifeng-Content-Encoding", fields.content_encoding) != NGX_OK)
    return out_of_memory();
  return ok();
}

// SealForm::kField.
Result<void> put_into_field(RequestState& state, std::string_view seal) {
  ngx_http_headers_out_t& out = state.r->headers_out;
  if (add_field(state.r, "Mifeng-Seal", seal) != NGX_OK) return out_of_memory();
  ngx_str_null(&out.content_type);
  out.content_type_len = 0;
  out.content_length_n = is_bodyless(state.r) ? -1 : 0;
  state.answer = Answer::kEmpty;
  return ok();
}

// SealForm::kBody.
void announce_body(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  r->headers_out.content_type = as_ngx(proxy::kSealedContentType);
  r->headers_out.content_type_len = r->headers_out.content_type.len;
  const auto length = state.sealing->filter.stream_length();
  r->headers_out.content_length_n = length ? static_cast<off_t>(*length) : -1;
  // What is not of a known length comes piece by piece, so it is sealed piece by piece.
  if (!length) r->upstream->buffering = upstream_field(r, "x-accel-buffering").value == "yes" ? 1 : 0;
  state.answer = Answer::kPassing;
}

Result<void> seal_answer(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  Worker& worker = *Worker::get();
  sealed::SenderKey* const key = worker.seal_key();
  if (key == nullptr) return Error(ErrorCode::kUnavailable, "no-seal-key", "there is no key to seal with");
  const FieldCount type = upstream_field(r, "content-type");
  const FieldCount encoding = upstream_field(r, "content-encoding");
  if (type.count > 1 || encoding.count > 1)
    return Error(ErrorCode::kVerificationFailed, "duplicate-field", "the model sent Content-Type or -Encoding twice");
  AnswerFields fields;
  fields.status = r->headers_out.status;
  fields.content_type = type.value;
  fields.content_encoding = encoding.value;
  fields.target = view(r->unparsed_uri);
  MIFENG_TRY(const Bytes context, answer_context(state, fields));

  const off_t said = r->headers_out.content_length_n;
  const SealForm form = is_bodyless(r) || said == 0 ? SealForm::kField : SealForm::kBody;
  std::string seal;
  if (form == SealForm::kField) {
    MIFENG_TRY(seal, proxy::seal_empty(*key, context, worker.random(), worker.provider()));
  } else {
    std::optional<std::uint64_t> length;
    if (said > 0) length = static_cast<std::uint64_t>(said);
    MIFENG_TRY(proxy::SealFilter filter,
               proxy::SealFilter::create(*key, context, length, worker.random(), worker.provider()));
    state.sealing.emplace(std::move(filter));
  }
  state.release_stream();  // it is counted by the key now
  // Nothing of the answer has been changed so far: an error above still becomes an error page.
  prepare_fields(r);
  MIFENG_CHECK(add_sealed_fields(r, fields));
  if (form == SealForm::kField) return put_into_field(state, seal);
  announce_body(state);
  return ok();
}

using After = proxy::SealFilter::After;

After what_follows(const Pump& pump) {
  if (!pump.front_is_all()) return After::kMore;
  if (pump.input_ended()) return After::kLast;
  return pump.flush_asked() ? After::kFlush : After::kMore;
}

// Seals what is held while there is room; the first buffer begins with the stream's header.
Result<void> seal_held(RequestState& state) {
  Pump& pump = state.pump;
  Sealing& sealing = *state.sealing;
  proxy::SealFilter& sealer = sealing.filter;
  while (pump.has_room() && !sealer.finished()) {
    const After after = what_follows(pump);
    ByteView in = pump.front();
    if (in.empty() && after == After::kMore) break;
    const std::size_t begin = sealing.begun ? 0 : sealer.header().size();
    ngx_buf_t* const buffer = pump.spare_buffer(begin + sealer.segment_room());
    if (buffer == nullptr) return out_of_memory();
    const std::size_t size = in.size();
    const MutableBytes room(buffer->start + begin, static_cast<std::size_t>(buffer->end - buffer->start) - begin);
    MIFENG_TRY(const std::size_t written, sealer.next(in, after, room));
    if (size != 0) pump.consume(size - in.size());
    // The header alone goes ahead of a stream whose first piece is still to come: it can be verified meanwhile.
    const bool header_alone = begin != 0 && after == After::kFlush;
    if (written == 0 && !header_alone) {
      if (!pump.holds_input()) break;
      continue;
    }
    ngx_memcpy(buffer->start, sealer.header().data(), begin);
    sealing.begun = true;
    buffer->last = buffer->start + begin + written;
    buffer->flush = after == After::kFlush;
    if (sealer.finished()) pump.end_with(*buffer);
    pump.commit_spare();
  }
  return ok();
}

// What was sent of it must not look finished.
ngx_int_t break_off(RequestState& state, const Error& error) {
  note_refusal(state, error.reason(), error.reason(), error.message());
  state.r->connection->error = 1;  // or nginx takes it for the end of a finished answer
  return NGX_ERROR;
}

}  // namespace

ngx_int_t seal_header(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  if (!is_upstream_answer(state)) return own_header(state);
  state.unverified_status = r->upstream->headers_in.status_n;
  // After a 101 nginx would pass bytes that no filter sees, and a 100 or 103 it takes for the answer itself. Status 0
  // is an answer without a status line.
  const bool informational = state.unverified_status < 200;
  const auto sealed = informational ? Result<void>(Error(ErrorCode::kVerificationFailed, "informational-status",
                                                         "the model answered with a status below 200, or without one"))
                                    : seal_answer(state);
  if (sealed) return mark_leaving(r) == NGX_OK ? next_header_filter(r) : NGX_ERROR;
  note_refusal(state, sealed.error().reason(), sealed.error().reason(), sealed.error().message());
  r->upstream->keepalive = 0;
  state.answer = Answer::kOwn;
  r->http_version = state.http_version;
  return sealed.error().code() == ErrorCode::kUnavailable ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_BAD_GATEWAY;
}

ngx_int_t seal_body(RequestState& state, ngx_chain_t* in) {
  switch (state.answer) {
    case Answer::kUnseen: return next_body_filter(state.r, in);
    case Answer::kOwn:
    case Answer::kEmpty: return own_body(state, in);
    case Answer::kHeld:
    case Answer::kPassing: break;
  }
  if (state.pump.take(in) != NGX_OK) return NGX_ERROR;
  if (state.pump.broke_off())
    return break_off(state, Error(ErrorCode::kVerificationFailed, "model-broke-off", "the model's answer broke off"));
  return state.pump.run([&]() -> ngx_int_t {
    const auto sealed = seal_held(state);
    return sealed ? NGX_OK : break_off(state, sealed.error());
  });
}

}  // namespace mifeng::nginx
