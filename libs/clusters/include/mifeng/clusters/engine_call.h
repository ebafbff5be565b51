// Calls to engines, which are asynchronous, from services, which are not: one event loop on a thread of its own.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <memory>
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
  // bounded too. kUnavailable "platform-stopping" where it was interrupted.
  template <typename T>
  Result<T> call(cluster::Engine& engine, std::function<cluster::Task<T>(cluster::Engine&)> start) {
    std::promise<Result<T>> promise;
    std::future<Result<T>> answer = promise.get_future();
    boost::asio::post(io_, [this, &engine, &start, &promise] {
      if (interrupted_) return promise.set_value(stopping());
      const auto signal = std::make_shared<boost::asio::cancellation_signal>();  // shared with interrupt()
      const auto at = running_.insert(running_.end(), signal);
      boost::asio::co_spawn(
          io_, run<T>(std::move(start), engine, promise),
          boost::asio::bind_cancellation_slot(signal->slot(), [this, at](std::exception_ptr) { running_.erase(at); }));
    });
    return answer.get();
  }

  // A cluster that does not answer holds calls up for as long as its engine bounds them, which is longer than a process
  // may take to stop. From `wait` on, and as long as what this gives lives, calls end at once.
  std::shared_ptr<void> interrupt_after(std::chrono::milliseconds wait);

 private:
  class Interruption;

  static Error stopping();
  void interrupt();

  template <typename T>
  boost::asio::awaitable<void> run(std::function<cluster::Task<T>(cluster::Engine&)> start, cluster::Engine& engine,
                                   std::promise<Result<T>>& promise) {
    try {
      cluster::Task<T> task = start(engine);
      Result<T> result = co_await std::move(task);
      promise.set_value(std::move(result));
    } catch (const std::exception& error) {
      if (interrupted_) {
        promise.set_value(stopping());
        co_return;
      }
      promise.set_value(Error(ErrorCode::kInternal, "engine", std::string("The engine failed: ") + error.what()));
    }
  }

  // Of the thread alone.
  std::list<std::shared_ptr<boost::asio::cancellation_signal>> running_;
  bool interrupted_ = false;

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
