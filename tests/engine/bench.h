// What a kind of engine brings to the tests: engines of it, and what happens to them from outside.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "mifeng/cluster/engine.h"

namespace mifeng::cluster {

class Bench {
 public:
  virtual ~Bench() = default;
  virtual std::string image() = 0;                        // with probe.c as /probe
  virtual std::string push(const std::string& name) = 0;  // the same image under another name
  virtual std::string registry() = 0;                     // HOST:PORT
  virtual std::unique_ptr<Engine> make_engine(const std::string& installation) = 0;
  virtual std::string node_address() = 0;        // where node ports are
  virtual std::pair<int, int> node_ports() = 0;  // first and last that a test may take
  virtual bool is_free(std::uint16_t port) = 0;
  // Whether what ends is started again without being asked, and all that is wanted comes about after apply() and not in
  // it: a cluster's controllers do the work.
  virtual bool restarts_by_itself() { return false; }
  // Whether a log says which of its lines were written to stderr.
  virtual bool tells_streams_apart() { return true; }
  // Whether two installations can have a deployment of the same name.
  virtual bool has_names_for_each_installation() { return true; }
  // From the death of a process until it is told.
  virtual std::chrono::milliseconds notices_within() { return std::chrono::seconds(1); }
  // The unit's first process dies by SIGKILL, as by a fault, and stays dead for a while; gives the moment.
  virtual std::chrono::steady_clock::time_point kill(const Unit& unit) = 0;
  // Its processes stand still, or go on.
  virtual void freeze(const Unit& unit, bool frozen) = 0;
  // The engine goes away and comes back; units go on.
  virtual void stop_service() = 0;
  virtual void start_service() = 0;
  // Names of all that this installation has made: units, volumes.
  virtual std::string everything_of(const std::string& installation) = 0;
};

}  // namespace mifeng::cluster
