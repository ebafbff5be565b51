#include "supervisor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "mifeng/base/phrase.h"

namespace mifeng::stack {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds kStopGrace{10};
constexpr std::chrono::seconds kStable{30};  // after that long a service counts as well again

}  // namespace

Supervisor::Supervisor(Message message, std::chrono::milliseconds pause_max)
    : message_(std::move(message)),
      pause_max_(pause_max),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Supervisor::~Supervisor() {
  stop();
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void Supervisor::run_job(Job job) {
  bool finished = false;
  {
    const std::lock_guard guard(mutex_);
    jobs_.push_back([&] {
      job();
      const std::lock_guard inner(mutex_);
      finished = true;
      done_.notify_all();
    });
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return finished; });
}

void Supervisor::run() {
  for (;;) {
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
    auto next = Steady::time_point::max();
    for (const auto& watched : watched_) {
      if (watched->service) {
        waits.push_back({watched->service->pidfd(), POLLIN, 0});
      } else {
        next = std::min(next, watched->next_start);
      }
    }
    int timeout = -1;
    if (next != Steady::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Steady::now());
      timeout = static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 60'000));
    }
    ::poll(waits.data(), waits.size(), timeout);
    std::uint64_t count;
    [[maybe_unused]] const ssize_t ignored = ::read(wake_.get(), &count, sizeof count);
    std::vector<Job> jobs;
    {
      const std::lock_guard guard(mutex_);
      jobs.swap(jobs_);
      if (ending_ && jobs.empty()) return;
    }
    for (const Job& job : jobs) job();
    for (const auto& watched : watched_) look_after(*watched);
  }
}

void Supervisor::look_after(Watched& watched) {
  if (watched.service) {
    const auto alive = watched.service->check();
    if (alive) {
      if (Steady::now() - watched.started > kStable) watched.failures_in_a_row = 0;
      return;
    }
    message_(alive.error().message());
    watched.service.reset();
    watched.next_start =
        Steady::now() + std::min(pause_max_, std::chrono::milliseconds(200 * watched.failures_in_a_row));
    ++watched.failures_in_a_row;
  }
  if (Steady::now() < watched.next_start) return;
  message_(phrase("starting {} again", watched.name));
  ++watched.restarts;
  auto started = watched.start();
  if (!started) {
    message_(started.error().message());
    ++watched.failures_in_a_row;
    watched.next_start =
        Steady::now() + std::min(pause_max_, std::chrono::milliseconds(500 * watched.failures_in_a_row));
    return;
  }
  watched.service = std::move(*started);
  watched.started = Steady::now();
}

Result<void> Supervisor::add(std::string name, Start start, std::function<void(Service&)> stop) {
  Result<void> result;
  run_job([&] {
    auto started = start();
    if (!started) {
      result = started.error();
      return;
    }
    auto watched = std::make_unique<Watched>();
    watched->name = std::move(name);
    watched->start = std::move(start);
    watched->stop = std::move(stop);
    watched->service = std::move(*started);
    watched->started = Steady::now();
    watched_.push_back(std::move(watched));
  });
  return result;
}

void Supervisor::stop(const std::string& before, const std::function<void()>& between) {
  run_job([&] {
    for (; !watched_.empty(); watched_.pop_back()) {
      Watched& last = *watched_.back();
      if (between && last.name == before) {
        if (!last.service) look_after(last);  // what is done in between may need it
        between();
      }
      if (!last.service) continue;
      if (last.stop) {
        last.stop(*last.service);
      } else {
        last.service->stop(kStopGrace);
      }
    }
  });
}

int Supervisor::restarts(const std::string& name) {
  int restarts = 0;
  run_job([&] {
    for (const auto& watched : watched_) {
      if (watched->name == name) restarts = watched->restarts;
    }
  });
  return restarts;
}

}  // namespace mifeng::stack
