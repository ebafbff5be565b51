#include "mifeng/deployments/guard_image.h"

#include "mifeng/models/image_push.h"

namespace mifeng::deployments {
namespace {

constexpr const char* kRepository = "mifeng/guard";
constexpr std::chrono::seconds kAgain{10};
constexpr std::chrono::seconds kDeadline{60};  // of some 20 MiB

}  // namespace

std::string GuardImage::name() const { return kRepository + std::string("@") + options_.digest; }

std::string GuardImage::address() const { return options_.registry + "/" + name(); }

Result<void> GuardImage::ensure() {
  if (options_.layout.empty() || options_.registry.empty()) return ok();
  const std::unique_lock guard(mutex_, kDeadline);
  if (!guard || pushed_ || std::chrono::steady_clock::now() < not_before_) return ok();
  // Under a tag of its own for each, so that a registry that collects what has no tag keeps those that still run.
  const std::string& digest = options_.digest;
  const std::string tag = digest.substr(digest.find(':') + 1, 16);
  auto pushed = models::push_layout(options_.layout, options_.registry + "/" + kRepository + ":" + tag,
                                    options_.registry_access, kDeadline);
  pushed_ = pushed.has_value();
  not_before_ = std::chrono::steady_clock::now() + kAgain;
  return pushed;
}

void GuardImage::missing() {
  const std::unique_lock guard(mutex_, kDeadline);
  if (guard) pushed_ = false;
}

}  // namespace mifeng::deployments
