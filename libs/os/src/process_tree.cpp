#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <filesystem>
#include <map>

#include "mifeng/os/child_process.h"

namespace mifeng {
namespace {

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

ChildExit ChildProcess::stop_tree(std::chrono::milliseconds grace) {
  // Held now: when their parents have ended nothing tells any more that they belonged to us.
  std::vector<UniqueFd> descendants;
  const auto children = children_by_parent();
  std::deque<::pid_t> tree{pid_};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const auto [begin, end] = children.equal_range(tree[i]);
    for (auto it = begin; it != end; ++it) {
      tree.push_back(it->second);
      descendants.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, it->second, 0)));
    }
  }
  send_signal(SIGTERM, true);
  auto ended = wait(grace);
  if (!ended) {
    kill_tree(pid_);
    ended = wait(std::chrono::seconds(5));
  }
  for (const UniqueFd& one : descendants)
    if (one) ::syscall(SYS_pidfd_send_signal, one.get(), SIGKILL, nullptr, 0);
  if (group_) ::kill(-pid_, SIGKILL);  // whatever it left behind in its group
  return ended ? *ended : ChildExit{-1, SIGKILL};
}

}  // namespace mifeng
