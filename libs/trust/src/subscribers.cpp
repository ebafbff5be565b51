#include "mifeng/trust/subscribers.h"

namespace mifeng::trust {

std::shared_ptr<void> Subscribers::subscribe(std::function<void()> callback) {
  std::lock_guard lock(shared_->mutex);
  const std::uint64_t id = shared_->next++;
  shared_->callbacks.emplace(id, std::move(callback));
  return std::shared_ptr<void>(nullptr, [shared = shared_, id](void*) {
    std::lock_guard guard(shared->mutex);
    shared->callbacks.erase(id);
  });
}

void Subscribers::notify() {
  // Under the lock, so that no callback runs after its subscription has ended.
  std::lock_guard lock(shared_->mutex);
  for (const auto& [id, callback] : shared_->callbacks) callback();
}

}  // namespace mifeng::trust
