// One holder for each key at a time, waiting without blocking a thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "mifeng/net/runtime.h"

namespace mifeng::cluster {

class KeyedLock {
 public:
  class Held {
   public:
    Held(KeyedLock& lock, std::string key) : lock_(&lock), key_(std::move(key)) {}
    Held(Held&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)), key_(std::move(other.key_)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (lock_ != nullptr) lock_->release(key_);
    }

   private:
    KeyedLock* lock_;
    std::string key_;
  };

  // Waits until nobody holds `key`; cancellation ends the wait.
  net::asio::awaitable<Held> acquire(std::string key) {
    for (;;) {
      const std::uint64_t seen = released_.count();
      {
        const std::lock_guard guard(mutex_);
        if (held_.try_emplace(key, true).second) co_return Held(*this, key);
      }
      co_await released_.wait(seen, std::chrono::seconds(10));
    }
  }

 private:
  void release(const std::string& key) {
    {
      const std::lock_guard guard(mutex_);
      held_.erase(key);
    }
    released_.notify();
  }

  std::mutex mutex_;
  std::map<std::string, bool> held_;
  net::Notifier released_;
};

}  // namespace mifeng::cluster
