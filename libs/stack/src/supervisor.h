// Keeps services running: one thread starts them all (they die with it), and starts again what has ended.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mifeng/stack/service.h"

namespace mifeng::stack {

class Supervisor {
 public:
  using Start = std::function<Result<std::unique_ptr<Service>>()>;  // starts, and returns once it works
  static constexpr std::chrono::milliseconds kPauseMax{10'000};
  using Message = std::function<void(std::string_view)>;  // from the supervisor's thread

  // `pause_max`: the longest pause before a service is started again.
  explicit Supervisor(Message message, std::chrono::milliseconds pause_max = kPauseMax);
  ~Supervisor();  // stop()

  // Starts it and waits until it works. A failure of this first start is given back, and it is not watched. Later it
  // is started again whenever it ends, at once, and where it goes on ending after longer and longer pauses.
  // `stop` ends it (by default: SIGTERM, 10 seconds, SIGKILL).
  Result<void> add(std::string name, Start start, std::function<void(Service&)> stop = {});

  // Ends all in the reverse order; `between` is called once before the service `before` is ended.
  void stop(const std::string& before = {}, const std::function<void()>& between = {});

  // How often a service was started again.
  int restarts(const std::string& name);

 private:
  struct Watched {
    std::string name;
    Start start;
    std::function<void(Service&)> stop;
    std::unique_ptr<Service> service;  // null between two starts
    int restarts = 0;
    int failures_in_a_row = 0;
    std::chrono::steady_clock::time_point next_start{};
    std::chrono::steady_clock::time_point started{};
  };
  using Job = std::function<void()>;

  void run();
  void run_job(Job job);  // on the supervisor's thread; waits for its end
  void look_after(Watched& watched);

  Message message_;
  std::chrono::milliseconds pause_max_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<Job> jobs_;
  bool ending_ = false;
  UniqueFd wake_;                                  // eventfd: a job is there, or the end
  std::vector<std::unique_ptr<Watched>> watched_;  // of the thread alone
  std::thread thread_;
};

}  // namespace mifeng::stack
