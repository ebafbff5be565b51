// Ctrl-C and its kin as a descriptor, so that every wait can be left and nothing stays half-done.
#pragma once

#include <chrono>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng {

class StopSignal {
 public:
  // SIGINT, SIGTERM and SIGHUP, save those that are ignored already (nohup, a shell's background job). Blocks them in
  // the calling thread: make it before any other thread starts. A second signal changes nothing; SIGQUIT still kills.
  static Result<StopSignal> create();

  int fd() const { return fd_.get(); }  // readable once a signal came, until requested() was asked
  bool requested();
  int signal() const { return signal_; }  // which one requested() saw; 0 for none
  // kCancelled "interrupted" if a signal came.
  Result<void> check();
  // Waits for a signal, at most that long; whether one came.
  bool wait(std::chrono::milliseconds timeout);

 private:
  explicit StopSignal(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  int signal_ = 0;
};

// For work that may be left, and need not be able to: null is a signal that never comes.
inline Result<void> check(StopSignal* stop) { return stop == nullptr ? ok() : stop->check(); }

}  // namespace mifeng
