#include "tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <deque>
#include <filesystem>
#include <map>

namespace mifeng::stack {
namespace {

constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kLastLines = 12;

// Every process's parent, from /proc/PID/stat: "PID (COMMAND) STATE PPID ...".
std::multimap<::pid_t, ::pid_t> children_by_parent() {
  std::multimap<::pid_t, ::pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    ::pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    const auto stat = read_text_file(entry.path() / "stat", 4096);
    if (!stat) continue;
    const std::size_t end = stat->rfind(") ");
    if (end == std::string::npos || end + 4 >= stat->size()) continue;
    ::pid_t parent = 0;
    std::from_chars(stat->data() + end + 4, stat->data() + stat->size(), parent);
    children.emplace(parent, pid);
  }
  return children;
}

}  // namespace

void kill_tree(::pid_t pid) {
  // Stopped first, so that nobody in the tree starts another while we look.
  std::deque<::pid_t> tree{pid};
  ::kill(pid, SIGSTOP);
  for (int round = 0; round < 3; ++round) {
    const auto children = children_by_parent();
    for (std::size_t i = 0; i < tree.size(); ++i) {
      const auto [begin, end] = children.equal_range(tree[i]);
      for (auto it = begin; it != end; ++it) {
        if (std::find(tree.begin(), tree.end(), it->second) != tree.end()) continue;
        ::kill(it->second, SIGSTOP);
        tree.push_back(it->second);
      }
    }
  }
  for (auto it = tree.rbegin(); it != tree.rend(); ++it) ::kill(*it, SIGKILL);
}

Result<void> run_tool(ChildOptions options, std::chrono::milliseconds timeout, StopSignal& stop,
                      const std::function<void(std::string_view)>& line) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  options.fds[0] = null.get();
  options.fds[1] = write_end.get();
  options.fds[2] = write_end.get();
  const std::string program = options.argv.empty() ? std::string() : options.argv[0];
  MIFENG_TRY(ChildProcess child, ChildProcess::start(options));
  write_end.reset();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::deque<std::string> last;
  std::string partial;
  const auto take = [&](std::string text) {
    line(text);
    last.push_back(std::move(text));
    if (last.size() > kLastLines) last.pop_front();
  };
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waits[2] = {{read_end.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}};
    const int ready = left.count() <= 0 ? 0 : ::poll(waits, 2, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || stop.requested()) {
      kill_tree(child.pid());
      (void)child.wait(std::chrono::seconds(5));
      MIFENG_CHECK(stop.check());
      return Error(ErrorCode::kTimeout, "tool-timeout",
                   program + " did not end within " + std::to_string(timeout.count() / 1000) + " s");
    }
    char buffer[4096];
    const ssize_t got = ::read(read_end.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (const char c : std::string_view(buffer, static_cast<std::size_t>(got))) {
      if (c == '\n') {
        take(std::move(partial));
        partial.clear();
      } else if (partial.size() < kLineMax) {
        partial += c;
      }
    }
  }
  if (!partial.empty()) take(std::move(partial));
  auto ended = child.wait(std::chrono::seconds(30));
  if (ended && ended->success()) return ok();
  std::string words;
  for (const std::string& text : last) words += "\n  " + text;
  return Error(ErrorCode::kInternal, "tool-failed",
               program + " failed (" + (ended ? ended->describe() : std::string("it does not end")) + ")" + words);
}

}  // namespace mifeng::stack
