// A program that the stack starts and watches: in a process group of its own, its output in a log file, gone when we
// go.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/os/child_process.h"

namespace mifeng::stack {

struct ServiceOptions {
  std::string name;           // of the log file, and in messages
  ChildOptions child;         // its standard streams, group and death signal are set here
  std::filesystem::path log;  // appended to; one older generation is kept as LOG.1 above 16 MiB
  bool ready_line = false;    // adds "--ready-fd 3" and reads spec/processes.md's line from it
};

class Service {
 public:
  // Start from a thread that stays: the service dies with it.
  static Result<std::unique_ptr<Service>> start(ServiceOptions options);

  const std::string& name() const { return options_.name; }
  ::pid_t pid() const { return process_.pid(); }
  int pidfd() const { return process_.pidfd(); }

  // kUnavailable "service-ended" with the last lines of its log once it has ended; never waits.
  Result<void> check();
  // Waits for the ready line and gives its "url". kTimeout "service-not-ready", kUnavailable "service-ended".
  Result<std::string> wait_ready(std::chrono::milliseconds timeout);
  // Asks `probe` again and again (it says true once the service works). The same errors.
  Result<void> wait_until(std::chrono::milliseconds timeout, const std::function<bool()>& probe);

  // SIGTERM, `grace`, SIGKILL to its group.
  ChildExit stop(std::chrono::milliseconds grace);
  // The end of its log, for messages.
  std::string log_tail(std::size_t lines = 8) const;

 private:
  Service(ServiceOptions options, ChildProcess process, UniqueFd ready)
      : options_(std::move(options)), process_(std::move(process)), ready_(std::move(ready)) {}
  Error ended_error();

  ServiceOptions options_;
  ChildProcess process_;
  UniqueFd ready_;
};

// Whether a program can listen on 127.0.0.1:port now.
bool loopback_port_is_free(std::uint16_t port);
// Who listens there, for a message: "nginx (process 123)", or "another program" where that cannot be seen.
std::string loopback_port_holder(std::uint16_t port);
// `wanted` if it is free, else one that the kernel picks. kUnavailable "no-port".
Result<std::uint16_t> pick_loopback_port(std::uint16_t wanted);

}  // namespace mifeng::stack
