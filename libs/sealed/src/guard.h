// Exceptions never leave this library: the only one that can arise in it is a failed allocation.
#pragma once

#include <optional>

#include "mifeng/base/guarded.h"

namespace mifeng::sealed {

using mifeng::guarded;

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
