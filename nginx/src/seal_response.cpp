// The guard's direction: the model's answer is sealed, whatever it is.
#include <array>

#include "filters.h"
#include "mifeng/proxy/fields.h"
#include "mifeng/sealed/context.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

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

Result<void> seal_answer(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  Worker& worker = *Worker::get();
  sealed::SenderKey* const key = worker.seal_key();
  if (key == nullptr) return Error(ErrorCode::kUnavailable, "no-seal-key", "there is no key to seal with");
  const FieldCount type = upstream_field(r, "content-type");
  const FieldCount encoding = upstream_field(r, "content-encoding");
  if (type.count > 1 || encoding.count > 1)
    return Error(ErrorCode::kVerificationFailed, "duplicate-field", "the model sent Content-Type or -Encoding twice");
  const std::string digest = state.unbound ? std::string(sealed::kUnboundBody) : state.body.digest();
  sealed::ResponseContext fields;
  fields.request_id = state.request_id;
  fields.status = static_cast<int>(r->headers_out.status);
  fields.content_type = type.value;
  fields.content_encoding = encoding.value;
  fields.method = view(r->method_name);
  fields.target = view(r->unparsed_uri);
  fields.body_digest = digest;
  MIFENG_TRY(const Bytes context, sealed::response_context(fields));

  // No body, in the words of RFC 9110, or one that is known to be empty: then the seal is a field.
  const bool bodyless = r->method == NGX_HTTP_HEAD || r->headers_out.status == NGX_HTTP_NO_CONTENT ||
                        r->headers_out.status == NGX_HTTP_NOT_MODIFIED;
  const bool empty = bodyless || r->headers_out.content_length_n == 0;
  std::string seal;
  if (empty) {
    MIFENG_TRY(seal, proxy::seal_empty(*key, context, worker.random(), worker.provider()));
  } else {
    std::optional<std::uint64_t> length;
    if (r->headers_out.content_length_n > 0) length = static_cast<std::uint64_t>(r->headers_out.content_length_n);
    MIFENG_TRY(state.sealer, proxy::SealFilter::create(*key, context, length, worker.random(), worker.provider()));
  }
  state.release_stream();  // it is counted by the key now
  // Nothing of the answer has been changed so far: an error above still becomes an error page.
  prepare_fields(r);
  const Error no_memory(ErrorCode::kInternal, "out-of-memory", "no memory is left for an answer");
  if (!type.value.empty() && add_field(r, "Mifeng-Content-Type", type.value) != NGX_OK) return no_memory;
  if (!encoding.value.empty() && add_field(r, "Mifeng-Content-Encoding", encoding.value) != NGX_OK) return no_memory;
  if (empty) {
    if (add_field(r, "Mifeng-Seal", seal) != NGX_OK) return no_memory;
    ngx_str_null(&r->headers_out.content_type);
    r->headers_out.content_type_len = 0;
    r->headers_out.content_length_n = bodyless ? -1 : 0;
    state.answer = Answer::kEmpty;
    return ok();
  }
  r->headers_out.content_type = as_ngx(proxy::kSealedContentType);
  r->headers_out.content_type_len = r->headers_out.content_type.len;
  const auto length = state.sealer->stream_length();
  r->headers_out.content_length_n = length ? static_cast<off_t>(*length) : -1;
  // What is not of a known length comes piece by piece, so it is sealed piece by piece.
  if (!length) r->upstream->buffering = upstream_field(r, "x-accel-buffering").value == "yes" ? 1 : 0;
  state.answer = Answer::kPassing;
  return ok();
}

using After = proxy::SealFilter::After;

After what_follows(const FilterChains& chains) {
  if (chains.in != nullptr && chains.in->next != nullptr) return After::kMore;
  if (chains.last) return After::kLast;
  return chains.flush ? After::kFlush : After::kMore;
}

// Seals what is held into at most kBuffersMax buffers; the first one begins with the stream's header.
Result<void> seal_held(RequestState& state) {
  FilterChains& chains = state.chains;
  proxy::SealFilter& sealer = *state.sealer;
  while (chains.under_way < kBuffersMax && !sealer.finished()) {
    const After after = what_follows(chains);
    ByteView in = held_input(chains);
    if (in.empty() && after == After::kMore) break;
    const std::size_t begin = state.stream_begun ? 0 : sealer.header().size();
    ngx_buf_t* const buffer = spare_buffer(state, begin + sealer.segment_room());
    if (buffer == nullptr) return Error(ErrorCode::kInternal, "out-of-memory", "no memory is left for an answer");
    const std::size_t size = in.size();
    const MutableBytes room(buffer->start + begin, static_cast<std::size_t>(buffer->end - buffer->start) - begin);
    MIFENG_TRY(const std::size_t written, sealer.next(in, after, room));
    if (size != 0) consume(chains, size - in.size());
    // The header alone goes ahead of a stream whose first piece is still to come: it can be verified meanwhile.
    const bool header_alone = begin != 0 && after == After::kFlush;
    if (written == 0 && !header_alone) {
      if (chains.in == nullptr) break;
      continue;
    }
    ngx_memcpy(buffer->start, sealer.header().data(), begin);
    state.stream_begun = true;
    buffer->last = buffer->start + begin + written;
    buffer->flush = after == After::kFlush;
    if (sealer.finished()) {
      buffer->last_buf = 1;
      buffer->last_in_chain = 1;
      state.complete = true;
    }
    commit_spare(state);
  }
  if (chains.in == nullptr && chains.under_way < kBuffersMax) chains.flush = false;
  return ok();
}

// The header was sent, and that is all of the answer.
ngx_int_t end_empty(RequestState& state, ngx_chain_t* in) {
  bool last = false;
  for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
    link->buf->pos = link->buf->last;
    last = last || link->buf->last_buf;
  }
  state.complete = state.complete || last;
  return state.r->header_only || (in != nullptr && !last) ? NGX_OK : next_body_filter(state.r, in);
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
  if (state.answer == Answer::kOwn) return own_body(state, in);
  if (state.answer == Answer::kUnseen) return next_body_filter(state.r, in);
  if (state.answer == Answer::kEmpty) return end_empty(state, in);
  FilterChains& chains = state.chains;
  ngx_http_request_t* const r = state.r;
  if (take_input(state, in) != NGX_OK) return NGX_ERROR;
  // Once nginx is done with the model, a flush without an end is how it gives up on an answer that broke off.
  if (chains.flush && !chains.last && r->upstream->cleanup == nullptr) {
    note_refusal(state, "model-broke-off", "model-broke-off", "the model's answer broke off");
    r->connection->error = 1;  // or nginx takes it for the end of a finished answer
    return NGX_ERROR;
  }
  bool asked = chains.busy != nullptr;  // what is under way is to be tried again
  do {
    if (const auto sealed = seal_held(state); !sealed) {
      note_refusal(state, sealed.error().reason(), sealed.error().reason(), sealed.error().message());
      r->connection->error = 1;
      return NGX_ERROR;
    }
    if (chains.out == nullptr && !asked) break;
    asked = false;
    if (send_on(state) == NGX_ERROR) return NGX_ERROR;
  } while (chains.under_way < kBuffersMax && (chains.in != nullptr || (chains.last && !state.complete)));
  mark_buffered(state);
  return chains.busy != nullptr || chains.in != nullptr ? NGX_AGAIN : NGX_OK;
}

}  // namespace mifeng::nginx
