// Exceptions never leave this library: the only one that can arise in it is a failed allocation.
#pragma once

#include <new>
#include <optional>
#include <utility>

#include "mifeng/base/result.h"

namespace mifeng::sealed {

// Both texts are short enough to lie inside their std::string: this must not allocate.
inline Error out_of_memory() { return Error(ErrorCode::kResourceExhausted, "out-of-memory", "out of memory"); }

template <typename Function>
auto guarded(Function&& function) -> decltype(function()) {
  try {
    return std::forward<Function>(function)();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// The same for an object whose first error stays: it is kept in `error`, and later calls give it again.
template <typename Function>
auto guarded(std::optional<Error>& error, Function&& function) -> decltype(function()) {
  try {
    if (error) return *error;
    auto result = std::forward<Function>(function)();
    if (!result) error = result.error();
    return result;
  } catch (const std::bad_alloc&) {
    if (!error) error.emplace(out_of_memory());
    return out_of_memory();
  }
}

}  // namespace mifeng::sealed
