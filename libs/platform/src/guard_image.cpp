#include "guard_image.h"

#include "image_push.h"

namespace mifeng::platform {
namespace {

constexpr const char* kRepository = "mifeng/guard";
constexpr std::chrono::seconds kAgain{10};

}  // namespace

std::string GuardImage::name() const { return kRepository + std::string("@") + options_.guard_image_digest; }

std::string GuardImage::address() const { return options_.registry + "/" + name(); }

Result<void> GuardImage::ensure() {
  if (options_.guard_image.empty() || options_.registry.empty()) return ok();
  const std::lock_guard guard(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (pushed_ || now < not_before_) return ok();
  not_before_ = now + kAgain;
  // Under a tag of its own for each, so that a registry that collects what has no tag keeps those that still run.
  const std::string& digest = options_.guard_image_digest;
  const std::string tag = digest.substr(digest.find(':') + 1, 16);
  MIFENG_CHECK(push_layout(options_.guard_image, options_.registry + "/" + kRepository + ":" + tag,
                           options_.registry_plain_http));
  pushed_ = true;
  return ok();
}

void GuardImage::missing() {
  const std::lock_guard guard(mutex_);
  pushed_ = false;
}

}  // namespace mifeng::platform
