// Makes allocations fail, in a test program of its own: include it from one source of it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>
#include <utility>

#include "mifeng/base/result.h"

namespace {

thread_local long g_allocations_left = -1;  // -1: no limit

void* allocate(std::size_t size) {
  if (g_allocations_left == 0) return nullptr;
  if (g_allocations_left > 0) --g_allocations_left;
  return std::malloc(size);  // NOLINT: this is what operator new is made of
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace mifeng {
namespace {

// Runs `attempt` with 0, 1, 2, ... allocations allowed, until it succeeds; gives the number of failures on the way.
template <typename Attempt>
int fail_each_allocation(Attempt attempt) {
  for (int allowed = 0; allowed < 10'000; ++allowed) {
    g_allocations_left = allowed;
    std::optional<Error> error;
    try {
      error = attempt();
    } catch (...) {
      g_allocations_left = -1;
      ADD_FAILURE() << "an exception came out after " << allowed << " allocations";
      return -1;
    }
    g_allocations_left = -1;
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

}  // namespace
}  // namespace mifeng
