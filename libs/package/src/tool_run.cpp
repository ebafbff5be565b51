#include "tool_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <map>

#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

extern char** environ;  // POSIX leaves its declaration to the program

namespace mifeng::package {
namespace {

constexpr std::size_t kOutputMax = 1 << 20;
constexpr std::size_t kLineMax = 4096;
constexpr std::chrono::hours kTimeLimit{2};
constexpr std::chrono::seconds kGrace{10};

// Standard input as a file in memory: whole before the child starts, so nobody waits for anybody.
Result<UniqueFd> input_file(const std::string& input) {
  UniqueFd fd(::memfd_create("mifeng-tool-input", MFD_CLOEXEC));
  if (!fd) return errno_error(errno, "memfd_create");
  for (std::string_view rest = input; !rest.empty();) {
    const ::ssize_t put = ::write(fd.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno_error(errno, "write the tool's input");
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return errno_error(errno, "lseek");
  return fd;
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

// Cuts what a tool says on standard error into lines.
class LineSplitter {
 public:
  LineSplitter(PackListener& listener, const std::filesystem::path& log) : listener_(listener), log_(log) {}
  void feed(std::string_view text) {
    log_ << text;
    for (const char c : text) {
      if (c == '\n' || c == '\r') {
        flush();
      } else if (line_.size() < kLineMax && static_cast<unsigned char>(c) >= 0x20) {
        line_ += c;
      }
    }
  }
  void flush() {
    if (line_.empty()) return;
    listener_.line(line_);
    last_.push_back(std::move(line_));
    if (last_.size() > 15) last_.pop_front();
    line_.clear();
  }
  std::string last_lines() const {
    std::string out;
    for (const std::string& line : last_) out += "\n  " + line;
    return out;
  }

 private:
  PackListener& listener_;
  std::ofstream log_;
  std::string line_;
  std::deque<std::string> last_;
};

}  // namespace

Result<std::string> run_tool(const ToolRun& run, PackListener& listener) {
  MIFENG_TRY(const UniqueFd input, input_file(run.input));
  int out_pipe[2], error_pipe[2];
  if (::pipe2(out_pipe, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd out_read(out_pipe[0]), out_write(out_pipe[1]);
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd error_read(error_pipe[0]), error_write(error_pipe[1]);
  ChildOptions options;
  options.argv = run.argv;
  options.fds = {{0, input.get()}, {1, out_write.get()}, {2, error_write.get()}};
  options.parent_death_signal = SIGTERM;  // so that it can end its own children, which no signal of ours would reach
  if (!run.scratch.empty()) {
    options.env = environment();
    (*options.env)["TMPDIR"] = run.scratch.string();
  }
  MIFENG_CHECK(check(run.stop));
  MIFENG_TRY(ChildProcess child, ChildProcess::start(options));
  out_write.reset();
  error_write.reset();

  std::string output;
  LineSplitter lines(listener, run.log);
  const auto deadline = std::chrono::steady_clock::now() + kTimeLimit;
  auto heard = std::chrono::steady_clock::now();
  std::chrono::seconds told{0};
  char buffer[16384];
  while (out_read || error_read) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      child.stop_tree(kGrace);
      return Error(ErrorCode::kTimeout, "build-failed", run.argv[0] + " did not end within two hours");
    }
    ::pollfd polled[3] = {{out_read.get(), POLLIN, 0},
                          {error_read.get(), POLLIN, 0},
                          {run.stop == nullptr ? -1 : run.stop->fd(), POLLIN, 0}};
    if (::poll(polled, 3, static_cast<int>(std::min<long>(left.count(), 1000))) < 0 && errno != EINTR)
      return errno_error(errno, "poll");
    if (const auto go_on = check(run.stop); !go_on) {
      child.stop_tree(kGrace);
      return go_on.error();
    }
    const auto silent = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - heard);
    if (silent > told) listener.waiting(told = silent);
    for (int i = 0; i < 2; ++i) {
      UniqueFd& fd = i == 0 ? out_read : error_read;
      if (!fd || polled[i].revents == 0) continue;
      const ::ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        fd.reset();
        continue;
      }
      const std::string_view text(buffer, static_cast<std::size_t>(got));
      heard = std::chrono::steady_clock::now();
      told = {};
      if (i == 1)
        lines.feed(text);
      else if (output.size() < kOutputMax)
        output.append(text);
    }
  }
  lines.flush();
  MIFENG_TRY(const ChildExit ended, child.wait(std::chrono::seconds(30)));
  if (ended.success()) return output;
  return Error(ErrorCode::kInternal, "build-failed",
               run.argv[0] + " ended with " + ended.describe() + "; its last lines:" + lines.last_lines());
}

}  // namespace mifeng::package
