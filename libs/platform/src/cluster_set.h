// The engines of the clusters.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine_loop.h"
#include "mifeng/platform/platform.h"

namespace mifeng::platform {

class ClusterSet {
 public:
  explicit ClusterSet(EngineFactory factory) : factory_(std::move(factory)) {}

  // Makes its engine; none where the factory has none of that kind.
  Result<void> open(const ClusterAccess& access);
  // Those with an engine.
  std::vector<std::string> ids() const;
  std::shared_ptr<cluster::Engine> find(const std::string& id) const;  // null without one
  // Whether its node is this machine, so that whatever listens here holds its node ports.
  bool is_here(const std::string& id) const;
  Error no_engine(const std::string& id) const;

  // kUnavailable "no-engine" without one.
  template <typename T>
  Result<T> call(const std::string& id, std::function<cluster::Task<T>(cluster::Engine&)> start) {
    const std::shared_ptr<cluster::Engine> engine = find(id);
    if (!engine) return no_engine(id);
    return loop_.call<T>(*engine, std::move(start));
  }

 private:
  EngineFactory factory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<cluster::Engine>> engines_;  // shared with calls that run
  std::map<std::string, ClusterKind> kinds_;
  EngineLoop loop_;
};

}  // namespace mifeng::platform
