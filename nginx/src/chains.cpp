// Holding input and bounding output: the pattern of nginx's gunzip filter. Without it a large body for a slow client
// would pile up in the worker.
#include <algorithm>

#include "filters.h"

namespace mifeng::nginx {
namespace {

// Bits that no module of our configuration uses: "ask this request again".
constexpr unsigned kRequestBuffered = 0x08;
constexpr unsigned kConnectionBuffered = 0x40;

}  // namespace

ngx_int_t take_input(RequestState& state, ngx_chain_t* in) {
  FilterChains& chains = state.chains;
  ngx_chain_t** end = &chains.in;
  while (*end != nullptr) end = &(*end)->next;
  for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
    // The links belong to whoever called us, and so do buffers without content: only what they say is kept.
    chains.flush = chains.flush || link->buf->flush;
    chains.last = chains.last || link->buf->last_buf;
    if (ngx_buf_size(link->buf) == 0) continue;
    ngx_chain_t* const held = ngx_alloc_chain_link(state.r->pool);
    if (held == nullptr) return NGX_ERROR;
    held->buf = link->buf;
    held->next = nullptr;
    *end = held;
    end = &held->next;
  }
  return NGX_OK;
}

ByteView held_input(const FilterChains& chains) {
  if (chains.in == nullptr) return {};
  const ngx_buf_t* const buffer = chains.in->buf;
  return {buffer->pos, static_cast<std::size_t>(buffer->last - buffer->pos)};
}

void consume(FilterChains& chains, std::size_t size) {
  ngx_chain_t* const link = chains.in;
  link->buf->pos += size;
  if (link->buf->pos == link->buf->last) chains.in = link->next;
}

ngx_buf_t* spare_buffer(RequestState& state, std::size_t size) {
  FilterChains& chains = state.chains;
  const auto room = [](const ngx_chain_t* link) { return static_cast<std::size_t>(link->buf->end - link->buf->start); };
  if (chains.spare == nullptr && chains.free != nullptr) {
    chains.spare = chains.free;
    chains.free = chains.free->next;
  }
  ngx_chain_t*& link = chains.spare;
  if (link == nullptr || room(link) < size) {
    link = ngx_alloc_chain_link(state.r->pool);
    if (link == nullptr) return nullptr;
    link->buf = ngx_create_temp_buf(state.r->pool, std::max<std::size_t>(size, 1));
    if (link->buf == nullptr) {
      link = nullptr;
      return nullptr;
    }
    link->buf->tag = static_cast<ngx_buf_tag_t>(&ngx_http_mifeng_module);
  }
  ngx_buf_t* const buffer = link->buf;
  buffer->pos = buffer->last = buffer->start;
  buffer->temporary = 1;
  buffer->flush = buffer->last_buf = buffer->last_in_chain = 0;
  return buffer;
}

void commit_spare(RequestState& state) {
  FilterChains& chains = state.chains;
  chains.spare->next = nullptr;
  *chains.out_end = chains.spare;
  chains.out_end = &chains.spare->next;
  chains.spare = nullptr;
  ++chains.under_way;
}

ngx_buf_t* take_buffer(RequestState& state, std::size_t size) {
  ngx_buf_t* const buffer = spare_buffer(state, size);
  if (buffer != nullptr) commit_spare(state);
  return buffer;
}

ngx_buf_t* take_special(RequestState& state) {
  ngx_buf_t* const buffer = take_buffer(state, 1);
  if (buffer != nullptr) buffer->temporary = 0;  // nginx takes an empty buffer "in memory" for a mistake
  return buffer;
}

ngx_int_t send_on(RequestState& state) {
  FilterChains& chains = state.chains;
  const ngx_int_t rc = next_body_filter(state.r, chains.out);
  if (rc == NGX_ERROR) return NGX_ERROR;
  ngx_chain_update_chains(state.r->pool, &chains.free, &chains.busy, &chains.out,
                          static_cast<ngx_buf_tag_t>(&ngx_http_mifeng_module));
  chains.out_end = &chains.out;
  chains.under_way = 0;
  for (const ngx_chain_t* link = chains.busy; link != nullptr; link = link->next) ++chains.under_way;
  return rc;
}

void mark_buffered(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  const bool open = state.answer == Answer::kHeld || state.answer == Answer::kPassing;
  if (state.waits_for_key || state.chains.in != nullptr || (open && state.chains.last && !state.complete)) {
    r->buffered |= kRequestBuffered;
    r->connection->buffered |= kConnectionBuffered;
  } else {
    r->buffered &= ~kRequestBuffered & 0x0f;
    r->connection->buffered &= ~kConnectionBuffered & 0xff;
  }
}

}  // namespace mifeng::nginx
