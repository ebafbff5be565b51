#include "plan_step.h"

#include <algorithm>
#include <set>

namespace mifeng::cluster {
namespace {

// Who goes first: what does not run, what does not serve, then the highest slot.
int worth(const Placed& unit) {
  if (unit.state != UnitState::kRunning) return 0;
  return unit.ready ? 2 : 1;
}

class Planner {
 public:
  Planner(const std::vector<Placed>& units, int replicas, const std::vector<int>& slots)
      : units_(units), replicas_(replicas), free_(slots.begin(), slots.end()) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      free_.erase(units[i].slot);
      if (units[i].state == UnitState::kStopping) {
        ++stopping_;
      } else if (units[i].wanted) {
        wanted_.push_back(i);
      } else {
        outdated_.push_back(i);
      }
    }
    const auto less = [&](std::size_t a, std::size_t b) {
      const int left = worth(units_[a]), right = worth(units_[b]);
      return left != right ? left < right : units_[a].slot > units_[b].slot;
    };
    std::sort(wanted_.begin(), wanted_.end(), less);
    std::sort(outdated_.begin(), outdated_.end(), less);
  }

  Step plan() {
    end_first(wanted_, size(wanted_) - replicas_);
    // What does not run serves nobody: nothing has to be there before it goes.
    const auto runs = [&](std::size_t i) { return units_[i].state == UnitState::kRunning; };
    end_first(outdated_, size(outdated_) - std::count_if(outdated_.begin(), outdated_.end(), runs));
    const auto serves = [&](std::size_t i) { return worth(units_[i]) == 2; };
    const auto serving = std::count_if(wanted_.begin(), wanted_.end(), serves);
    end_first(outdated_, serving + size(outdated_) - replicas_);
    const bool all_serve = serving == size(wanted_);

    const auto missing = replicas_ - size(wanted_);
    const auto room = std::max<std::ptrdiff_t>(0, missing - size(outdated_));
    std::ptrdiff_t make = std::min(missing, room);
    if (make == 0 && missing > 0 && all_serve && stopping_ == 0) {
      if (!free_.empty()) {
        make = 1;
      } else {
        end_first(outdated_, 1);  // its slot is the next one's; one that is just being freed is waited for
      }
    }
    for (auto slot = free_.begin(); slot != free_.end() && make > 0; ++slot, --make) step_.make.push_back(*slot);
    for (const std::size_t i : wanted_) {
      const bool was_made = units_[i].state == UnitState::kPending || units_[i].state == UnitState::kFailed;
      if (was_made) step_.start.push_back(i);
    }
    step_.settled = stopping_ == 0 && outdated_.empty() && missing == 0 && step_.start.empty();
    return std::move(step_);
  }

 private:
  static std::ptrdiff_t size(const std::vector<std::size_t>& list) { return static_cast<std::ptrdiff_t>(list.size()); }

  void end_first(std::vector<std::size_t>& list, std::ptrdiff_t count) {
    count = std::clamp<std::ptrdiff_t>(count, 0, size(list));
    step_.end.insert(step_.end.end(), list.begin(), list.begin() + count);
    list.erase(list.begin(), list.begin() + count);
    stopping_ += count;
  }

  const std::vector<Placed>& units_;
  const std::ptrdiff_t replicas_;
  std::set<int> free_;
  std::vector<std::size_t> wanted_, outdated_;  // who goes first stands first
  std::ptrdiff_t stopping_ = 0;
  Step step_;
};

}  // namespace

Step plan_step(const std::vector<Placed>& units, int replicas, const std::vector<int>& slots) {
  return Planner(units, replicas, slots).plan();
}

}  // namespace mifeng::cluster
