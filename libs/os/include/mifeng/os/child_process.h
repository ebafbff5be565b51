// A child process, held by pidfd, so that a signal can never reach a process that got its number later.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng {

struct ChildOptions {
  std::vector<std::string> argv;  // argv[0] is looked for in PATH where it has no slash
  // The whole environment of the child where given (never add to it what is secret: /proc shows it); else ours.
  std::optional<std::map<std::string, std::string>> env;
  std::optional<std::filesystem::path> working_directory;
  // Descriptors that the child has under the number on the left. What is not named is closed in the child, but 0, 1
  // and 2 are inherited where not named.
  std::map<int, int> fds;
  bool new_process_group = true;  // so that a Ctrl-C at the terminal reaches us first
  int parent_death_signal = 9;    // 0 for none. Belongs to the thread that started it: start from one that stays
  bool disable_core_dumps = false;
  // Called in the child at last, just before exec, for what else it is to give up. Gives errno, which start() then
  // reports, or 0. Where the program has several threads: async-signal-safe calls alone.
  std::function<int()> last_step;
};

struct ChildExit {
  int code = 0;    // exit status, or -1 where a signal ended it
  int signal = 0;  // or 0
  bool success() const { return code == 0; }
  std::string describe() const;  // "exit status 3", "killed by signal 9"
};

class ChildProcess {
 public:
  // kNotFound "no-such-program", else kInternal "cannot-start": failures of exec are reported here, not as an exit
  // code.
  static Result<ChildProcess> start(const ChildOptions& options);

  ChildProcess(ChildProcess&&) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills (SIGKILL) and reaps a child that still runs.
  ~ChildProcess();

  ::pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // readable once the child has ended; for event loops
  // To the child; with `group` to its whole process group. Nothing happens once it was reaped.
  void send_signal(int signal, bool group = false);
  // Without a time it asks once; kTimeout "still-running". Reaps; may be called again and then repeats its answer.
  Result<ChildExit> wait(std::optional<std::chrono::milliseconds> timeout);
  // SIGTERM, `grace`, then SIGKILL to the group.
  ChildExit stop(std::chrono::milliseconds grace);
  // For a tool that starts others: SIGTERM to its group, `grace`, then SIGKILL to all its descendants, whatever group
  // they are in, and to what is left of the group.
  ChildExit stop_tree(std::chrono::milliseconds grace);

 private:
  ChildProcess(::pid_t pid, UniqueFd pidfd, bool group) : pid_(pid), pidfd_(std::move(pidfd)), group_(group) {}
  ::pid_t pid_;
  UniqueFd pidfd_;
  bool group_;
  std::optional<ChildExit> exit_;
};

// Runs a program to its end; its standard output and error (together, at most `limit` bytes, the rest dropped) come
// back. kTimeout after `timeout`, the child then killed. A status other than 0 is a value, not an error.
struct CommandOutput {
  ChildExit exit;
  std::string output;
};
Result<CommandOutput> run_command(ChildOptions options, std::chrono::milliseconds timeout, std::size_t limit = 1 << 20);

}  // namespace mifeng
