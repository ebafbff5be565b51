#include "keyed_workers.h"

#include <algorithm>

namespace mifeng::deployments {

KeyedWorkers::KeyedWorkers(int threads, std::function<void()> ended) : ended_(std::move(ended)) {
  threads = std::max(threads, 2);
  patient_max_ = std::max(threads - 2, 1);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

KeyedWorkers::~KeyedWorkers() { stop(); }

void KeyedWorkers::submit(const std::string& key, JobKind kind, std::function<void()> job) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return;
    auto place = waiting_.end();
    if (kind == JobKind::kUrgent) {
      const auto own = std::find_if(waiting_.rbegin(), waiting_.rend(), [&](const Job& one) { return one.key == key; });
      place = own == waiting_.rend() ? waiting_.begin() : own.base();
    }
    waiting_.insert(place, Job{.key = key, .kind = kind, .run = std::move(job)});
  }
  changed_.notify_all();
}

bool KeyedWorkers::busy(const std::string& key) const {
  const std::lock_guard guard(mutex_);
  return running_.contains(key) ||
         std::any_of(waiting_.begin(), waiting_.end(), [&](const Job& one) { return one.key == key; });
}

bool KeyedWorkers::idle() const {
  const std::lock_guard guard(mutex_);
  return waiting_.empty() && running_.empty();
}

bool KeyedWorkers::none_waits() const {
  const std::lock_guard guard(mutex_);
  return waiting_.empty();
}

void KeyedWorkers::drain() {
  std::list<Job> dropped;  // their captures go outside of the lock
  std::unique_lock guard(mutex_);
  // Again at each look, since what runs may submit.
  changed_.wait(guard, [&] {
    dropped.splice(dropped.end(), waiting_);
    return running_.empty() && telling_ == 0;
  });
}

void KeyedWorkers::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  drain();
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::list<KeyedWorkers::Job>::iterator KeyedWorkers::next() {
  std::set<std::string> earlier;
  for (auto job = waiting_.begin(); job != waiting_.end(); ++job) {
    const bool room = job->kind != JobKind::kPatient || patient_ < patient_max_;
    if (room && !running_.contains(job->key) && !earlier.contains(job->key)) return job;
    earlier.insert(job->key);
  }
  return waiting_.end();
}

void KeyedWorkers::work() {
  std::unique_lock guard(mutex_);
  for (;;) {
    auto found = next();
    if (found == waiting_.end()) {
      if (stopping_) return;
      changed_.wait(guard);
      continue;
    }
    Job job = std::move(*found);
    waiting_.erase(found);
    running_.insert(job.key);
    if (job.kind == JobKind::kPatient) ++patient_;
    guard.unlock();
    job.run();
    job.run = nullptr;
    guard.lock();
    running_.erase(job.key);
    if (job.kind == JobKind::kPatient) --patient_;
    if (ended_) {
      ++telling_;
      guard.unlock();
      ended_();
      guard.lock();
      --telling_;
    }
    changed_.notify_all();
  }
}

}  // namespace mifeng::deployments
