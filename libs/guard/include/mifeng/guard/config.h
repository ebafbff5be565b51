// What a guard reads from its image and its environment (spec/grant.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/keyholder/key_socket.h"
#include "mifeng/messages/card.h"

namespace mifeng::guard {

// /mifeng/package.json. Nothing in it is secret or trusted more than the image is.
struct ImageFacts {
  std::string vendor;
  std::string model;
  std::string version;
  crypto::Sm2PublicKey vendor_key;
  std::vector<messages::PlatformCard> cards;  // 1..16
  crypto::Sm3Digest payload_header_sm3{};
};
inline constexpr std::size_t kImageFactsSizeMax = 1 << 20;
// kInvalidArgument "bad-image".
Result<ImageFacts> decode_image_facts(ByteView json);

struct NamedPort {
  std::string name;
  std::uint16_t port = 0;
  friend bool operator==(const NamedPort&, const NamedPort&) = default;
};

// Where things are. In a container the defaults; tests without one have others.
struct Folders {
  std::filesystem::path root = "/mifeng";     // programs, package.json, payload/
  std::filesystem::path run = "/mifeng/run";  // sockets, nginx' files; in memory
  std::filesystem::path app = "/app";         // the opened payload; in memory
};

struct GuardConfig {
  Folders folders;
  std::string deployment;
  std::string instance;
  std::string platform;
  std::vector<NamedPort> ports;                // the first is the model's main one
  std::string readiness;                       // empty: none
  std::chrono::seconds lame_duck{5};           // goes on serving for so long after it was asked to stop
  std::chrono::seconds termination_grace{30};  // after that, to finish what it has begun
  keyholder::SealKeyLimits seal_key;
  std::optional<std::string> card;     // key id of its identity key, hex
  std::optional<std::string> pod_uid;  // on Kubernetes
  std::optional<std::filesystem::path> token_file;
  std::vector<std::string> command;                // the model's
  std::map<std::string, std::string> environment;  // the deployment config's part, for the model

  std::filesystem::path model_socket(std::size_t port_index) const;
};

// `environment` is the process's whole one. kInvalidArgument "bad-environment", with the variable's name and what it
// has to be.
Result<GuardConfig> read_config(const std::map<std::string, std::string>& environment,
                                const std::vector<std::string>& command, Folders folders);

// What the model's process gets: nothing of the platform's.
std::map<std::string, std::string> model_environment(const GuardConfig& config, const ImageFacts& image);

// The card to use. kInvalidArgument "no-card" where none fits, or several do; kVerificationFailed "key-statement".
Result<messages::CardKeys> choose_card(const ImageFacts& image, const std::optional<std::string>& key_id);

}  // namespace mifeng::guard
