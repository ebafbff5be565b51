// Makes what is wanted true, step by step; every step can be repeated, so it goes on where a killed process stopped.
#pragma once

#include <memory>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::store {
struct DeploymentRow;
}

namespace mifeng::deployments {

struct Context;

class Reconciler {
 public:
  explicit Reconciler(const Context& context);
  ~Reconciler();

  struct Round {
    int looked_at = 0;  // deployments
    int changed = 0;    // steps taken; 0: all is as wanted
  };
  // One look at every deployment and at everything of this installation that the engines have, to its end. What nobody
  // wants any more is removed. Deployments of a cluster are looked at side by side
  // (PlatformOptions::parallel_deployments), each of them by one at a time; so a unit that takes long to stop holds up
  // no other deployment, and a cluster that does not answer no other cluster. Items of batches that wait are done
  // first, as many at a time.
  Result<Round> run_once();
  // A thread of its own that looks at what somebody changed, at what an engine told of, at what has waited long enough,
  // and every PlatformOptions::resync_ms at everything; stop() waits for the looks under way.
  void start();
  void stop();
  void wake();  // something has changed

 private:
  struct State;
  struct Look;
  enum class TakeUp { kSome, kAll };
  bool know_clusters();  // whether there is one that was not there before
  void watch_clusters();
  void loop();
  Result<void> look_around();
  Result<void> take_up_items(const std::shared_ptr<Look>& look, TakeUp how_many);
  Result<void> do_items_without_engine(const std::string& cluster);
  Result<int> look_at(const store::DeploymentRow& row);
  void look_at_images();
  void wake_if_somebody_waits();

  const Context& context_;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::deployments
