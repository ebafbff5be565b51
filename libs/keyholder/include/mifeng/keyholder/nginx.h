// Starts nginx, starts it again when it ends, and stops it so that it finishes what it has begun.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/os/child_process.h"

namespace mifeng::keyholder {

// Replaces each {{NAME}} of a template by its value, and leaves out lines that are comments. kInvalidArgument
// "bad-template" for a name without a value, and braces that do not match. What no name uses is left out.
Result<std::string> fill_template(const std::string& text, const std::map<std::string, std::string>& values);

// The part of a template between the lines "# begin NAME" and "# end NAME", once for each set of values, filled with
// it; all else is as it was. "bad-template" where the lines are not there, once each and in this order.
Result<std::string> repeat_section(const std::string& text, const std::string& name,
                                   const std::vector<std::map<std::string, std::string>>& values);

// A path for use inside double quotes of an nginx configuration. kInvalidArgument "bad-path" where it holds what nginx
// would read as something else: '"', '\', '$', '{', '}', ';' or a control character.
Result<std::string> plain_path(const std::filesystem::path& path);

struct NginxOptions {
  std::filesystem::path program;
  std::filesystem::path prefix;         // writable: nginx's own paths stand below it
  std::filesystem::path configuration;  // a file
  std::vector<int> listen_fds;          // handed over; they must outlive the supervisor
  std::function<void(const std::string&)> log;
  std::chrono::milliseconds restart_delay_min{200};
  std::chrono::milliseconds restart_delay_max{10000};
  // start() looks for so long whether it ends at once.
  std::chrono::milliseconds start_wait{300};
  // A run of this length makes the next delay the shortest again.
  std::chrono::milliseconds stable_after{30000};
};

class NginxSupervisor {
 public:
  NginxSupervisor(boost::asio::io_context& io, NginxOptions options);
  ~NginxSupervisor();  // kills what still runs

  // Starts it. An nginx that ends within start_wait (a configuration that it refuses, say) is kInternal
  // "nginx-does-not-start"; its own words went to our standard error.
  boost::asio::awaitable<Result<void>> start();
  // Runs until stop(): waits for the end of each nginx and starts the next.
  boost::asio::awaitable<void> supervise();
  // Graceful (SIGQUIT): connections end when their request does. What still runs after `grace` is cut. supervise()
  // then returns.
  boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

  std::optional<int> pid() const;
  std::size_t restarts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::keyholder
