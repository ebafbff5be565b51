#include "mifeng/net/runtime.h"

#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "mifeng/base/file.h"

namespace mifeng::net {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

bool is_cancellation(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

std::string describe(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

}  // namespace

// ---- Runtime

struct Runtime::Impl {
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::vector<std::thread> threads;
  UniqueFd wake;
};

Runtime::Runtime(unsigned threads) : impl_(std::make_unique<Impl>()) {
  // Before the first thread, so that all inherit it and the signals wait for wait_for_stop().
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  impl_->wake = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  for (unsigned i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] {
      for (;;) {
        try {
          impl->context.run();
          return;
        } catch (...) {
          // Only a completion handler of our own could throw here; tasks and connections catch.
          spdlog::error("event loop: {}", describe(std::current_exception()));
        }
      }
    });
  }
}

Runtime::~Runtime() { stop(); }

asio::any_io_executor Runtime::executor() { return impl_->context.get_executor(); }

int Runtime::wait_for_stop() {
  const sigset_t set = stop_signals();
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  pollfd fds[2] = {{signals.get(), POLLIN, 0}, {impl_->wake.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(fds, 2, -1) < 0) continue;  // EINTR
    if (fds[0].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals.get(), &info, sizeof info) == sizeof info) return static_cast<int>(info.ssi_signo);
    }
    if (fds[1].revents != 0) return 0;
  }
}

void Runtime::request_stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(impl_->wake.get(), &one, sizeof one);
}

void Runtime::stop() {
  impl_->work.reset();
  impl_->context.stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

// ---- TaskGroup

struct TaskGroup::Impl {
  struct Running {
    asio::strand<asio::any_io_executor> strand;
    std::shared_ptr<asio::cancellation_signal> signal;  // shared with the cancellation that is on its way
  };
  Impl(asio::any_io_executor executor_in, std::string name_in)
      : executor(std::move(executor_in)), name(std::move(name_in)) {}

  asio::any_io_executor executor;
  std::string name;
  std::mutex mutex;
  std::condition_variable ended;
  std::map<std::uint64_t, Running> running;
  std::uint64_t next = 0;
  bool stopping = false;

  // `task` is a parameter so that the closure lives as long as the coroutine that it made.
  static asio::awaitable<void> run(std::function<asio::awaitable<void>()> task) { co_await task(); }

  void finished(std::uint64_t id, const std::string& task, const std::exception_ptr& thrown) {
    bool was_cancelled = false;
    {
      const std::lock_guard lock(mutex);
      was_cancelled = stopping;
    }
    if (thrown && !(was_cancelled && is_cancellation(thrown)))
      spdlog::error("{}: task {} ended: {}", name, task, describe(thrown));
    const std::lock_guard lock(mutex);
    running.erase(id);
    ended.notify_all();
  }
};

TaskGroup::TaskGroup(asio::any_io_executor executor, std::string name)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(name))) {}

TaskGroup::~TaskGroup() {
  stop(std::chrono::milliseconds(0));
  std::unique_lock lock(impl_->mutex);
  impl_->ended.wait(lock, [&] { return impl_->running.empty(); });
}

void TaskGroup::spawn(std::string name, std::function<asio::awaitable<void>()> task) {
  auto strand = asio::make_strand(impl_->executor);
  auto signal = std::make_shared<asio::cancellation_signal>();
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return;
    id = impl_->next++;
    impl_->running.emplace(id, Impl::Running{strand, signal});
  }
  // On the strand, so that starting and cancelling never overlap.
  asio::post(strand, [impl = impl_, strand, signal, id, name = std::move(name), task = std::move(task)]() mutable {
    asio::co_spawn(strand, Impl::run(std::move(task)),
                   asio::bind_cancellation_slot(signal->slot(), [impl, signal, id, name](std::exception_ptr thrown) {
                     impl->finished(id, name, thrown);
                   }));
  });
}

std::size_t TaskGroup::running() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->running.size();
}

bool TaskGroup::stop(std::chrono::milliseconds grace) {
  std::unique_lock lock(impl_->mutex);
  impl_->stopping = true;
  for (const auto& [id, task] : impl_->running) {
    asio::post(task.strand, [signal = task.signal] { signal->emit(asio::cancellation_type::terminal); });
  }
  return impl_->ended.wait_for(lock, grace, [&] { return impl_->running.empty(); });
}

// ---- BlockingPool

struct BlockingPool::Impl {
  std::string name;
  std::size_t limit = 0;
  std::mutex mutex;
  std::condition_variable work;
  std::deque<std::function<void()>> queue;
  bool stopping = false;
  std::vector<std::thread> threads;

