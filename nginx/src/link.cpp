#include "link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace mifeng::nginx {
namespace {

constexpr std::size_t kUnsentMax = 4u << 20;
constexpr ngx_msec_t kBackOffFirstMs = 100;
constexpr ngx_msec_t kBackOffMaxMs = 5000;

// A stand-in request that tells what `data` of an event is: nginx reads events' data as a connection in its debug log.
KeyholderLink* link_of(ngx_event_t* event) {
  return static_cast<KeyholderLink*>(static_cast<ngx_connection_t*>(event->data)->data);
}

}  // namespace

KeyholderLink::KeyholderLink(std::string path, proxy::Role role, LinkUser& user, ngx_log_t* log)
    : path_(std::move(path)), role_(role), user_(user), log_(log) {
  retry_.handler = &KeyholderLink::on_retry;
  retry_.data = this;
  retry_.log = log;
  retry_.cancelable = 1;  // a worker that is asked to go does not wait for it
}

KeyholderLink::~KeyholderLink() {
  close(nullptr);
  if (retry_.timer_set) ngx_del_timer(&retry_);
}

void KeyholderLink::connect() {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) return;  // refused when the configuration was read
  std::memcpy(address.sun_path, path_.data(), path_.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // On a Unix socket connect() does not wait: it succeeds, or the keyholder is not there, or has too many waiting.
  if (fd_ == -1 || ::connect(fd_, reinterpret_cast<::sockaddr*>(&address), sizeof(address)) != 0) {
    ngx_log_error(NGX_LOG_ERR, log_, ngx_errno, "mifeng: the keyholder does not listen on %s", path_.c_str());
    close(nullptr);
    return;
  }
  reader_.emplace(proxy::kKeyholderFrameMax);
  unsent_.clear();
  if (in_event_loop_) enter_event_loop();
  if (fd_ == -1) return;
  send(proxy::Hello{role_, static_cast<std::uint32_t>(ngx_pid)});
  if (fd_ != -1) user_.on_connected();
}

void KeyholderLink::poll_once(std::chrono::steady_clock::time_point end) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
  const int wait_ms = static_cast<int>(std::clamp<long long>(left.count(), 1, 50));
  if (fd_ == -1) {
    ::poll(nullptr, 0, wait_ms);
    connect();
    return;
  }
  ::pollfd wanted{fd_, static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)), 0};
  if (::poll(&wanted, 1, wait_ms) <= 0) return;
  if ((wanted.revents & POLLOUT) != 0) write();
  if (fd_ != -1 && (wanted.revents & (POLLIN | POLLHUP | POLLERR)) != 0) read();
}

void KeyholderLink::enter_event_loop() {
  in_event_loop_ = true;
  if (fd_ == -1) {
    if (!retry_.timer_set) close(nullptr);
    return;
  }
  connection_ = ngx_get_connection(fd_, log_);
  if (connection_ == nullptr) {
    close("no connection is free; raise worker_connections");
    return;
  }
  connection_->data = this;
  connection_->log = log_;
  connection_->read->handler = &KeyholderLink::on_read;
  connection_->read->log = log_;
  connection_->write->handler = &KeyholderLink::on_write;
  connection_->write->log = log_;
  connection_->write->ready = 1;
  // ngx_add_conn is a macro that is not one expression; epoll, which Linux has, always offers it.
  const ngx_int_t added = ngx_event_actions.add_conn != nullptr ? ngx_event_actions.add_conn(connection_)
                                                                : ngx_handle_read_event(connection_->read, 0);
  if (added != NGX_OK) close("it cannot be watched");
}

void KeyholderLink::close(const char* why) {
  if (why != nullptr) ngx_log_error(NGX_LOG_WARN, log_, 0, "mifeng: the link to the keyholder has ended: %s", why);
  if (connection_ != nullptr) {
    ngx_close_connection(connection_);
    connection_ = nullptr;
  } else if (fd_ != -1) {
    ::close(fd_);
  }
  fd_ = -1;
  reader_.reset();
  unsent_.clear();
  if (in_event_loop_ && !ngx_exiting && !ngx_terminate) {
    back_off_ms_ = std::clamp(back_off_ms_ * 2, kBackOffFirstMs, kBackOffMaxMs);
    if (!retry_.timer_set) ngx_add_timer(&retry_, back_off_ms_);
  }
}

bool KeyholderLink::send(const proxy::WorkerMessage& message) {
  if (fd_ == -1) return false;
  if (unsent_.size() > kUnsentMax) {
    close("it does not read what it is sent");
    return false;
  }
  append(unsent_, proxy::encode_frame(message));
  write();
  return fd_ != -1;
}

void KeyholderLink::write() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ::ssize_t n = ::send(fd_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      close("it has closed the connection");
      return;
    }
  }
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
}

void KeyholderLink::read() {
  std::array<std::uint8_t, 65536> buffer;
  // Bounded, so that a keyholder that sends without end cannot keep requests from being served.
  for (int i = 0; i < 64; ++i) {
    const ::ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (n == 0) return close("it has closed the connection");
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) close("it cannot be read from");
      return;
    }
    reader_->feed(ByteView(buffer.data(), static_cast<std::size_t>(n)));
    wipe(buffer.data(), static_cast<std::size_t>(n));
    for (;;) {
      const auto frame = reader_->next();
      if (!frame) return close(frame.error().message().c_str());
      if (frame->empty()) break;
      auto message = proxy::decode_keyholder_message(*frame);
      if (!message) return close(message.error().message().c_str());
      back_off_ms_ = 0;
      user_.on_message(*std::move(message));
      if (fd_ == -1) return;
    }
  }
  if (connection_ != nullptr) {
    ngx_post_event(connection_->read, &ngx_posted_events);
  }
}

void KeyholderLink::on_read(ngx_event_t* event) {
  KeyholderLink* const link = link_of(event);
  guarded(event->log, [&] { link->read(); });
}

void KeyholderLink::on_write(ngx_event_t* event) {
  KeyholderLink* const link = link_of(event);
  guarded(event->log, [&] {
    if (!link->unsent_.empty()) link->write();
  });
}

void KeyholderLink::on_retry(ngx_event_t* event) {
  auto* const link = static_cast<KeyholderLink*>(event->data);
  guarded(event->log, [&] { link->connect(); });
}

}  // namespace mifeng::nginx
