// Calls to engines, which are asynchronous, from services, which are not: one event loop on a thread of its own.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <future>
#include <thread>

#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/cluster_set.h"

namespace mifeng::clusters {

class EngineLoop {
 public:
  EngineLoop();
  ~EngineLoop();
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // Runs what `start` makes to its end and gives its result. An engine bounds each of its calls, so waiting here is
  // bounded too.
  template <typename T>
  Result<T> call(cluster::Engine& engine, std::function<cluster::Task<T>(cluster::Engine&)> start) {
    std::promise<Result<T>> promise;
    std::future<Result<T>> answer = promise.get_future();
    boost::asio::co_spawn(io_, run<T>(std::move(start), engine, promise), boost::asio::detached);
    return answer.get();
  }

 private:
  template <typename T>
  static boost::asio::awaitable<void> run(std::function<cluster::Task<T>(cluster::Engine&)> start,
                                          cluster::Engine& engine, std::promise<Result<T>>& promise) {
    try {
      cluster::Task<T> task = start(engine);
      Result<T> result = co_await std::move(task);
      promise.set_value(std::move(result));
    } catch (const std::exception& error) {
      promise.set_value(Error(ErrorCode::kInternal, "engine", std::string("The engine failed: ") + error.what()));
    }
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

// Of the cluster's engine; kUnavailable "no-engine" without one.
template <typename T>
Result<T> call_engine(ClusterSet& clusters, const std::string& id,
                      std::function<cluster::Task<T>(cluster::Engine&)> start) {
  const std::shared_ptr<cluster::Engine> engine = clusters.find(id);
  if (!engine) return clusters.no_engine(id);
  return clusters.loop().call<T>(*engine, std::move(start));
}

}  // namespace mifeng::clusters
