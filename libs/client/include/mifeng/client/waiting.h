// Tells somebody that an answer is still waited for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace mifeng::client {

class Waiting {
 public:
  using Tell = std::function<void(std::chrono::seconds)>;

  // From a thread of its own calls `tell`, which may be empty, after two seconds and each second from then on, with how
  // long it has been. The destructor calls it with 0 where it was called before; it is not called after that.
  explicit Waiting(Tell tell);
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting();

 private:
  void run();

  Tell tell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  bool told_ = false;
  std::thread thread_;
};

}  // namespace mifeng::client
