// The data folder of one installation: its parts, its id, its ports, and the lock that keeps a second `mifeng up` out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng::stack {

// Where they listen on 127.0.0.1 unless somebody else is there already.
inline constexpr std::uint16_t kPlatformPort = 7080;
inline constexpr std::uint16_t kGatewayPort = 7081;
inline constexpr std::uint16_t kRegistryPort = 7082;

class Installation {
 public:
  // Makes what is missing. kConflict "already-running" while another one has it; kInvalidArgument "path-too-long".
  static Result<Installation> open(const std::filesystem::path& data);

  const std::filesystem::path& data() const { return data_; }
  const std::string& id() const { return id_; }  // 32 hex digits
  std::filesystem::path log(const std::string& name) const { return data_ / "logs" / (name + ".log"); }
  std::filesystem::path socket(const std::string& name) const { return data_ / "run" / (name + ".sock"); }
  // Of the containers' folders with sockets. Below /run, since a socket's path holds 107 bytes and names are long.
  const std::filesystem::path& sockets() const { return sockets_; }

  // The port of the last start, else `wanted` or `usual` if it is free, else a free one; remembered. With `wanted` only
  // that one will do. kConflict "port-taken" names what needs it.
  Result<std::uint16_t> port(const std::string& what, std::uint16_t wanted, std::uint16_t usual);

 private:
  Installation(std::filesystem::path data, std::string id, std::filesystem::path sockets, UniqueFd lock)
      : data_(std::move(data)), id_(std::move(id)), sockets_(std::move(sockets)), lock_(std::move(lock)) {}

  std::filesystem::path data_;
  std::string id_;
  std::filesystem::path sockets_;
  UniqueFd lock_;
};

}  // namespace mifeng::stack
