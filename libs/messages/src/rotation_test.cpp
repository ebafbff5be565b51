// What guards and gateways take and refuse while the platform's identity key changes: every message that comes from the
// platform, under a chain that leads from the card's key, and under chains that do not.
#include <gtest/gtest.h>

#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"
#include "test_keys.h"

namespace mifeng::messages {
namespace {

using test::claims;
using test::kNow;
using test::new_key;

KeyStatement link(const crypto::Sm2PrivateKey& to, std::uint64_t serial, const crypto::Sm2PrivateKey& by) {
  return make_key_statement(claims(KeyPurpose::kIdentity, to, serial), by).value();
}

struct Rotation : testing::Test {
  test::Kit kit;
  // The card has the first; the platform signs with the last.
  crypto::Sm2PrivateKey first = new_key(), second = new_key(), third = new_key(), fourth = new_key();
  KeyStatements genuine{link(second, 2, first), link(third, 3, second), link(fourth, 4, third)};

  KeyStatement output_statement() const {
    return make_key_statement(claims(KeyPurpose::kOutput, kit.output), fourth).value();
  }
  std::string grant(const KeyStatements& chain, const crypto::Sm2PublicKey& card,
                    const crypto::Sm2PrivateKey& signer) const {
    Grant message = kit.grant();
    message.output_key_statement = output_statement();
    message.identity_chain = chain;
    const Bytes stream = seal_grant(message, kit.nonce, kit.receive.public_key(), signer, kit.tools).value();
    return test::reason_of(open_grant(stream, "dep-1", kit.nonce, kit.receive, card, kit.tools));
  }
  std::string renewed(const KeyStatements& chain, const crypto::Sm2PublicKey& card,
                      const crypto::Sm2PrivateKey& signer) const {
    const Renewed message{.status = RenewedStatus::kRenewed,
                          .identity_chain = chain,
                          .terms = Renewed::Terms{.output_key = kit.output.public_key(),
                                                  .output_key_statement = output_statement(),
                                                  .platform_time_ms = kNow,
                                                  .lease_ms = 300000,
                                                  .renew_ms = 60000,
                                                  .listed = true}};
    const Bytes stream = seal_renewed(message, "dep-1", kit.nonce, kit.receive.public_key(), signer, kit.tools).value();
    return test::reason_of(open_renewed(stream, "dep-1", kit.nonce, kit.receive, card, kit.tools));
  }
  std::string snapshot(const KeyStatements& chain, const crypto::Sm2PublicKey& card,
                       const crypto::Sm2PrivateKey& signer) const {
    Snapshot message;
    message.gateway = "gw-1";
    message.serial = 7;
    message.issued_ms = kNow;
    message.expires_ms = kNow + 1000;
    message.identity_chain = chain;
    const Bytes stream = seal_snapshot(message, kit.receive.public_key(), signer, kit.tools).value();
    return test::reason_of(open_snapshot(stream, "gw-1", 7, kit.receive, card, kit.tools));
  }
  // All three must say the same.
  std::string all(const KeyStatements& chain, const crypto::Sm2PublicKey& card, const crypto::Sm2PrivateKey& signer) {
    const std::string by_grant = grant(chain, card, signer), by_renewed = renewed(chain, card, signer),
                      by_snapshot = snapshot(chain, card, signer);
    EXPECT_EQ(by_grant, by_renewed);
    EXPECT_EQ(by_grant, by_snapshot);
    return by_grant;
  }
};

TEST_F(Rotation, EveryFormerCardFollowsTheChain) {
  for (const auto* card : {&first, &second, &third, &fourth}) EXPECT_EQ(all(genuine, card->public_key(), fourth), "ok");
  EXPECT_EQ(all(genuine, kit.other.public_key(), fourth), "identity-chain");
}

TEST_F(Rotation, OnlyTheLastOfTheChainSigns) {
  for (const auto* signer : {&first, &second, &third, &kit.other})
    EXPECT_EQ(all(genuine, first.public_key(), *signer), "bad-signature");
}

TEST_F(Rotation, AMissingLinkIsRefused) {
  for (std::size_t missing = 0; missing < 2; ++missing) {
    KeyStatements chain = genuine;
    chain.erase(chain.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(all(chain, first.public_key(), fourth), "identity-chain") << missing;
  }
  // Without its last link the chain holds, and its end is not who signed.
  EXPECT_EQ(all({genuine[0], genuine[1]}, first.public_key(), fourth), "bad-signature");
  EXPECT_EQ(all({}, first.public_key(), fourth), "bad-signature");
}

TEST_F(Rotation, AnotherOrderIsRefused) {
  EXPECT_EQ(all({genuine[1], genuine[0], genuine[2]}, first.public_key(), fourth), "identity-chain");
  EXPECT_EQ(all({genuine[0], genuine[2], genuine[1]}, first.public_key(), fourth), "identity-chain");
  EXPECT_EQ(all({genuine[2], genuine[1], genuine[0]}, first.public_key(), fourth), "identity-chain");
  // The same link twice: its serial does not rise.
  EXPECT_EQ(all({genuine[0], genuine[0], genuine[1], genuine[2]}, first.public_key(), fourth), "identity-chain");
}

TEST_F(Rotation, AForgedLinkIsRefused) {
  const auto& thief = kit.other;
  // In the middle by somebody's own key; at the end, to his own key; by the right key for another purpose.
  EXPECT_EQ(all({genuine[0], link(third, 3, thief), genuine[2]}, first.public_key(), fourth), "identity-chain");
  EXPECT_EQ(all({genuine[0], genuine[1], genuine[2], link(thief, 5, thief)}, first.public_key(), thief),
            "identity-chain");
  const auto output = make_key_statement(claims(KeyPurpose::kOutput, third, 3), second).value();
  EXPECT_EQ(all({genuine[0], output, genuine[2]}, first.public_key(), fourth), "identity-chain");
  // A link that a former key signed after it had named its successor, put into the genuine chain.
  EXPECT_EQ(all({genuine[0], link(thief, 4, second), genuine[2]}, first.public_key(), fourth), "identity-chain");
  for (const bool in_signature : {false, true}) {
    KeyStatements changed = genuine;
    Bytes& bytes = in_signature ? changed[1].signature : changed[1].statement;
    bytes[bytes.size() / 2] ^= 1;
    EXPECT_EQ(all(changed, first.public_key(), fourth), "identity-chain");
  }
}

}  // namespace
}  // namespace mifeng::messages
