// A worker's connection to its keyholder over the key socket (spec/key-socket.md), in nginx's event loop.
#pragma once

#include <chrono>
#include <string>

#include "mifeng/proxy/key_socket.h"
#include "ngx.h"

namespace mifeng::nginx {

class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void on_connected() = 0;
  virtual void on_message(proxy::KeyholderMessage message) = 0;
};

class KeyholderLink {
 public:
  KeyholderLink(std::string path, proxy::Role role, LinkUser& user, ngx_log_t* log);
  KeyholderLink(const KeyholderLink&) = delete;
  KeyholderLink& operator=(const KeyholderLink&) = delete;
  ~KeyholderLink();

  // Connects, and works without the event loop until `ready` says so or the time is over: for the start of a worker,
  // before it serves anything. Goes on in the event loop either way.
  template <typename Ready>
  void start(std::chrono::milliseconds time, Ready ready) {
    const auto end = std::chrono::steady_clock::now() + time;
    connect();
    while (!ready() && std::chrono::steady_clock::now() < end) poll_once(end);
    enter_event_loop();
  }

  bool connected() const { return fd_ != -1; }
  // False where there is no connection, or too much waits to be written.
  bool send(const proxy::WorkerMessage& message);

 private:
  static void on_read(ngx_event_t* event);
  static void on_write(ngx_event_t* event);
  static void on_retry(ngx_event_t* event);
  void connect();
  void poll_once(std::chrono::steady_clock::time_point end);
  void enter_event_loop();
  void read();
  void write();
  void close(const char* why);

  std::string path_;
  proxy::Role role_;
  LinkUser& user_;
  ngx_log_t* log_;
  int fd_ = -1;
  ngx_connection_t* connection_ = nullptr;  // once in the event loop
  bool in_event_loop_ = false;
  ngx_event_t retry_{};
  ngx_msec_t back_off_ms_ = 0;
  std::optional<proxy::FrameReader> reader_;
  Bytes unsent_;
};

}  // namespace mifeng::nginx
