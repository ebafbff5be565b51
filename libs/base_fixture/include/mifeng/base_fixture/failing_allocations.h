// Makes allocations fail: a test program that links this has an operator new that can be told to.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "mifeng/base/result.h"

namespace mifeng {

// How many allocations of this thread still succeed; -1: all. Returns what was left of the last call's.
long allow_allocations(long count);

// Runs `attempt` with 0, 1, 2, ... allocations allowed, until it succeeds; gives the number of failures on the way.
template <typename Attempt>
int fail_each_allocation(Attempt attempt) {
  for (int allowed = 0; allowed < 10'000; ++allowed) {
    allow_allocations(allowed);
    std::optional<Error> error;
    try {
      error = attempt();
    } catch (...) {
      allow_allocations(-1);
      ADD_FAILURE() << "an exception came out after " << allowed << " allocations";
      return -1;
    }
    allow_allocations(-1);
    if (!error) return allowed;
    EXPECT_EQ(error->reason(), "out-of-memory");
    EXPECT_EQ(error->code(), ErrorCode::kResourceExhausted);
  }
  ADD_FAILURE() << "never succeeded";
  return -1;
}

// An error that is handed on without a copy that could allocate.
template <typename T>
std::optional<Error> error_of(Result<T>&& result) {
  if (result) return std::nullopt;
  return std::move(result).error();
}

}  // namespace mifeng
