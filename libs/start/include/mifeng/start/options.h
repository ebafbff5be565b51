// What the engine tells the model's first process: in arguments alone, since the image may bring variables of its own.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::start {

struct StartOptions {
  std::filesystem::path link = "/mifeng/guard/start.sock";      // where the guard listens
  std::filesystem::path header = "/mifeng/payload/header";      // of the sealed payload
  std::filesystem::path segments = "/mifeng/payload/segments";  // the rest of it
  std::filesystem::path folder = "/app";                        // where the model starts
  std::vector<std::string> env;    // names of the variables that the model gets, with the value they have here
  bool whole_environment = false;  // it gets all of them: a device's description adds some that nobody can name before
  std::vector<std::filesystem::path> writable;  // where it may write, where the kernel has Landlock
  bool only_unix_sockets = false;               // it makes no socket of any other family
  std::chrono::seconds patience{60};            // for the guard to listen
  std::vector<std::string> command;             // the model's; the first is an absolute path
};

// The arguments after the program's name: options, "--", the command. kInvalidArgument "bad-usage".
Result<StartOptions> parse_options(const std::vector<std::string>& arguments);
// One line for each option.
std::string usage();

}  // namespace mifeng::start
