#include "mifeng/os/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mifeng/base/phrase.h"

extern char** environ;  // POSIX leaves its declaration to the program

namespace mifeng {
namespace {

Error cannot_start(const std::string& program, int error_number) {
  if (error_number == ENOENT) return Error(ErrorCode::kNotFound, "no-such-program", "there is no program " + program);
  return Error(ErrorCode::kInternal, "cannot-start",
               "cannot start " + program + ": " + std::generic_category().message(error_number));
}

// Runs in the child between fork and exec: only async-signal-safe calls, nothing allocated. Returns errno.
int become(const ChildOptions& options, char* const* argv, char* const* envp,
           const std::vector<std::pair<int, int>>& fds, int report_fd, ::pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s = 1; s < NSIG; ++s) {
    if (s != SIGKILL && s != SIGSTOP) ::signal(s, SIG_DFL);
  }
  if (options.new_process_group) ::setpgid(0, 0);
  if (options.parent_death_signal != 0) {
    ::prctl(PR_SET_PDEATHSIG, options.parent_death_signal);
    if (::getppid() != parent) return ECHILD;  // the parent died before we asked to be told
  }
  if (options.disable_core_dumps) {
    const rlimit zero{0, 0};
    ::setrlimit(RLIMIT_CORE, &zero);
  }
  if (options.working_directory && ::chdir(options.working_directory->c_str()) != 0) return errno;
  // First everything out of the way of the target numbers, then into place.
  int moved[64];
  if (fds.size() > 64) return EMFILE;
  int highest = 2;
  for (const auto& [target, source] : fds) highest = target > highest ? target : highest;
  const int report = ::fcntl(report_fd, F_DUPFD_CLOEXEC, highest + 1);
  if (report < 0) return errno;
  for (std::size_t i = 0; i < fds.size(); ++i) {
    moved[i] = ::fcntl(fds[i].second, F_DUPFD_CLOEXEC, highest + 1);
    if (moved[i] < 0) return errno;
  }
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (::dup2(moved[i], fds[i].first) < 0) return errno;
  }
  // Whatever was not named goes at exec; the report pipe must live until then.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (fds[i].first > 2) ::fcntl(fds[i].first, F_SETFD, 0);
  }
  if (options.last_step) {
    if (const int failure = options.last_step(); failure != 0) return failure;
  }
  ::execvpe(argv[0], argv, envp);
  const int failure = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

ChildExit from_siginfo(const siginfo_t& info) {
  ChildExit exit;
  if (info.si_code == CLD_EXITED) {
    exit.code = info.si_status;
  } else {
    exit.code = -1;
    exit.signal = info.si_status;
  }
  return exit;
}

}  // namespace

std::string ChildExit::describe() const {
  return signal != 0 ? phrase("killed by signal {}", signal) : phrase("exit status {}", code);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), group_(other.group_), exit_(other.exit_) {}

Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
  if (options.argv.empty()) return cannot_start("(empty)", ENOENT);
  std::vector<char*> argv;
  for (const auto& arg : options.argv) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> env_text;
  std::vector<char*> env;
  if (options.env) {
    for (const auto& [name, value] : *options.env) env_text.push_back(std::string(name).append("=").append(value));
    for (auto& entry : env_text) env.push_back(entry.data());
    env.push_back(nullptr);
  }
  const std::vector<std::pair<int, int>> fds(options.fds.begin(), options.fds.end());
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return cannot_start(options.argv[0], errno);
  UniqueFd read_end(pipe_fds[0]);
  UniqueFd write_end(pipe_fds[1]);
  const ::pid_t parent = ::getpid();
  const ::pid_t pid = ::fork();
  if (pid < 0) return cannot_start(options.argv[0], errno);
  if (pid == 0) {
    const int failure = become(options, argv.data(), options.env ? env.data() : environ, fds, write_end.get(), parent);
    [[maybe_unused]] const ssize_t ignored = ::write(write_end.get(), &failure, sizeof failure);
    ::_exit(127);
  }
  if (options.new_process_group) ::setpgid(pid, pid);  // in both processes, so that neither has to wait for the other
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  write_end.reset();
  int failure = 0;
  ssize_t got;
  do {
    got = ::read(read_end.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    ::waitpid(pid, nullptr, 0);
    return cannot_start(options.argv[0], failure);
  }
  return ChildProcess(pid, std::move(pidfd), options.new_process_group);
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || exit_) return;
  send_signal(SIGKILL, group_);
  (void)wait(std::chrono::seconds(5));
}

void ChildProcess::send_signal(int signal, bool group) {
  // The number cannot have been given to another process: a child that was not reaped keeps it.
  if (pid_ < 0 || exit_) return;
  ::kill(group && group_ ? -pid_ : pid_, signal);
}

Result<ChildExit> ChildProcess::wait(std::optional<std::chrono::milliseconds> timeout) {
  if (exit_) return *exit_;
  const auto deadline = std::chrono::steady_clock::now() + timeout.value_or(std::chrono::milliseconds(0));
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid_) {
      exit_ = from_siginfo(info);
      return *exit_;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    pollfd poll_fd{pidfd_.get(), POLLIN, 0};
    ::poll(&poll_fd, 1, static_cast<int>(left.count()) + 1);
  }
  return Error(ErrorCode::kTimeout, "still-running", "process " + std::to_string(pid_) + " is still running");
}

ChildExit ChildProcess::stop(std::chrono::milliseconds grace) {
  send_signal(SIGTERM);
  if (auto ended = wait(grace)) {
    if (group_) ::kill(-pid_, SIGKILL);  // whatever it left behind in its group
    return *ended;
  }
  send_signal(SIGKILL, true);
  return wait(std::chrono::seconds(5)).value_or(ChildExit{-1, SIGKILL});
}

Result<CommandOutput> run_command(ChildOptions options, std::chrono::milliseconds timeout, std::size_t limit) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd read_end(pipe_fds[0]);
  UniqueFd write_end(pipe_fds[1]);
  UniqueFd null_fd;
  if (!options.fds.contains(0)) {
    null_fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    options.fds[0] = null_fd.get();
  }
  options.fds[1] = write_end.get();
  options.fds[2] = write_end.get();
  MIFENG_TRY(ChildProcess child, ChildProcess::start(options));
  write_end.reset();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  CommandOutput result;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd poll_fd{read_end.get(), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&poll_fd, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      child.stop(std::chrono::milliseconds(500));
      return Error(ErrorCode::kTimeout, "command-timeout",
                   options.argv[0] + " did not end within " + std::to_string(timeout.count()) + " ms");
    }
    char buffer[8192];
    const ssize_t got = ::read(read_end.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    const std::size_t room = limit - std::min(limit, result.output.size());
    result.output.append(buffer, std::min(room, static_cast<std::size_t>(got)));
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  auto ended = child.wait(std::max(left, std::chrono::milliseconds(100)));
  result.exit = ended ? *ended : child.stop(std::chrono::milliseconds(500));
  return result;
}

}  // namespace mifeng
