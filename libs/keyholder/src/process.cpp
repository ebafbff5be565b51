#include "mifeng/keyholder/process.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include "mifeng/os/file.h"

namespace mifeng::keyholder {

Result<void> harden_process() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return errno_error(errno, "switch off core files");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno_error(errno, "make the process undumpable");
  return ok();
}

void raise_descriptor_limit() {
  constexpr rlim_t kWanted = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t possible = std::min(limit.rlim_max, kWanted);
  if (limit.rlim_cur >= possible) return;
  limit.rlim_cur = possible;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int parent_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text, '\0');
  // "PID (NAME) STATE PARENT ...": the name may hold anything, also parentheses.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return 0;
  return std::atoi(text.c_str() + name_end + 4);
}

namespace {

// Our children by the kernel's list, in which zombies stand too. Peeking with waitid(P_ALL, WNOWAIT) would show the
// same zombie again and again while its owner has not come to it yet.
std::vector<int> children() {
  std::vector<int> pids;
  DIR* tasks = ::opendir("/proc/self/task");
  if (tasks == nullptr) return pids;
  while (const dirent* task = ::readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    std::ifstream list("/proc/self/task/" + std::string(task->d_name) + "/children");
    for (int pid = 0; list >> pid;) pids.push_back(pid);
  }
  ::closedir(tasks);
  return pids;
}

}  // namespace

int reap_orphans(const std::function<bool(int pid)>& is_own) {
  int reaped = 0;
  for (const int pid : children()) {
    if (is_own(pid)) continue;
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) ++reaped;
  }
  return reaped;
}

}  // namespace mifeng::keyholder
