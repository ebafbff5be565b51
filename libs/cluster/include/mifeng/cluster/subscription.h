// Who wants to hear of changes, and the tasks that find them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "mifeng/net/runtime.h"

namespace mifeng::cluster {

class Subscription {
 public:
  using Changed = std::function<void(const std::string& deployment)>;
  Subscription(Changed changed, net::asio::any_io_executor executor)
      : changed_(std::move(changed)), tasks_(std::make_unique<net::TaskGroup>(std::move(executor), "engine watch")) {}

  void tell(const std::string& deployment) {
    const std::lock_guard guard(telling_);
    if (changed_) changed_(deployment);
  }
  void spawn(std::string name, std::function<net::asio::awaitable<void>()> task) {
    const std::lock_guard guard(mutex_);
    if (tasks_) tasks_->spawn(std::move(name), std::move(task));
  }
  // Names that have a task of their own. Whoever is refused knows that the task looks again before it ends.
  bool claim(const std::string& name) {
    const std::lock_guard guard(mutex_);
    return claimed_.insert(name).second;
  }
  template <typename Condition>
  bool release_unless(const std::string& name, const Condition& condition) {
    const std::lock_guard guard(mutex_);
    if (condition()) return false;
    claimed_.erase(name);
    return true;
  }
  // After it nobody is told, and no task runs. Not from a task.
  void end() {
    std::unique_ptr<net::TaskGroup> tasks;
    {
      const std::lock_guard guard(mutex_);
      tasks = std::move(tasks_);
    }
    tasks.reset();  // waits; a task may just be telling
    const std::lock_guard guard(telling_);
    changed_ = nullptr;
  }

 private:
  std::mutex telling_;  // of changed_, and held while it runs
  Changed changed_;
  std::mutex mutex_;  // of what follows
  std::set<std::string> claimed_;
  std::unique_ptr<net::TaskGroup> tasks_;
};

}  // namespace mifeng::cluster
