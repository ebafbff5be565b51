// SIGINT and SIGTERM as a descriptor, so that every wait of the stack can be left.
#pragma once

#include <chrono>

#include "mifeng/base/file.h"
#include "mifeng/base/result.h"

namespace mifeng::stack {

class StopSignal {
 public:
  // Blocks both signals in the calling thread; make it before any other thread starts.
  static Result<StopSignal> create();

  int fd() const { return fd_.get(); }  // readable once a signal came
  bool requested();
  // kCancelled "interrupted" if a signal came.
  Result<void> check();
  // Waits for a signal, at most that long; whether one came.
  bool wait(std::chrono::milliseconds timeout);

 private:
  explicit StopSignal(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  bool requested_ = false;
};

}  // namespace mifeng::stack
