// The platform card (spec/platform-card.md): the three public keys of a platform, the root of what packages, guards and
// gateways trust.
#pragma once

#include <optional>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/key_statement.h"

namespace mifeng::json {
class Object;
}

namespace mifeng::messages {

struct PlatformCard {
  std::string platform;  // its name, for people
  crypto::Sm2PublicKey identity;
  KeyStatement delivery;               // purpose delivery, signed by `identity`
  std::optional<KeyStatement> output;  // purpose output, the same; for vendors who seal in their own process
};

inline constexpr std::size_t kCardSizeMax = 64 << 10;

std::string encode_card(const PlatformCard& card);
// Also checks that the fingerprint that it shows is the identity key's. kInvalidArgument "bad-card".
Result<PlatformCard> decode_card(ByteView json);
Result<PlatformCard> decode_card(const json::Object& card);  // one that stands inside something else

// A card whose statements were verified.
struct CardKeys {
  crypto::Sm2PublicKey identity;
  KeyClaims delivery;
  std::optional<KeyClaims> output;
};
// kVerificationFailed "key-statement". Says nothing about whether they are in force now.
Result<CardKeys> verify_card(const PlatformCard& card);

}  // namespace mifeng::messages
