#include "mifeng/messages/key_statement.h"

#include <gtest/gtest.h>

#include "mifeng/messages/card.h"
#include "test_keys.h"

namespace mifeng::messages {
namespace {

using test::claims;
using test::kNow;
using test::new_key;
using test::reason_of;

struct Identities {
  crypto::Sm2PrivateKey first = new_key();
  crypto::Sm2PrivateKey second = new_key();
  crypto::Sm2PrivateKey third = new_key();
  KeyStatement to_second = make_key_statement(claims(KeyPurpose::kIdentity, second, 2), first).value();
  KeyStatement to_third = make_key_statement(claims(KeyPurpose::kIdentity, third, 3), second).value();
};

TEST(IdentityChain, LeadsFromAnyOfItsKeysToTheLast) {
  const Identities id;
  const KeyStatements chain{id.to_second, id.to_third};
  for (const auto* trusted : {&id.first, &id.second, &id.third}) {
    const auto verified = IdentityChain::verify(trusted->public_key(), chain);
    ASSERT_TRUE(verified.has_value()) << verified.error().message();
    EXPECT_EQ(verified->current(), id.third.public_key());
  }
  EXPECT_EQ(IdentityChain::verify(id.first.public_key(), {})->current(), id.first.public_key());
}

TEST(IdentityChain, RefusesWhatDoesNotLeadFromTheTrustedKey) {
  const Identities id;
  const auto stranger = new_key();
  const auto verify = [&](const KeyStatements& chain) {
    return reason_of(IdentityChain::verify(id.first.public_key(), chain));
  };
  EXPECT_EQ(reason_of(IdentityChain::verify(stranger.public_key(), KeyStatements{id.to_second})), "identity-chain");
  EXPECT_EQ(verify({id.to_third}), "identity-chain");                // a gap
  EXPECT_EQ(verify({id.to_third, id.to_second}), "identity-chain");  // the wrong order
  // A key for another purpose cannot become an identity key.
  const auto delivery = make_key_statement(claims(KeyPurpose::kDelivery, id.second, 2), id.first).value();
  EXPECT_EQ(verify({delivery, id.to_third}), "identity-chain");
  // A serial that does not rise.
  const auto same_serial = make_key_statement(claims(KeyPurpose::kIdentity, id.third, 2), id.second).value();
  EXPECT_EQ(verify({id.to_second, same_serial}), "identity-chain");
  // One changed bit in statement or signature.
  for (const bool in_signature : {false, true}) {
    KeyStatement changed = id.to_second;
    (in_signature ? changed.signature : changed.statement).back() ^= 1;
    EXPECT_EQ(verify({changed}), "identity-chain");
  }
  EXPECT_EQ(verify(KeyStatements(kIdentityChainMax + 1, id.to_second)), "chain-too-long");
}

TEST(IdentityChain, TakesStatementsOfAnyOfItsKeysForTheRightPurposeOnly) {
  const Identities id;
  const auto chain = IdentityChain::verify(id.first.public_key(), KeyStatements{id.to_second}).value();
  const auto output = new_key();
  const auto by_first = make_key_statement(claims(KeyPurpose::kOutput, output), id.first).value();
  const auto by_second = make_key_statement(claims(KeyPurpose::kOutput, output), id.second).value();
  const auto by_third = make_key_statement(claims(KeyPurpose::kOutput, output), id.third).value();
  EXPECT_EQ(chain.verify_statement(by_first, KeyPurpose::kOutput)->key, output.public_key());
  EXPECT_EQ(chain.verify_statement(by_second, KeyPurpose::kOutput)->key, output.public_key());
  EXPECT_EQ(reason_of(chain.verify_statement(by_third, KeyPurpose::kOutput)), "key-statement");
  EXPECT_EQ(reason_of(chain.verify_statement(by_first, KeyPurpose::kDelivery)), "key-statement");
}

TEST(KeyClaims, AreInForceFromNotBeforeUntilBeforeNotAfter) {
  const auto key = new_key();
  const KeyClaims held = claims(KeyPurpose::kOutput, key);
  EXPECT_TRUE(check_in_force(held, held.not_before_ms));
  EXPECT_TRUE(check_in_force(held, held.not_after_ms - 1));
  EXPECT_EQ(reason_of(check_in_force(held, held.not_before_ms - 1)), "key-not-in-force");
  EXPECT_EQ(reason_of(check_in_force(held, held.not_after_ms)), "key-not-in-force");
}

TEST(PlatformCard, IsReadAgainAndVerified) {
  const auto identity = new_key();
  const auto delivery = new_key();
  const PlatformCard card{.platform = "example 平台",
                          .identity = identity.public_key(),
                          .delivery = make_key_statement(claims(KeyPurpose::kDelivery, delivery), identity).value(),
                          .output = std::nullopt};
  const std::string text = encode_card(card);
  const auto again = decode_card(as_bytes(text));
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(encode_card(*again), text);
  EXPECT_EQ(verify_card(*again)->delivery.key, delivery.public_key());

  // Another identity key under the same fingerprint.
  const std::string old_point = to_base64(identity.public_key().point());
  std::string swapped = text;
  swapped.replace(swapped.find(old_point), old_point.size(), to_base64(delivery.public_key().point()));
  EXPECT_EQ(reason_of(decode_card(as_bytes(swapped))), "bad-card");

  PlatformCard forged = card;
  forged.delivery = make_key_statement(claims(KeyPurpose::kDelivery, delivery), delivery).value();
  EXPECT_EQ(reason_of(verify_card(forged)), "key-statement");
  forged.delivery = make_key_statement(claims(KeyPurpose::kOutput, delivery), identity).value();
  EXPECT_EQ(reason_of(verify_card(forged)), "key-statement");
}

}  // namespace
}  // namespace mifeng::messages
