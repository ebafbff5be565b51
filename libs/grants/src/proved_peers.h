// Which processes have proved which unit they are.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/grants/grant_service.h"

namespace mifeng::grants {

// Who asks, as its engine has verified it.
struct ProvedUnit {
  std::string cluster;
  std::string deployment;
  std::int64_t revision = 0;  // id
  std::string unit;
  std::string engine_id;  // of this very container or pod
  UnixMillis run_started_ms = 0;
};

// A process that has proved itself and is asked for again each minute need not be looked up at its engine each time: it
// is still the same one where pid and start time are (proc(5), field 22 of stat; a pid is given away again, a pid with
// a start time is not). What changes about its container meanwhile the engine's news tell. In memory alone, so that
// after a start of the platform everyone proves itself once. Any thread.
class ProvedPeers {
 public:
  void remember(const SocketPeer& guard, const ProvedUnit& peer);
  // Null where this process has not proved itself for this deployment.
  std::optional<ProvedUnit> find(const SocketPeer& guard, const std::string& deployment);

 private:
  struct Entry {
    ::pid_t pid = 0;
    std::string started;
    ProvedUnit peer;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by cluster and unit
};

}  // namespace mifeng::grants
