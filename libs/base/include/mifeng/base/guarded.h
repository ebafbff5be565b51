// For libraries that no exception leaves, because they are called from C or promise a Result: the only one that can
// arise in them is a failed allocation.
#pragma once

#include <new>
#include <utility>

#include "mifeng/base/result.h"

namespace mifeng {

// Both texts are short enough to lie inside their std::string: this must not allocate.
inline Error out_of_memory() { return Error(ErrorCode::kResourceExhausted, "out-of-memory", "out of memory"); }

// kResourceExhausted "out-of-memory" where `function`, which gives a Result, cannot allocate.
template <typename Function>
auto guarded(Function&& function) -> decltype(function()) {
  try {
    return std::forward<Function>(function)();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace mifeng
