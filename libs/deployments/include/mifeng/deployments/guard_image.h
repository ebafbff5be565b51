// The image of guards, which belongs to the platform: in the registry whenever a unit needs it.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include "mifeng/base/result.h"
#include "mifeng/models/registry.h"

namespace mifeng::deployments {

struct GuardImageOptions {
  std::filesystem::path layout;  // its OCI layout; empty: it is in the registry already
  std::string digest;            // "sha256:…", by which units name it
  std::string registry;
  models::RegistryAccess registry_access;
};

class GuardImage {
 public:
  explicit GuardImage(GuardImageOptions options) : options_(std::move(options)) {}

  std::string name() const;     // "mifeng/guard@sha256:…"
  std::string address() const;  // with the registry before it
  // Pushes it where this process has not done so yet, or missing() was said since; after an attempt there is none for
  // some seconds, and ok meanwhile. Blocks for two minutes at most, where another thread pushes it already and then
  // this one. As push_layout().
  Result<void> ensure();
  // An engine did not find it.
  void missing();

 private:
  const GuardImageOptions options_;
  std::timed_mutex mutex_;
  bool pushed_ = false;
  std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace mifeng::deployments
