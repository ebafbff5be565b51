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
  // One look at every deployment and at everything of this installation that the engine has, to its end. What nobody
  // wants any more is removed. Deployments are looked at side by side (PlatformOptions::parallel_deployments), each of
  // them by one at a time; so a container that takes long to stop holds up no other deployment.
  Result<Round> run_once();
  // A thread of its own that looks when woken at what was changed, and every second at everything; stop() waits for the
  // looks under way.
  void start();
  void stop();
  void wake();  // something has changed

 private:
  struct State;
  Result<void> look_around();
  void look_at_images();

  Core& core_;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::platform
