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

namespace {

// Length of the sequence of UTF-8 that begins at `at`, 0 where none does (Unicode 15, table 3-7).
std::size_t sequence_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

}  // namespace

std::optional<std::size_t> not_utf8_at(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_at(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::string clean_text(std::string_view text, std::size_t max) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_at(text, at);
    const std::size_t taken = length == 0 ? 1 : length;
    if (out.size() + taken > max) break;
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\t')) {
      out += '?';
    } else if (byte < 0x20) {
      out += ' ';
    } else {
      out += text.substr(at, length);
    }
    at += taken;
  }
  return out;
}

Error not_found(const std::string& what, const std::string& id) {
  return Error(ErrorCode::kNotFound, "not-found", "There is no " + what + " \"" + id + "\".");
}

}  // namespace mifeng::platform
