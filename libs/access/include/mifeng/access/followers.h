// Gateways that follow now.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mifeng::access {

// By how many connections each does. Any thread.
class Followers {
 public:
  // `changed` is told whenever a gateway begins to follow, and when its last connection has ended.
  explicit Followers(std::function<void(const std::string& gateway)> changed) : changed_(std::move(changed)) {}
  void opened(const std::string& gateway);
  void closed(const std::string& gateway);
  bool has(const std::string& gateway) const;
  std::vector<std::string> all() const;

 private:
  const std::function<void(const std::string& gateway)> changed_;
  mutable std::mutex mutex_;
  std::map<std::string, int> connections_;
};

}  // namespace mifeng::access