  bool push(std::function<void()> job) {
    const std::lock_guard lock(mutex);
    if (stopping || queue.size() >= limit) return false;
    queue.push_back(std::move(job));
    work.notify_one();
    return true;
  }

  void loop() {
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      auto job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      try {
        job();
      } catch (...) {
        spdlog::error("pool {}: a job threw: {}", name, describe(std::current_exception()));
      }
      job = nullptr;
      lock.lock();
    }
  }
};

BlockingPool::BlockingPool(std::string name, unsigned threads, std::size_t queue_limit)
    : impl_(std::make_shared<Impl>()) {
  impl_->name = std::move(name);
  impl_->limit = queue_limit;
  for (unsigned i = 0; i < threads; ++i) impl_->threads.emplace_back([impl = impl_.get()] { impl->loop(); });
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->work.notify_all();
  }
  for (std::thread& thread : impl_->threads) thread.join();
}

bool BlockingPool::post(std::function<void()> job) { return impl_->push(std::move(job)); }

Task<void> BlockingPool::run(std::function<void()> job) {
  auto initiate = [impl = impl_, job = std::move(job)](auto handler) mutable {
    using Handler = decltype(handler);
    auto executor = asio::get_associated_executor(handler);
    // Shared because std::function wants to copy; there is only one call.
    auto shared = std::make_shared<Handler>(std::move(handler));
    auto guard = asio::make_work_guard(executor);
    auto complete = [shared, executor, guard](bool ran) {
      asio::post(executor, [shared, ran]() mutable { std::move (*shared)(ran); });
    };
    const bool accepted = impl->push([job = std::move(job), complete] {
      job();
      complete(true);
    });
    if (!accepted) complete(false);
  };
  const bool ran = co_await asio::async_initiate<decltype(asio::use_awaitable), void(bool)>(std::move(initiate),
                                                                                            asio::use_awaitable);
  if (!ran)
    co_return Error(ErrorCode::kUnavailable, "busy",
                    "Too much is going on at once (" + impl_->name + "); try again in a moment.");
  co_return ok();
}

// ---- race

namespace {

asio::awaitable<void> caught(const std::function<asio::awaitable<void>()>& task, std::exception_ptr& thrown) {
  try {
    co_await task();
  } catch (...) {
    thrown = std::current_exception();
  }
}

}  // namespace

asio::awaitable<void> race(std::function<asio::awaitable<void>()> first,
                           std::function<asio::awaitable<void>()> second) {
  std::exception_ptr thrown;
  std::exception_ptr ignored;
  {
    using namespace asio::experimental::awaitable_operators;
    co_await (caught(first, thrown) || caught(second, ignored));
  }
  if (thrown && !is_cancellation(thrown)) std::rethrow_exception(thrown);
}

// ---- sleep_for, Notifier, run_to_end

asio::awaitable<void> sleep_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

struct Notifier::Impl {
  std::mutex mutex;
  std::uint64_t count = 0;
  std::uint64_t next = 0;
  std::map<std::uint64_t, std::shared_ptr<asio::steady_timer>> waiting;  // shared with the notification on its way
};

Notifier::Notifier() : impl_(std::make_shared<Impl>()) {}
Notifier::~Notifier() = default;

void Notifier::notify() {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->count;
  for (auto& [id, timer] : impl_->waiting) {
    // On the waiter's own executor: timers are not thread-safe. In the past, not cancelled: it may not wait yet.
    asio::post(timer->get_executor(), [timer = timer] { timer->expires_at(asio::steady_timer::time_point::min()); });
  }
  impl_->waiting.clear();
}

std::uint64_t Notifier::count() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->count;
}

asio::awaitable<std::uint64_t> Notifier::wait(std::uint64_t seen, std::chrono::milliseconds timeout) {
  auto impl = impl_;
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, timeout);
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(impl->mutex);
    if (impl->count != seen) co_return impl->count;
    id = impl->next++;
    impl->waiting.emplace(id, timer);
  }
  // Whatever ends the wait (time, notify, cancellation, which also throws), nothing of it stays behind.
  struct Forget {
    Impl* impl;
    std::uint64_t id;
    ~Forget() {
      const std::lock_guard lock(impl->mutex);
      impl->waiting.erase(id);
    }
  } const forget{impl.get(), id};
  boost::system::error_code ignored;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  const std::lock_guard lock(impl->mutex);
  co_return impl->count;
}

void run_to_end(std::function<asio::awaitable<void>()> task) {
  asio::io_context context(1);
  std::exception_ptr thrown;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) { thrown = error; });
  context.run();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace mifeng::net
