#include "tool.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

namespace mifeng::stack {
namespace {

constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kLastLines = 12;
// `mifeng pack` ends what it started first, and takes its files away.
constexpr std::chrono::seconds kGrace{20};

}  // namespace

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
      child.stop_tree(stop.requested() ? kGrace : std::chrono::milliseconds(0));
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
