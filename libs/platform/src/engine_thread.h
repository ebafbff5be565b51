// Calls to the engine, which is asynchronous, from services, which are not: one event loop on a thread of its own.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "mifeng/cluster/engine.h"

namespace mifeng::platform {

class EngineThread {
 public:
  explicit EngineThread(cluster::Engine* engine);
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // nullptr where the platform runs without one.
  cluster::Engine* get() const { return engine_; }

  // Runs what `start` makes to its end and gives its result; kUnavailable "no-engine" without an engine. The engine
  // bounds each of its calls, so waiting here is bounded too.
  template <typename T>
  Result<T> call(std::function<cluster::Task<T>(cluster::Engine&)> start) {
    if (engine_ == nullptr)
      return Error(ErrorCode::kUnavailable, "no-engine", "No engine is connected that could run containers.");
    std::promise<Result<T>> promise;
    std::future<Result<T>> answer = promise.get_future();
    boost::asio::co_spawn(io_, run<T>(std::move(start), *engine_, promise), boost::asio::detached);
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

  cluster::Engine* engine_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace mifeng::platform
