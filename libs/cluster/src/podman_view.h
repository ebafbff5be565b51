// What is known of an installation's containers, and what of them we are ending. Any thread; no I/O.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "podman_status.h"

namespace mifeng::cluster {

// A unit of a snapshot, with what planning wants to know.
struct Known {
  Unit unit;
  int slot = -1;
  bool is_made = true;                       // false: it could not be made, so there is only the reason
  std::shared_ptr<const Workload> compared;  // shared with the view
  std::optional<std::string> drift;
};

class PodmanView {
 public:
  // What apply() was told last for a deployment. The same pointer as long as it is the same, so that comparisons last.
  std::shared_ptr<const Workload> want(const Workload& workload);
  std::shared_ptr<const Workload> wanted(const std::string& deployment) const;
  void forget(const std::string& deployment);  // that, the failures and the events; "" is of all

  // All return whether what units() says of this name is now another.
  bool store(Seen seen);  // keeps what was learned about the same run before
  bool erase(const std::string& name);
  struct Health {
    bool ready = false;
    Reason reason;
    std::optional<Reason> told;  // as Seen has it
    UnixMillis told_at_ms = 0;
  };
  bool store_health(const std::string& name, const std::string& fingerprint, const Health& health);

  std::optional<Seen> find(const std::string& name) const;
  // Names of containers that run; "" is of all deployments.
  std::vector<std::string> running(const std::string& deployment) const;
  // Names for which `listed`, all of a deployment ("": of all), says something else than is known, or that were not yet
  // compared with what is wanted now.
  std::vector<std::string> differing(const std::vector<Listed>& listed, const std::string& deployment) const;

  // In the order of slots; "" is of all deployments.
  std::vector<Known> known(const std::string& deployment) const;
  std::vector<Unit> units(const std::string& deployment) const;
  Claimed claimed() const;

  // libpod keeps no reason when a start fails (the state stays "created" with an empty error): its answer is kept here.
  void note_failure(const Unit& unit, int slot);
  void forget_failure(const std::string& name);
  void forget_unmade(const std::string& deployment);

  // False when it is being ended already. From now on its state is kStopping, until end_ended().
  bool begin_ending(const Known& known);
  bool is_ending(const std::string& name) const;
  void end_ending(const std::string& name);
  void note_trouble(const std::string& name, const Error& trouble);
  void forget_trouble(const std::string& deployment);  // "" is of all
  struct Endings {
    std::size_t count = 0;
    std::optional<Error> trouble;  // of one of them
  };
  Endings endings(const std::string& deployment) const;

  void add_event(const std::string& deployment, Event event);
  std::vector<Event> events(const std::string& deployment) const;

 private:
  struct Failure {
    Unit unit;
    int slot = -1;
  };
  struct Ending {
    Known known;
    std::optional<Error> trouble;
  };
  Unit present(const Seen& seen) const;
  std::optional<Unit> present(const std::string& name) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Workload>> wanted_;  // by deployment
  std::map<std::string, Seen> seen_;                               // this and the next two by name
  std::map<std::string, Failure> failures_;
  std::map<std::string, Ending> endings_;
  std::map<std::string, std::deque<Event>> events_;  // by deployment
};

}  // namespace mifeng::cluster
