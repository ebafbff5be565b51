// Which units to make and which to end next: the whole policy of updates, without any engine.
#pragma once

#include <vector>

#include "mifeng/cluster/engine.h"

namespace mifeng::cluster {

// A unit as far as planning cares.
struct Placed {
  int slot = -1;  // -1: in none
  UnitState state = UnitState::kPending;
  bool ready = false;
  bool wanted = false;  // of the revision and restart that are wanted, as rendered, in a slot that may be used
};

struct Step {
  std::vector<std::size_t> end;    // places in the list of units
  std::vector<std::size_t> start;  // were made and never started
  std::vector<int> make;           // slots
  // Nothing is to be done, and nothing is on its way out. What runs need not be ready.
  bool settled = false;
};

// `slots`: those that may be used, in order. One step: after it, or when a unit has become ready or gone, comes the
// next. At most one unit more than `replicas` runs where a slot is free, at most one less serves where none is; as long
// as a wanted unit is not ready, no unit that serves goes for its sake.
Step plan_step(const std::vector<Placed>& units, int replicas, const std::vector<int>& slots);

}  // namespace mifeng::cluster
