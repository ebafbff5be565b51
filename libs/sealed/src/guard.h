// Exceptions never leave this library: the only one that can arise in it is a failed allocation.
#pragma once

#include <new>
#include <utility>

#include "mifeng/base/result.h"

namespace mifeng::sealed {

inline Error out_of_memory() {
  return Error(ErrorCode::kResourceExhausted, "out-of-memory", "no memory for a sealed stream");  // fits no heap block
}

template <typename Function>
auto guarded(Function&& function) -> decltype(function()) {
  try {
    return std::forward<Function>(function)();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace mifeng::sealed
