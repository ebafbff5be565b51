// Threads, tasks and the ways between coroutines and blocking code.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "mifeng/base/result.h"

namespace mifeng::net {

namespace asio = boost::asio;

template <typename T>
using Task = asio::awaitable<Result<T>>;

// An event loop and its threads. One for a program, and one more for listeners that must not hold up the others.
class Runtime {
 public:
  explicit Runtime(unsigned threads);
  ~Runtime();  // stop() and join
  asio::any_io_executor executor();
  // Blocks until SIGINT or SIGTERM comes, or request_stop() was called; gives the signal, or 0. Both signals are
  // blocked for all threads from the first constructor on.
  int wait_for_stop();
  void request_stop();  // from any thread
  // Ends the loop at once; what still waits is dropped. After the TaskGroups have joined.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Every task starts through one. Each runs on a strand of its own; what it throws is logged with its name; cancelled
// tasks end where they wait (operation_aborted is not logged then).
class TaskGroup {
 public:
  TaskGroup(asio::any_io_executor executor, std::string name);
  ~TaskGroup();  // stop()s, and waits without a limit: tasks refer to what their owner owns

  // After stop() it does nothing.
  void spawn(std::string name, std::function<asio::awaitable<void>()> task);
  std::size_t running() const;
  // Cancels all tasks and waits until they have ended, at most `grace`; whether all did. Not from a task of the group
  // itself, nor from the only thread of its Runtime.
  bool stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the tasks
};

// A bounded number of threads for what blocks: the database, password hashing, files. Who asks may be named: then those
// who wait take turns, so that one who asks a thousand times is one of two to somebody who asks once.
class BlockingPool {
 public:
  // `queue_limit` jobs wait; where they are not 0, `of_one_limit` of one who asks, and `of_one_running` of his jobs run
  // at once, whatever threads are idle.
  BlockingPool(std::string name, unsigned threads, std::size_t queue_limit, std::size_t of_one_limit = 0,
               std::size_t of_one_running = 0);
  ~BlockingPool();  // finishes what was accepted

  // Runs `job` on a thread of the pool; resumes on the caller's executor. kUnavailable "busy" when the queue is full,
  // kResourceExhausted "too-many-requests" when too many of `who` wait (the job was not run). Once accepted a job
  // always runs to its end before this returns, cancelled or not: jobs refer to the caller's frame.
  Task<void> run(std::function<void()> job, std::string who);
  Task<void> run(std::function<void()> job) { return run(std::move(job), std::string()); }
  // The same without waiting for it; false when the queue is full. What `job` refers to must live until it has run.
  bool post(std::function<void()> job);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the threads
};

// co_await run_blocking(pool, f), f giving a Result<T>. g++ 12 destroys a capturing lambda written inside the co_await
// expression twice: bind it to a named local and std::move it in.
template <typename F>
asio::awaitable<std::invoke_result_t<F&>> run_blocking(BlockingPool& pool, F f, std::string who) {
  std::optional<std::invoke_result_t<F&>> result;
  std::exception_ptr thrown;
  std::function<void()> job = [&] {
    try {
      result.emplace(f());
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  auto running = pool.run(std::move(job), std::move(who));
  auto accepted = co_await std::move(running);
  if (!accepted) co_return std::move(accepted).error();
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*result);
}
// For nobody in particular.
template <typename F>
asio::awaitable<std::invoke_result_t<F&>> run_blocking(BlockingPool& pool, F f) {
  return run_blocking(pool, std::move(f), std::string());
}

// Runs both; whichever ends first cancels the other, and both have ended when this returns. What `first` throws comes
// out of here, save its own cancellation.
asio::awaitable<void> race(std::function<asio::awaitable<void>()> first, std::function<asio::awaitable<void>()> second);

// Waits; cancellation ends it with operation_aborted.
asio::awaitable<void> sleep_for(std::chrono::milliseconds duration);

// "Something changed": waiters see that the count moved. notify() from any thread.
class Notifier {
 public:
  Notifier();
  ~Notifier();
  void notify();
  std::uint64_t count() const;
  // Returns when count() differs from `seen`, or after `timeout`; gives the count then.
  asio::awaitable<std::uint64_t> wait(std::uint64_t seen, std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the waiters
};

// Runs `task` on an event loop of its own in this thread, to its end: for the command line and for tests. What it
// throws comes out of here.
void run_to_end(std::function<asio::awaitable<void>()> task);
template <typename T>
Result<T> run_to_result(std::function<Task<T>()> task) {
  std::optional<Result<T>> result;
  run_to_end([&]() -> asio::awaitable<void> {
    auto value = co_await task();
    result.emplace(std::move(value));
  });
  return std::move(*result);
}

}  // namespace mifeng::net
