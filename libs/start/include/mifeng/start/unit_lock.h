// That a unit's model has gone, for a guard that comes after another one in the same folders (spec/start.md, The lock).
#pragma once

#include <chrono>
#include <filesystem>

#include "mifeng/os/file.h"

namespace mifeng::start {

// In the guard's folder, which the model's container can read and not write.
inline constexpr const char* kLockName = "unit.lock";

// A lock (flock(2)) on the file for as long as the object lives, or until the process ends.
class UnitLock {
 public:
  // Of a guard, before it touches anything: makes the file (0640), and waits until no model's first process holds it.
  // kTimeout "model-still-there".
  static Result<UnitLock> wait_for_end_of_model(const std::filesystem::path& file, std::chrono::milliseconds patience);
  // Of a model's first process, from before it hands the payload over to its own end: beside others of its kind, and
  // not beside a guard that is still clearing up. kUnavailable "no-guard".
  static Result<UnitLock> hold(const std::filesystem::path& file);

 private:
  explicit UnitLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace mifeng::start
