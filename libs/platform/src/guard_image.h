// The image of guards, which belongs to the platform: in the registry whenever a unit needs it.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "mifeng/platform/platform.h"

namespace mifeng::platform {

class GuardImage {
 public:
  explicit GuardImage(const PlatformOptions& options) : options_(options) {}

  std::string name() const;     // "mifeng/guard@sha256:…"
  std::string address() const;  // with the registry before it
  // Pushes it where this process has not done so yet, or missing() was said since; after an attempt there is none for
  // some seconds, and ok meanwhile. Blocks for two minutes at most, where another thread pushes it already and then
  // this one. As push_layout().
  Result<void> ensure();
  // An engine did not find it.
  void missing();

 private:
  const PlatformOptions& options_;
  std::timed_mutex mutex_;
  bool pushed_ = false;
  std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace mifeng::platform
