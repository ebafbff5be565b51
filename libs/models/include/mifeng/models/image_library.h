// The images of the library, between those who add to it and the one that removes unused ones.
#pragma once

#include <atomic>
#include <shared_mutex>

#include "mifeng/trust/subscribers.h"

namespace mifeng::models {

struct ImageLibrary {
  // Shared from an image's entry in the library until a version names it; alone while unused ones are deleted.
  std::shared_mutex mutex{};
  std::atomic<bool> has_unused = false;  // a version was removed: look at once
  trust::Subscribers changed{};          // is told so
};

}  // namespace mifeng::models
