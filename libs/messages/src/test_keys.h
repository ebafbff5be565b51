// Keys, tools and a platform's statements for the tests of this library.
#pragma once

#include "mifeng/base/random.h"
#include "mifeng/messages/grant.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/messages/tools.h"

namespace mifeng::messages::test {

inline constexpr UnixMillis kNow = 1'790'000'000'000;

inline crypto::Sm2PrivateKey new_key() { return crypto::Sm2PrivateKey::generate().value(); }

inline KeyClaims claims(KeyPurpose purpose, const crypto::Sm2PrivateKey& key, std::uint64_t serial = 1) {
  return {.purpose = purpose,
          .key = key.public_key(),
          .serial = serial,
          .not_before_ms = kNow - 1000,
          .not_after_ms = kNow + 1000};
}

struct Kit {
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  SealingTools tools{random, *provider};
  crypto::Sm2PrivateKey identity = new_key();
  crypto::Sm2PrivateKey delivery = new_key();
  crypto::Sm2PrivateKey receive = new_key();
  crypto::Sm2PrivateKey signing = new_key();
  crypto::Sm2PrivateKey output = new_key();
  crypto::Sm2PrivateKey other = new_key();
  std::string nonce = random.hex(16);

  KeyStatement output_statement() const {
    return make_key_statement(claims(KeyPurpose::kOutput, output), identity).value();
  }
  Grant grant() const {
    return {.deployment = "dep-1",
            .instance_id = "ins-1",
            .vendor = "acme",
            .model = "digits",
            .version = "1",
            .vendor_key = other.public_key(),
            .payload_root_key = Secret<16>(),
            .segments_size = 1'200'980,
            .segments_sha256 = crypto::sha256(as_bytes("segments")),
            .output_key = output.public_key(),
            .output_key_statement = output_statement(),
            .identity_chain = {},
            .platform_time_ms = kNow,
            .lease_ms = 300000,
            .renew_ms = 60000,
            .listed = false,
            .gateways_confirm_by_ms = kNow + 10000};
  }
};

template <typename T>
std::string reason_of(const Result<T>& result) {
  return result.has_value() ? "ok" : result.error().reason();
}

}  // namespace mifeng::messages::test
