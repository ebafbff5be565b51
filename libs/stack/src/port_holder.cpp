// Who holds a port, as /proc shows it.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "mifeng/base/file.h"
#include "mifeng/base/phrase.h"
#include "mifeng/stack/service.h"

namespace mifeng::stack {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kTableMax = 16 << 20;
constexpr const char* kListening = "0A";

// Inodes of the sockets that listen on the port, whatever their address.
std::set<std::string> listening_inodes(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = read_text_file(table, kTableMax);
    if (!text) continue;
    std::istringstream lines(*text);
    std::string line;
    std::getline(lines, line);  // the names of the columns
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const std::size_t colon = local.rfind(':');
      unsigned number = 0;
      if (colon == std::string::npos || state != kListening) continue;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), number, 16);
      if (number == port) inodes.insert(inode);
    }
  }
  return inodes;
}

}  // namespace

std::string loopback_port_holder(std::uint16_t port) {
  std::set<std::string> links;
  for (const std::string& inode : listening_inodes(port)) links.insert("socket:[" + inode + "]");
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename();
    if (links.empty() || pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code closed;  // of other users, and of what has just ended
    for (auto fd = fs::directory_iterator(process.path() / "fd", closed); !closed && fd != fs::directory_iterator();
         fd.increment(closed)) {
      const fs::path target = fs::read_symlink(fd->path(), error);
      if (error || !links.contains(target.string())) continue;
      const auto name = read_text_file(process.path() / "comm", 64);
      return name ? phrase("{} (process {})", name->substr(0, name->find('\n')), pid)
                  : phrase("a program (process {})", pid);
    }
  }
  return phrase("another program");
}

}  // namespace mifeng::stack
