// What a guard reads from its environment (spec/grant.md).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/keyholder/key_socket.h"

namespace mifeng::guard {

struct NamedPort {
  std::string name;
  std::uint16_t port = 0;
  friend bool operator==(const NamedPort&, const NamedPort&) = default;
};

// Where things are. In a container the defaults; tests without one have others.
struct Folders {
  std::filesystem::path root = "/mifeng";         // programs
  std::filesystem::path run = "/mifeng/run";      // key socket, nginx' files; in memory, nobody else's
  std::filesystem::path guard = "/mifeng/guard";  // start.sock, to which the model's container connects
  std::filesystem::path model = "/mifeng/model";  // the model's sockets; the model's container writes there
  std::filesystem::path app = "/app";             // the opened payload, for the model to read; in memory
};

// How a guard reaches a platform of another machine, and shows which pod it is (spec/grant.md, The guards' door).
struct DoorConfig {
  std::string tag;
  std::string pod_uid;
  std::filesystem::path token_file;
};

struct GuardConfig {
  Folders folders;
  std::string deployment;
  std::string instance;
  std::string platform;
  crypto::Sm2PublicKey identity_key;           // of the platform: whom the guard believes
  crypto::Sm2PublicKey delivery_key;           // of the platform: what it seals its messages to
  ::uid_t model_uid = 0;                       // of the model's container
  std::vector<NamedPort> ports;                // the first is the model's main one
  std::string readiness;                       // empty: none
  std::chrono::seconds lame_duck{5};           // goes on serving for so long after it was asked to stop
  std::chrono::seconds termination_grace{30};  // after that, to finish what it has begun
  keyholder::SealKeyLimits seal_key;
  std::optional<DoorConfig> door;  // none where `platform` is the unit's own socket

  std::filesystem::path start_socket() const;
  std::filesystem::path model_socket(std::size_t port_index) const;
};

// `environment` is the process's whole one. kInvalidArgument "bad-environment", with the variable's name and what it
// has to be.
Result<GuardConfig> read_config(const std::map<std::string, std::string>& environment, Folders folders);

// The little of it that a guard without a model needs (rehearsal.h).
struct RehearsalConfig {
  std::string deployment;  // as the platform names it
  std::string platform;    // "http://HOST:PORT"
  std::string tag;
  std::uint16_t port = 0;  // where calls would come
};
// As read_config().
Result<RehearsalConfig> read_rehearsal(const std::map<std::string, std::string>& environment);

}  // namespace mifeng::guard
