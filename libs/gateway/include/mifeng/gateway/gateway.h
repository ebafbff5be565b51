// The gateway: the only place where models' answers can be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mifeng::gateway {

struct GatewayOptions {
  std::filesystem::path state;
  std::filesystem::path master_key;           // made where it is missing
  std::optional<std::filesystem::path> join;  // needed once
  std::string address = "127.0.0.1";          // numeric
  std::uint16_t port = 0;
  // Where not given and the address is not on loopback: a self-made certificate in the state folder.
  std::optional<std::filesystem::path> tls_certificate, tls_key;
  std::filesystem::path nginx;
  std::filesystem::path module;
  std::filesystem::path nginx_template;
  std::uint64_t access_log_max = 64 << 20;  // bytes; then it becomes access.log.1, and the one before that goes
  int workers = 0;                          // 0: one a processor
  std::string user;                         // of the workers, where we are root; empty: mifeng, else nobody
  std::string version;
  std::function<void(const std::string&)> log;
  std::function<void(const std::string& url)> ready;  // once: nginx listens, and a snapshot is in force
};

enum class GatewayExit : int { kStopped = 0, kFailed = 1 };

class Gateway {
 public:
  explicit Gateway(GatewayOptions options);
  ~Gateway();
  // Blocks until SIGTERM or SIGINT, or until it cannot go on. Call it from the process's only thread.
  GatewayExit run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::gateway
