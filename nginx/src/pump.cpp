#include "pump.h"

#include <algorithm>

#include "filters.h"

namespace mifeng::nginx {
namespace {

// Bits that no module of our configuration uses: "ask this request again".
constexpr unsigned kRequestBuffered = 0x08;
constexpr unsigned kConnectionBuffered = 0x40;

std::size_t room_of(const ngx_chain_t& link) { return static_cast<std::size_t>(link.buf->end - link.buf->start); }

}  // namespace

ngx_int_t Pump::take(ngx_chain_t* in) {
  flush_just_asked_ = false;
  ngx_chain_t** end = &in_;
  while (*end != nullptr) end = &(*end)->next;
  for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
    // The links belong to whoever called us, and so do buffers without content: only what they say is kept.
    flush_just_asked_ = flush_just_asked_ || link->buf->flush;
    last_ = last_ || link->buf->last_buf;
    if (ngx_buf_size(link->buf) == 0) continue;
    ngx_chain_t* const held = ngx_alloc_chain_link(r_->pool);
    if (held == nullptr) return NGX_ERROR;
    held->buf = link->buf;
    held->next = nullptr;
    *end = held;
    end = &held->next;
  }
  flush_ = flush_ || flush_just_asked_;
  return NGX_OK;
}

ByteView Pump::front() const {
  if (in_ == nullptr) return {};
  const ngx_buf_t* const buffer = in_->buf;
  return {buffer->pos, static_cast<std::size_t>(buffer->last - buffer->pos)};
}

void Pump::consume(std::size_t size) {
  ngx_chain_t* const link = in_;
  link->buf->pos += size;
  if (link->buf->pos == link->buf->last) in_ = link->next;
}

ngx_buf_t* Pump::spare_buffer(std::size_t size) {
  if (spare_ == nullptr && free_ != nullptr) {
    spare_ = free_;
    free_ = free_->next;
  }
  if (spare_ == nullptr || room_of(*spare_) < size) {
    spare_ = ngx_alloc_chain_link(r_->pool);
    if (spare_ == nullptr) return nullptr;
    spare_->buf = ngx_create_temp_buf(r_->pool, std::max<std::size_t>(size, 1));
    if (spare_->buf == nullptr) {
      spare_ = nullptr;
      return nullptr;
    }
    spare_->buf->tag = static_cast<ngx_buf_tag_t>(&ngx_http_mifeng_module);
  }
  ngx_buf_t* const buffer = spare_->buf;
  buffer->pos = buffer->last = buffer->start;
  buffer->temporary = 1;
  buffer->flush = buffer->last_buf = buffer->last_in_chain = 0;
  return buffer;
}

void Pump::commit_spare() {
  spare_->next = nullptr;
  *out_end_ = spare_;
  out_end_ = &spare_->next;
  spare_ = nullptr;
  ++under_way_;
}

ngx_buf_t* Pump::take_buffer(std::size_t size) {
  ngx_buf_t* const buffer = spare_buffer(size);
  if (buffer != nullptr) commit_spare();
  return buffer;
}

ngx_buf_t* Pump::take_special() {
  ngx_buf_t* const buffer = take_buffer(1);
  if (buffer != nullptr) buffer->temporary = 0;  // nginx takes an empty buffer "in memory" for a mistake
  return buffer;
}

void Pump::end_with(ngx_buf_t& buffer) {
  buffer.last_buf = 1;
  buffer.last_in_chain = 1;
  ended_ = true;
}

bool Pump::is_under_way() const { return busy_ != nullptr || (r_->connection->buffered & ~kConnectionBuffered) != 0; }

ngx_int_t Pump::send() {
  const ngx_int_t rc = next_body_filter(r_, out_);
  if (rc == NGX_ERROR) return NGX_ERROR;
  ngx_chain_update_chains(r_->pool, &free_, &busy_, &out_, static_cast<ngx_buf_tag_t>(&ngx_http_mifeng_module));
  out_end_ = &out_;
  under_way_ = 0;
  for (const ngx_chain_t* link = busy_; link != nullptr; link = link->next) ++under_way_;
  return rc;
}

void Pump::drop() {
  in_ = out_ = busy_ = free_ = spare_ = nullptr;
  out_end_ = &out_;
  flush_ = flush_just_asked_ = last_ = false;
  under_way_ = 0;
  set_buffered(false);
}

void Pump::set_buffered(bool buffered) {
  if (buffered) {
    r_->buffered |= kRequestBuffered;
    r_->connection->buffered |= kConnectionBuffered;
  } else {
    r_->buffered &= ~kRequestBuffered & 0x0f;
    r_->connection->buffered &= ~kConnectionBuffered & 0xff;
  }
}

}  // namespace mifeng::nginx
