// A gateway's folder: who it is, its two key pairs (wrapped), and the last snapshot as it came.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/os/file.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::gateway {

// An enrolment that was sent and perhaps not answered: the same bytes are sent again.
struct PendingEnrolment {
  std::string nonce;
  Bytes stream;
};

struct Membership {
  std::string gateway;
  std::string platform;
  std::optional<std::string> tls_certificate_sm3;
  messages::PlatformCard card;
  messages::CardKeys card_keys;
  crypto::Sm2PrivateKey receive;
  crypto::Sm2PrivateKey sign;
  std::optional<PendingEnrolment> pending;  // none: enrolled
};

// The file gateway.json: private keys in it are wrapped (libs/vault) with purpose and public key; on load the public
// key is computed again.
Bytes encode_membership(const Membership& membership, const vault::Wrapper& wrapper);
// kInvalidArgument "bad-state"; kVerificationFailed "wrapped-key-does-not-fit" for another master key, or a key that
// was put in another's place.
Result<Membership> decode_membership(ByteView json, const vault::Wrapper& wrapper);

class StateFolder {
 public:
  // Makes folder (0700) and master key (vault::load_master_key) where they are missing; a master key is not made where
  // there is a gateway.json already. Holds the folder's lock as long as it lives: kConflict "state-in-use".
  static Result<StateFolder> open(std::filesystem::path folder, std::filesystem::path master_key,
                                  const messages::SealingTools& tools);
  StateFolder(StateFolder&&) = default;

  const std::filesystem::path& path() const { return folder_; }
  Result<std::optional<Membership>> load() const;
  // New key pairs and a sealed enrolment from a join file; stored before it returns. Where one from the same join file
  // is pending already, that one.
  Result<Membership> begin_enrolment(const messages::JoinFile& join, const std::string& version) const;
  Result<void> finish_enrolment(Membership& membership) const;

  Result<std::optional<messages::SnapshotFrame>> load_snapshot() const;
  Result<void> store_snapshot(const messages::SnapshotFrame& frame) const;

 private:
  StateFolder(std::filesystem::path folder, UniqueFd lock, std::unique_ptr<vault::Wrapper> wrapper,
              const messages::SealingTools& tools)
      : folder_(std::move(folder)), lock_(std::move(lock)), wrapper_(std::move(wrapper)), tools_(tools) {}
  Result<void> store(const Membership& membership) const;

  std::filesystem::path folder_;
  UniqueFd lock_;
  std::unique_ptr<vault::Wrapper> wrapper_;
  messages::SealingTools tools_;
};

}  // namespace mifeng::gateway
