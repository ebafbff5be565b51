// At most so many at a time, waiting without blocking a thread.
#pragma once

#include <mutex>
#include <utility>

#include "mifeng/net/runtime.h"

namespace mifeng::cluster {

class Turns {
 public:
  explicit Turns(int limit) : free_(limit) {}

  class Held {
   public:
    explicit Held(Turns& turns) : turns_(&turns) {}
    Held(Held&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (turns_ != nullptr) turns_->release();
    }

   private:
    Turns* turns_;
  };

  // Cancellation ends the wait.
  net::asio::awaitable<Held> acquire() {
    for (;;) {
      const std::uint64_t seen = released_.count();
      {
        const std::lock_guard guard(mutex_);
        if (free_ > 0) {
          --free_;
          co_return Held(*this);
        }
      }
      co_await released_.wait(seen, std::chrono::seconds(10));
    }
  }

 private:
  void release() {
    {
      const std::lock_guard guard(mutex_);
      ++free_;
    }
    released_.notify();
  }

  std::mutex mutex_;
  int free_;
  net::Notifier released_;
};

}  // namespace mifeng::cluster
