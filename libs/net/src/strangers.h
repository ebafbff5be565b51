// Connections of whom nobody knows yet who they are: how many there may be, and which one goes for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "mifeng/net/server.h"

namespace mifeng::net {

// Whoever has sent nothing for longest makes room for whoever comes: a caller who knows what to say does so at once.
// Not thread-safe.
class Strangers {
 public:
  using Id = std::uint64_t;
  explicit Strangers(StrangerLimits limits) : limits_(limits) {}

  // `from`: one_source() (source.h) of the address. Gives who has to go.
  std::optional<Id> add(Id id, const std::string& from);
  // It has ended, or is a stranger no more. Whoever is not there may be removed.
  void remove(Id id);
  std::size_t count() const { return sources_.size(); }

 private:
  StrangerLimits limits_;
  std::map<std::string, std::deque<Id>> waiting_;  // by source, oldest first; none is empty
  std::map<Id, std::string> sources_;
};

}  // namespace mifeng::net
