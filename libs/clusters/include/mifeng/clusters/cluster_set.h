// The engines of the clusters.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/clusters/engine_factory.h"

namespace mifeng::clusters {

class EngineLoop;

// Any thread. Whoever wants something of an engine calls it by call_engine().
class ClusterSet {
 public:
  explicit ClusterSet(EngineFactory factory);
  ~ClusterSet();

  // Makes its engine; none where the factory has none of that kind.
  Result<void> open(const ClusterAccess& access);
  // Forgets it. Its engine goes when the last call to it has returned.
  void close(const std::string& id);
  // Those with an engine.
  std::vector<std::string> ids() const;
  std::shared_ptr<cluster::Engine> find(const std::string& id) const;  // null without one
  std::optional<ClusterKind> kind_of(const std::string& id) const;     // none of one that was not opened
  // Whether its node is this machine, so that whatever listens here holds its node ports.
  bool is_here(const std::string& id) const;
  Error no_engine(const std::string& id) const;

  EngineLoop& loop() { return *loop_; }

 private:
  EngineFactory factory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<cluster::Engine>> engines_;  // shared with calls that run
  std::map<std::string, ClusterKind> kinds_;
  std::unique_ptr<EngineLoop> loop_;
};

}  // namespace mifeng::clusters
