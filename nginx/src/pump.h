// Between the body that comes and the body that goes, whatever is made of it: holds on to input and bounds output (the
// pattern of nginx's gunzip filter). Without it a large body for a slow client would pile up in the worker.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

class Pump {
 public:
  explicit Pump(ngx_http_request_t* request) : r_(request) {}
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  // --- What came, and is not used yet. ---
  // Adds a chain to it. NGX_ERROR without memory.
  ngx_int_t take(ngx_chain_t* in);
  bool holds_input() const { return in_ != nullptr; }
  // The piece at the front, empty where nothing is held; consume() after it was used.
  ByteView front() const;
  bool front_is_all() const { return in_ == nullptr || in_->next == nullptr; }
  void consume(std::size_t size);
  // What stands behind all that is held.
  bool flush_asked() const { return flush_; }
  bool input_ended() const { return last_; }
  // Once nginx is done with the upstream, a flush without an end is how it gives up on an answer that broke off.
  bool broke_off() const { return flush_just_asked_ && !last_ && r_->upstream->cleanup == nullptr; }

  // --- What goes. ---
  bool has_room() const { return under_way_ < kBuffersMax; }
  bool has_output() const { return out_ != nullptr; }
  // A buffer with room for `size` bytes, used again where possible; null without memory. It goes with commit_spare();
  // until then the same one comes back.
  ngx_buf_t* spare_buffer(std::size_t size);
  void commit_spare();
  // Both at once.
  ngx_buf_t* take_buffer(std::size_t size);
  // One without content, that says flush or last; null without memory.
  ngx_buf_t* take_special();
  // `buffer` is the last of the answer.
  void end_with(ngx_buf_t& buffer);
  // Nothing more goes: the last buffer did, or there is none.
  void end() { ended_ = true; }
  bool ended() const { return ended_; }

  // Calls `fill` and hands on what it made, for as long as there is something to do. `fill` uses input and makes output
  // while has_room(); what it returns other than NGX_OK is the end of it. As a body filter returns.
  template <typename Fill>
  ngx_int_t run(Fill fill) {
    bool retries = is_under_way();  // then that is to be tried again
    do {
      if (const ngx_int_t filled = fill(); filled != NGX_OK) return filled;
      if (in_ == nullptr && has_room()) flush_ = false;
      if (out_ == nullptr && !retries) break;
      retries = false;
      if (send() == NGX_ERROR) return NGX_ERROR;
    } while (has_room() && is_unfinished());
    set_buffered(is_unfinished());
    return busy_ != nullptr || in_ != nullptr ? NGX_AGAIN : NGX_OK;
  }
  // There is nothing to do now. nginx does not finish the request before all that is held has gone, nor, where it
  // `waits` for something else, before run() or stop_waiting().
  void pause(bool waits) { set_buffered(waits || is_unfinished()); }
  void stop_waiting() { set_buffered(false); }
  // Forgets what is held and what was not sent.
  void drop();

 private:
  // Output buffers that one answer may have under way at a time: what bounds its memory.
  static constexpr std::size_t kBuffersMax = 2;

  // Whether something of the answer has left us and is not sent: a buffer of ours, or what filters behind us hold (a
  // header, the end of a chunked body).
  bool is_under_way() const;
  bool is_unfinished() const { return in_ != nullptr || (last_ && !ended_); }
  ngx_int_t send();
  void set_buffered(bool buffered);

  ngx_http_request_t* r_;
  ngx_chain_t* in_ = nullptr;
  bool flush_ = false;             // asked for behind what is in in_
  bool flush_just_asked_ = false;  // by what was taken last
  bool last_ = false;              // nothing comes after what is in in_
  ngx_chain_t* out_ = nullptr;
  ngx_chain_t** out_end_ = &out_;
  ngx_chain_t* busy_ = nullptr;
  ngx_chain_t* free_ = nullptr;
  ngx_chain_t* spare_ = nullptr;  // being filled
  std::size_t under_way_ = 0;     // buffers in out_ and busy_
  bool ended_ = false;
};

}  // namespace mifeng::nginx
