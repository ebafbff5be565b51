#include "proved_peers.h"

#include "mifeng/os/file.h"

namespace mifeng::grants {
namespace {

constexpr std::size_t kEntriesMax = 65'536;
constexpr int kStartTime = 22 - 3;  // fields after the name, which may hold spaces and ends with the last ')'

// Empty where there is no such process.
std::string start_time_of(::pid_t pid) {
  const auto stat = read_text_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return "";
  std::size_t at = stat->rfind(')');
  if (at == std::string::npos || at + 2 >= stat->size()) return "";
  at += 2;
  for (int field = 0; field < kStartTime; ++field) {
    at = stat->find(' ', at);
    if (at == std::string::npos) return "";
    ++at;
  }
  return stat->substr(at, stat->find(' ', at) - at);
}

std::string key_of(const SocketPeer& guard) { return guard.cluster + "/" + guard.unit; }

}  // namespace

void ProvedPeers::remember(const SocketPeer& guard, const ProvedUnit& peer) {
  Entry entry{.pid = guard.pid, .started = start_time_of(guard.pid), .peer = peer};
  if (entry.started.empty()) return;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kEntriesMax) entries_.clear();
  entries_[key_of(guard)] = std::move(entry);
}

std::optional<ProvedUnit> ProvedPeers::find(const SocketPeer& guard, const std::string& deployment) {
  const std::string started = start_time_of(guard.pid);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key_of(guard));
  if (found == entries_.end() || started.empty() || found->second.pid != guard.pid ||
      found->second.started != started || found->second.peer.deployment != deployment)
    return std::nullopt;
  return found->second.peer;
}

}  // namespace mifeng::grants
