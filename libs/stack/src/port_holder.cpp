// Who holds a port, as /proc shows it.
#include <filesystem>
#include <set>

#include "mifeng/base/phrase.h"
#include "mifeng/net/listeners.h"
#include "mifeng/os/file.h"
#include "mifeng/stack/service.h"

namespace mifeng::stack {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string loopback_port_holder(std::uint16_t port) {
  std::set<std::string> links;
  if (const auto listeners = net::read_tcp_listeners()) {
    for (const net::Listener& listener : *listeners)
      if (listener.port == port) links.insert("socket:[" + std::to_string(listener.inode) + "]");
  }
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
