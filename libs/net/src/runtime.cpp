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
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "mifeng/os/file.h"
#include "thrown.h"

namespace mifeng::net {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
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
  tell_faults_to([](const std::string& line) { spdlog::error("{}", line); });
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

}  // namespace mifeng::net
