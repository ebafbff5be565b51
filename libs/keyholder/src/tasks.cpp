#include "mifeng/keyholder/tasks.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace mifeng::keyholder {

namespace asio = boost::asio;

void Tasks::spawn(std::string name, asio::awaitable<void> task) {
  tasks_.emplace_back();
  const auto at = std::prev(tasks_.end());
  at->name = std::move(name);
  auto ended = [this, at](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted) log_(at->name + ": " + error.what());
    } catch (const std::exception& error) {
      log_(at->name + ": " + error.what());
    }
    tasks_.erase(at);
  };
  asio::co_spawn(io_, std::move(task), asio::bind_cancellation_slot(at->signal.slot(), std::move(ended)));
}

void Tasks::cancel() {
  // One by one from the loop: a task that ends at once takes itself out of the list.
  for (Task& task : tasks_)
    asio::post(io_, [this, wanted = &task] {
      for (Task& each : tasks_)
        if (&each == wanted) return each.signal.emit(asio::cancellation_type::terminal);
    });
}

void Tasks::run(asio::awaitable<void> life) {
  io_.restart();  // it may have run out of work before
  bool ended = false;
  asio::co_spawn(io_, std::move(life), [&](std::exception_ptr thrown) {
    ended = true;
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      log_(std::string("stopping: ") + error.what());
    }
  });
  while (!ended) io_.run_one();
  cancel();
  while (running() > 0) io_.run_one();
}

void Bell::ring() {
  for (asio::steady_timer* timer : waiting_) timer->cancel();
}

asio::awaitable<void> Bell::wait(std::chrono::milliseconds timeout) {
  struct Registered {
    Registered(std::set<asio::steady_timer*>& all, asio::steady_timer& own) : set(all), timer(own) {
      set.insert(&timer);
    }
    ~Registered() { set.erase(&timer); }
    std::set<asio::steady_timer*>& set;
    asio::steady_timer& timer;
  };
  asio::steady_timer timer(io_, timeout);
  const Registered registered(waiting_, timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace mifeng::keyholder
