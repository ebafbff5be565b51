// Gateways that follow now.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mifeng::access {

// By how many connections each does. Any thread.
class Followers {
 public:
  void opened(const std::string& gateway);
  void closed(const std::string& gateway);
  bool has(const std::string& gateway) const;
  std::vector<std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> connections_;
};

}  // namespace mifeng::access
