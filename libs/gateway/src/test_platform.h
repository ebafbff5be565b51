// A platform, as a gateway sees it, for the tests of this library.
#pragma once

#include "mifeng/gateway/state.h"
#include "mifeng/os/file.h"

namespace mifeng::gateway::test {

inline constexpr UnixMillis kNow = 1'790'000'000'000;

struct Platform {
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  messages::SealingTools tools{random, *provider};
  crypto::Sm2PrivateKey identity = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey delivery = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey output = crypto::Sm2PrivateKey::generate().value();

  messages::PlatformCard card() const {
    return {.platform = "example",
            .identity = identity.public_key(),
            .delivery = messages::make_key_statement({.purpose = messages::KeyPurpose::kDelivery,
                                                      .key = delivery.public_key(),
                                                      .serial = 1,
                                                      .not_before_ms = 0,
                                                      .not_after_ms = 2 * kNow},
                                                     identity)
                            .value(),
            .output = std::nullopt};
  }
  messages::JoinFile join(const std::string& code = "K7QW") const {
    return {.platform = "http://127.0.0.1:7080",
            .tls_certificate_sm3 = std::nullopt,
            .gateway = "gw-1",
            .code = SecretBytes(as_bytes(code)),
            .card = card()};
  }
  messages::SnapshotFrame snapshot(const Membership& member, std::uint64_t serial, const std::string& prefix = "/a",
                                   const crypto::Sm2PrivateKey* signer = nullptr) const {
    messages::Snapshot snapshot;
    snapshot.gateway = member.gateway;
    snapshot.serial = serial;
    snapshot.issued_ms = kNow;
    snapshot.expires_ms = kNow + 1000;
    snapshot.routes.push_back({.id = "r-1",
                               .name = "digits",
                               .prefix = prefix,
                               .forward = "mifeng://dep-1",
                               .open = true,
                               .callers = std::nullopt,
                               .stream_requests = false,
                               .idempotent = false,
                               .pass_headers = {},
                               .calls_per_minute = 600,
                               .calls_at_once = 8,
                               .seconds_max = 300});
    snapshot.endpoints.push_back({"dep-1", "http", messages::EndpointKind::kUnit, {"127.0.0.1:30001"}});
    snapshot.instances.push_back({"ins-1", "dep-1", delivery.public_key()});
    snapshot.output_keys.push_back({output.clone(), 0, 2 * kNow});
    return {.serial = serial,
            .stream = messages::seal_snapshot(snapshot, member.receive.public_key(),
                                              signer == nullptr ? identity : *signer, tools)
                          .value()};
  }
};

template <typename T>
std::string reason_of(const Result<T>& result) {
  return result.has_value() ? "ok" : result.error().reason();
}

}  // namespace mifeng::gateway::test
