// Makes what is wanted true, step by step; every step can be repeated, so it goes on where a killed process stopped.
#pragma once

#include <memory>

#include "mifeng/base/result.h"

namespace mifeng::platform {

struct Core;

class Reconciler {
 public:
  explicit Reconciler(Core& core);
  ~Reconciler();

  struct Round {
    int looked_at = 0;  // deployments
    int changed = 0;    // steps taken; 0: all is as wanted
  };
  // One look at every deployment and at everything of this installation that the engine has. What nobody wants any more
  // is removed.
  Result<Round> run_once();
  // A thread of its own that runs when woken and every second; stop() waits for the round under way.
  void start();
  void stop();
  void wake();  // something has changed

 private:
  struct State;
  Core& core_;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::platform
