#include "mifeng/client/waiting.h"

#include <utility>

namespace mifeng::client {

Waiting::Waiting(Tell tell) : tell_(std::move(tell)) {
  if (tell_) thread_ = std::thread([this] { run(); });
}

Waiting::~Waiting() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
  if (told_) tell_(std::chrono::seconds(0));
}

void Waiting::run() {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (std::chrono::seconds passed(2);; ++passed) {
    if (changed_.wait_until(lock, begin + passed, [&] { return over_; })) return;
    told_ = true;
    tell_(passed);
  }
}

}  // namespace mifeng::client
