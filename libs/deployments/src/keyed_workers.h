// Jobs on a bounded number of threads: those of one key one after the other, in order; those of others side by side.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mifeng::deployments {

// kPatient: jobs that mostly wait (a container's stop). They never take the last threads, so that others go on.
enum class JobKind { kPrompt, kUrgent, kPatient };

class KeyedWorkers {
 public:
  // At least 2 threads. `ended` is called, by any of them, each time a job has ended and its key is free again; not
  // after drain() or stop() has returned.
  explicit KeyedWorkers(int threads, std::function<void()> ended = nullptr);
  ~KeyedWorkers();  // as stop()

  // Urgent ones go before those that wait, except for those of their own key. Nothing happens after stop(). `job` does
  // not throw.
  void submit(const std::string& key, JobKind kind, std::function<void()> job);
  bool busy(const std::string& key) const;  // a job of it waits or runs
  bool none_waits() const;
  bool idle() const;  // none waits and none runs
  // Drops what waits and returns when nothing runs any more.
  void drain();
  void stop();

 private:
  struct Job {
    std::string key;
    JobKind kind;
    std::function<void()> run;
  };
  void work();
  std::list<Job>::iterator next();  // of what waits: the first that may run now

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Job> waiting_;
  std::set<std::string> running_;
  const std::function<void()> ended_;
  int telling_ = 0;  // calls of it under way
  int patient_ = 0;  // of those that run
  int patient_max_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mifeng::deployments
