// The guard: process 1 of a unit's own container, beside that of the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "mifeng/guard/config.h"

namespace mifeng::guard {

struct GuardOptions {
  GuardConfig config;
  std::string version;
  std::uint16_t health_port = 15020;
  std::filesystem::path nginx;   // program
  std::filesystem::path module;  // ngx_http_mifeng.so
  std::filesystem::path nginx_template;
  std::function<void(const std::string&)> log;    // one line each, in English
  std::function<void(const std::string&)> print;  // the line by which a message is known to be ours, on standard output
};

enum class GuardExit : int {
  kStopped = 0,       // it was asked to
  kFailed = 1,        // the log says why: the environment, the payload, the model's container, nginx
  kModelEnded = 3,    // the model's container ended, or its process where it may not start again
  kModelStopped = 4,  // it listened where it must not
  kRevoked = 5,       // the platform ended this instance
};

class Guard {
 public:
  explicit Guard(GuardOptions options);
  ~Guard();
  // Blocks until everything that was started has ended. SIGTERM and SIGINT stop it. Call it from the process's
  // only thread.
  GuardExit run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::guard
