// Who wants to know that something has changed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace mifeng::trust {

// Calls everybody who subscribed, from the thread that changed something. Subscribers must not block.
class Subscribers {
 public:
  // Until what it gives has ended: then no call of it runs any more.
  std::shared_ptr<void> subscribe(std::function<void()> callback);
  void notify();

 private:
  struct Shared {
    std::mutex mutex;
    std::uint64_t next = 0;
    std::map<std::uint64_t, std::function<void()>> callbacks;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();  // a subscription may outlive this
};

}  // namespace mifeng::trust
