#include "core.h"

#include "audit_log.h"
#include "grant_limits.h"
#include "key_ring.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::platform {

std::shared_ptr<void> Notifier::subscribe(std::function<void()> callback) {
  std::lock_guard lock(shared_->mutex);
  const std::uint64_t id = shared_->next++;
  shared_->callbacks.emplace(id, std::move(callback));
  return std::shared_ptr<void>(nullptr, [shared = shared_, id](void*) {
    std::lock_guard guard(shared->mutex);
    shared->callbacks.erase(id);
  });
}

void Notifier::notify() {
  // Under the lock, so that no callback runs after its subscription has ended.
  std::lock_guard lock(shared_->mutex);
  for (const auto& [id, callback] : shared_->callbacks) callback();
}

Result<store::Window> window_of(const PageRequest& page) {
  if (page.page < 1 || page.page > 1'000'000 || page.page_size < 1 || page.page_size > 200)
    return Error(ErrorCode::kInvalidArgument, "bad-page", "page counts from 1, and page_size is 1 to 200.");
  return store::Window{.offset = (page.page - 1) * page.page_size, .limit = page.page_size};
}

std::string new_id(Core& core, const char* prefix) { return std::string(prefix) + core.random.hex(8); }

std::string sm3_hex(ByteView bytes) { return to_hex(crypto::sm3(bytes)); }
std::string sm3_hex(std::string_view text) { return sm3_hex(as_bytes(text)); }

Error not_found(const std::string& what, const std::string& id) {
  return Error(ErrorCode::kNotFound, "not-found", "There is no " + what + " \"" + id + "\".");
}

}  // namespace mifeng::platform
