// Coroutines of one event loop with one thread: started together, cancelled together; and a bell to wake them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <set>
#include <string>

namespace mifeng::keyholder {

class Tasks {
 public:
  // `log` gets what a task throws, with its name; cancellation is not logged.
  Tasks(boost::asio::io_context& io, std::function<void(const std::string&)> log) : io_(io), log_(std::move(log)) {}

  void spawn(std::string name, boost::asio::awaitable<void> task);
  // Every task that still runs ends where it waits. Run the io_context until running() is 0.
  void cancel();
  std::size_t running() const { return tasks_.size(); }
  // Runs the loop until `life` has ended, and then until what else was spawned has ended, cancelled, as well. What
  // `life` throws is logged: it is over then.
  void run(boost::asio::awaitable<void> life);

 private:
  struct Task {
    std::string name;
    boost::asio::cancellation_signal signal;
  };
  boost::asio::io_context& io_;
  std::function<void(const std::string&)> log_;
  std::list<Task> tasks_;
};

// Wakes all that wait. There is no memory in it: look at the condition, then wait().
class Bell {
 public:
  explicit Bell(boost::asio::io_context& io) : io_(io) {}
  void ring();
  // Returns at the next ring(), or after `timeout`.
  boost::asio::awaitable<void> wait(std::chrono::milliseconds timeout);

 private:
  boost::asio::io_context& io_;
  std::set<boost::asio::steady_timer*> waiting_;
};

}  // namespace mifeng::keyholder
