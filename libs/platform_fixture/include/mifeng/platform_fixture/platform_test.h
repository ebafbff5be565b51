// A platform in a temporary folder with a clock that stands still, an engine of our own, and people of each role.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"
#include "mifeng/os/file.h"
#include "mifeng/platform/platform.h"
#include "mifeng/platform_fixture/fake_engine.h"
#include "mifeng/store/database.h"
#include "mifeng/store/models.h"

namespace mifeng::platform_fixture {

class PlatformTest : public testing::Test {
 protected:
  void SetUp() override;
  // Closes and opens again: what a restart keeps.
  void reopen();

  trust::Actor actor_with(trust::Role role, const std::string& vendor = "") const;

  // A vendor whose key is in force.
  void add_vendor(const std::string& id, const crypto::Sm2PrivateKey& key);
  // An accepted version with a payload header that is really sealed for this platform; gives its id.
  // `spec`: lines for the end of its config, two spaces before each.
  std::string add_model(const std::string& vendor, const std::string& name, const std::string& version, int ports = 1,
                        const std::string& spec = "");
  std::string add_deployment(const std::string& name, const std::string& version_id, int replicas = 1,
                             const std::string& cluster = clusters::kLocalCluster);
  // A cluster of the kind kubernetes, with far_engine_ behind it. Opens the platform anew.
  void add_kubernetes(const std::string& id);
  // What the guard of that slot's unit shows.
  grants::SocketPeer peer_of(const std::string& deployment_id, int slot = 0);

  store::Database& db();  // a connection of its own to the same file

  clusters::EngineFactory engines();

  FakeClock clock_;
  SystemRandom random_;
  FakeEngine engine_, far_engine_;
  std::optional<TempDir> folder_;
  std::optional<TempDir> proc_;
  platform::PlatformOptions options_;
  std::unique_ptr<platform::Platform> platform_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_;
  std::optional<crypto::Sm2PrivateKey> vendor_key_;
  trust::Actor admin_, operator_, auditor_;

  messages::SealingTools tools() { return {.random = random_, .provider = *provider_}; }
  messages::PlatformCard card();

 private:
  std::unique_ptr<store::Database> db_;
};

// A guard, as far as the platform sees it.
struct TestGuard {
  TestGuard(std::string deployment_id, std::string unit_name, const crypto::Sm3Digest& payload_header);
  Bytes request(const messages::PlatformCard& card, const messages::SealingTools& tools);
  Bytes renewal(const messages::PlatformCard& card, const messages::SealingTools& tools, std::uint64_t calls = 0);

  std::string deployment, unit;
  crypto::Sm3Digest payload_header_sm3;
  crypto::Sm2PrivateKey receive_key, signing_key;
  std::string nonce, renew_nonce, instance_id;
  std::optional<std::uint32_t> start{};        // that the next renewal asks for
  std::vector<messages::EventCount> events{};  // that the next renewal reports
  std::uint64_t counter = 0;
  std::optional<std::string> token{}, pod_uid{};  // at the guards' door
};

}  // namespace mifeng::platform_fixture
