// How coroutines wait: for a thread that blocks, for each other, for time, for news.
#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <latch>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "mifeng/net/runtime.h"
#include "thrown.h"

namespace mifeng::net {

namespace {

void to_standard_error(const std::string& line) { std::cerr << line + "\n"; }
std::atomic<void (*)(const std::string&)> g_sink{to_standard_error};

}  // namespace

void tell_fault(const std::string& line) { g_sink.load()(line); }
void tell_faults_to(void (*sink)(const std::string& line)) { g_sink = sink; }

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

// ---- BlockingPool

struct BlockingPool::Impl {
  using Job = std::function<void()>;
  enum class Pushed { kAccepted, kFull, kShareFull };

  std::string name;
  std::size_t limit = 0;
  std::size_t of_one_limit = 0;
  std::size_t of_one_running = 0;
  std::mutex mutex;
  std::condition_variable work;
  std::map<std::string, std::deque<Job>> waiting;  // by who asks; none is empty
  std::deque<std::string> turns;                   // everybody in `waiting`, whose turn it is first
  std::map<std::string, std::size_t> running;      // by who asked; none is 0
  std::size_t queued = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  Pushed push(Job job, const std::string& who) {
    const std::lock_guard lock(mutex);
    if (stopping || queued >= limit) return Pushed::kFull;
    const auto found = waiting.find(who);
    if (found == waiting.end()) {
      waiting[who].push_back(std::move(job));
      turns.push_back(who);
    } else {
      if (of_one_limit != 0 && found->second.size() >= of_one_limit) return Pushed::kShareFull;
      found->second.push_back(std::move(job));
    }
    ++queued;
    work.notify_one();
    return Pushed::kAccepted;
  }

  // The first whose turn it is and who has not as much under way as he may.
  std::deque<std::string>::iterator next() {
    return std::find_if(turns.begin(), turns.end(), [&](const std::string& who) {
      if (of_one_running == 0) return true;
      const auto found = running.find(who);
      return found == running.end() || found->second < of_one_running;
    });
  }

  struct Taken {
    std::string who;
    Job job;
  };
  Taken take(std::deque<std::string>::iterator turn) {
    std::string who = std::move(*turn);
    turns.erase(turn);
    const auto found = waiting.find(who);
    Job job = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty())
      waiting.erase(found);
    else
      turns.push_back(who);
    --queued;
    if (of_one_running != 0) ++running[who];
    return {std::move(who), std::move(job)};
  }

  void loop() {
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return (stopping && queued == 0) || next() != turns.end(); });
      if (queued == 0) return;
      auto [who, job] = take(next());
      lock.unlock();
      try {
        job();
      } catch (...) {
        tell_fault("pool " + name + ": a job threw: " + describe(std::current_exception()));
      }
      job = nullptr;
      lock.lock();
      if (of_one_running == 0) continue;
      if (--running[who] == 0) running.erase(who);
      work.notify_all();  // what had to wait for this very job, and whoever waits for the last one of all
    }
  }
};

BlockingPool::BlockingPool(std::string name, unsigned threads, std::size_t queue_limit, std::size_t of_one_limit,
                           std::size_t of_one_running)
    : impl_(std::make_shared<Impl>()) {
  impl_->name = std::move(name);
  impl_->limit = queue_limit;
  impl_->of_one_limit = of_one_limit;
  impl_->of_one_running = of_one_running;
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

bool BlockingPool::post(std::function<void()> job) {
  return impl_->push(std::move(job), "") == Impl::Pushed::kAccepted;
}

Task<void> BlockingPool::run(std::function<void()> job, std::string who) {
  using Pushed = Impl::Pushed;
  // Set when the pool's thread has let go of the waiter's event loop: the last thing that the waiter does may be to end
  // it, while the thread that woke it is still on its way out of post().
  auto has_left = std::make_shared<std::latch>(1);
  auto initiate = [impl = impl_, job = std::move(job), who = std::move(who), has_left](auto handler) mutable {
    using Handler = decltype(handler);
    using Guard = decltype(asio::make_work_guard(asio::get_associated_executor(handler)));
    struct Waiter {
      std::shared_ptr<Handler> handler;
      Guard guard;
    };
    // Shared because std::function wants to copy; there is only one call.
    auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
    auto waiter = std::make_shared<std::optional<Waiter>>(
        Waiter{std::make_shared<Handler>(std::move(handler)), std::move(guard)});
    const auto wake = [](std::optional<Waiter>& whom, Pushed what) {
      const Waiter own = std::move(*whom);
      whom.reset();
      asio::post(own.guard.get_executor(), [shared = own.handler, what]() mutable { std::move (*shared)(what); });
    };
    auto whole = [job = std::move(job), waiter, wake, has_left] {
      job();
      wake(*waiter, Pushed::kAccepted);
      has_left->count_down();
    };
    const Pushed pushed = impl->push(std::move(whole), who);
    if (pushed != Pushed::kAccepted) wake(*waiter, pushed);
  };
  const Pushed pushed = co_await asio::async_initiate<decltype(asio::use_awaitable), void(Pushed)>(std::move(initiate),
                                                                                                   asio::use_awaitable);
  if (pushed == Pushed::kAccepted) has_left->wait();
  if (pushed == Pushed::kShareFull)
    co_return Error(
        ErrorCode::kResourceExhausted, "too-many-requests",
        "Too many requests from where this one comes wait already (" + impl_->name + "); try again in a moment.");
  if (pushed == Pushed::kFull)
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
