#include "mifeng/messages/grant.h"

#include <gtest/gtest.h>

#include "test_keys.h"

namespace mifeng::messages {
namespace {

using test::claims;
using test::kNow;
using test::reason_of;

struct GrantMessages : testing::Test {
  test::Kit kit;

  GrantRequest request() const {
    return {.deployment = "dep-1",
            .unit = "mf-1",
            .pod_uid = std::nullopt,
            .token = std::nullopt,
            .nonce = kit.nonce,
            .receive_key = kit.receive.public_key(),
            .signing_key = kit.signing.public_key(),
            .payload_header_sm3 = crypto::sm3({}),
            .guard_version = "0.1.0"};
  }
  Grant grant() const { return kit.grant(); }
  Result<Grant> open(ByteView stream) { return open_as(stream, kit.identity.public_key()); }
  Result<Grant> open_as(ByteView stream, const crypto::Sm2PublicKey& card) {
    return open_grant(stream, "dep-1", kit.nonce, kit.receive, card, kit.tools);
  }
  Bytes seal(const Grant& message) {
    return seal_grant(message, kit.nonce, kit.receive.public_key(), kit.identity, kit.tools).value();
  }
};

TEST_F(GrantMessages, RequestReachesThePlatform) {
  GrantRequest sent = request();
  sent.token = SecretBytes(as_bytes("a token"));
  sent.pod_uid = "uid-1";
  const Bytes stream = seal_grant_request(sent, kit.delivery.public_key(), kit.signing, kit.tools).value();
  const auto got = open_grant_request(stream, "dep-1", kit.nonce, kit.delivery, kit.tools);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->unit, "mf-1");
  EXPECT_EQ(as_text(got->token->reveal_for_computing()), "a token");
  EXPECT_EQ(got->receive_key, kit.receive.public_key());
  EXPECT_EQ(got->signing_key, kit.signing.public_key());
  const auto parties = parties_of(stream).value();
  EXPECT_EQ(parties.recipient, kit.delivery.public_key().key_id());
  EXPECT_EQ(parties.signer, kit.signing.public_key().key_id());
  // Nothing of it can be read on the way.
  EXPECT_EQ(as_text(stream).find("token"), std::string_view::npos);
}

TEST_F(GrantMessages, RequestWithExchangedKeysIsRefused) {
  // Whoever has a request's content cannot put his own signing key into it...
  GrantRequest exchanged = request();
  exchanged.signing_key = kit.other.public_key();
  const Bytes stream = seal_grant_request(exchanged, kit.delivery.public_key(), kit.signing, kit.tools).value();
  EXPECT_EQ(reason_of(open_grant_request(stream, "dep-1", kit.nonce, kit.delivery, kit.tools)), "bad-signature");
  // ...nor use one pair for both purposes.
  GrantRequest one_pair = request();
  one_pair.receive_key = kit.signing.public_key();
  const Bytes second = seal_grant_request(one_pair, kit.delivery.public_key(), kit.signing, kit.tools).value();
  EXPECT_EQ(reason_of(open_grant_request(second, "dep-1", kit.nonce, kit.delivery, kit.tools)), "bad-signature");
}

TEST_F(GrantMessages, RequestIsBoundToDeploymentNonceAndPlatform) {
  const Bytes stream = seal_grant_request(request(), kit.delivery.public_key(), kit.signing, kit.tools).value();
  EXPECT_EQ(reason_of(open_grant_request(stream, "dep-2", kit.nonce, kit.delivery, kit.tools)), "bad-header-mac");
  EXPECT_EQ(reason_of(open_grant_request(stream, "dep-1", kit.random.hex(16), kit.delivery, kit.tools)),
            "bad-header-mac");
  EXPECT_EQ(reason_of(open_grant_request(stream, "dep-1", kit.nonce, kit.other, kit.tools)), "no-recipient");
  EXPECT_EQ(reason_of(open_grant_request(stream, "dep\n1", kit.nonce, kit.delivery, kit.tools)), "bad-context");
  for (const std::size_t at : {std::size_t{0}, stream.size() / 2, stream.size() - 1}) {
    Bytes altered = stream;
    altered[at] ^= 1;
    EXPECT_FALSE(open_grant_request(altered, "dep-1", kit.nonce, kit.delivery, kit.tools)) << at;
  }
  EXPECT_EQ(reason_of(open_grant_request(Bytes(kMessageSizeMax + 1), "dep-1", kit.nonce, kit.delivery, kit.tools)),
            "message-too-large");
}

TEST_F(GrantMessages, GrantReachesTheGuard) {
  const auto got = open(seal(grant()));
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->instance_id, "ins-1");
  EXPECT_EQ(got->output_key, kit.output.public_key());
  EXPECT_EQ(got->payload_root_key, Secret<16>());
  EXPECT_EQ(got->segments_size, 1'200'980U);
  EXPECT_EQ(got->segments_sha256, crypto::sha256(as_bytes("segments")));
}

TEST_F(GrantMessages, GrantOfAFalsePlatformIsRefused) {
  // Sealed rightly, to the guard's key, by somebody who is not the platform on the card.
  Grant message = grant();
  message.output_key_statement = make_key_statement(claims(KeyPurpose::kOutput, kit.output), kit.other).value();
  const Bytes stream = seal_grant(message, kit.nonce, kit.receive.public_key(), kit.other, kit.tools).value();
  EXPECT_EQ(reason_of(open(stream)), "bad-signature");
  // With a chain from its own key that claims to follow from the card's.
  message.identity_chain = {make_key_statement(claims(KeyPurpose::kIdentity, kit.other), kit.other).value()};
  const Bytes chained = seal_grant(message, kit.nonce, kit.receive.public_key(), kit.other, kit.tools).value();
  EXPECT_EQ(reason_of(open(chained)), "identity-chain");
}

TEST_F(GrantMessages, GrantFollowsAChangeOfTheIdentityKey) {
  Grant message = grant();
  const auto next = test::new_key();
  message.identity_chain = {make_key_statement(claims(KeyPurpose::kIdentity, next, 2), kit.identity).value()};
  const Bytes by_new = seal_grant(message, kit.nonce, kit.receive.public_key(), next, kit.tools).value();
  EXPECT_TRUE(open(by_new));
  EXPECT_FALSE(open_as(by_new, kit.other.public_key()));
  // The former key does not sign any more once it has named another.
  EXPECT_EQ(reason_of(open(seal(message))), "bad-signature");
}

TEST_F(GrantMessages, GrantNeedsAnOutputKeyThatIsStatedAndInForce) {
  Grant other_key = grant();
  other_key.output_key = kit.other.public_key();
  EXPECT_EQ(reason_of(open(seal(other_key))), "key-statement");
  Grant other_purpose = grant();
  other_purpose.output_key_statement =
      make_key_statement(claims(KeyPurpose::kDelivery, kit.output), kit.identity).value();
  EXPECT_EQ(reason_of(open(seal(other_purpose))), "key-statement");
  Grant later = grant();
  later.platform_time_ms = kNow + 1000;
  EXPECT_EQ(reason_of(open(seal(later))), "key-not-in-force");
}

TEST_F(GrantMessages, AGrantAnswersOneRequestOnly) {
  const Bytes stream = seal(grant());
  EXPECT_EQ(
      reason_of(open_grant(stream, "dep-1", kit.random.hex(16), kit.receive, kit.identity.public_key(), kit.tools)),
      "bad-header-mac");
  EXPECT_EQ(reason_of(open_grant(stream, "dep-1", kit.nonce, kit.other, kit.identity.public_key(), kit.tools)),
            "no-recipient");
  // A grant is no answer to a renewal, although both have the same context.
  EXPECT_EQ(reason_of(open_renewed(stream, "dep-1", kit.nonce, kit.receive, kit.identity.public_key(), kit.tools)),
            "bad-message");
}

TEST_F(GrantMessages, RenewalIsVerifiedWithTheRecordedKey) {
  const Renewal renewal{.deployment = "dep-1",
                        .instance_id = "ins-1",
                        .counter = 3,
                        .receive_key = kit.receive.public_key(),
                        .events = {{"renewal-unanswered", 2}},
                        .calls = 7};
  const Bytes stream = seal_renewal(renewal, kit.nonce, kit.delivery.public_key(), kit.signing, kit.tools).value();
  const auto recorded = kit.signing.public_key();
  const auto got = open_renewal(stream, "dep-1", kit.nonce, kit.delivery, &recorded, kit.tools);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->counter, 3u);
  ASSERT_EQ(got->events.size(), 1u);
  EXPECT_EQ(got->events[0].event_class, "renewal-unanswered");
  const auto another = kit.other.public_key();
  EXPECT_EQ(reason_of(open_renewal(stream, "dep-1", kit.nonce, kit.delivery, &another, kit.tools)), "bad-signature");
  EXPECT_EQ(open_renewal(stream, "dep-1", kit.nonce, kit.delivery, nullptr, kit.tools)->receive_key,
            kit.receive.public_key());
}

TEST(RenewalStart, IsFromTheSecondOn) {
  const auto key = crypto::Sm2PrivateKey::generate().value().public_key();
  for (const std::uint32_t number : {0u, 1u, kModelStartsMax + 1}) {
    Renewal renewal{.deployment = "d", .instance_id = "i", .counter = 1, .receive_key = key, .events = {}, .calls = 0};
    EXPECT_TRUE(decode_renewal(encode_renewal(renewal).reveal_for_parsing()));
    renewal.start = number;
    EXPECT_FALSE(decode_renewal(encode_renewal(renewal).reveal_for_parsing())) << number;
    renewal.start = 2;
    EXPECT_EQ(decode_renewal(encode_renewal(renewal).reveal_for_parsing())->start, 2u);
  }
}

TEST(RenewalToken, ComesWithAStartAlone) {
  const auto key = crypto::Sm2PrivateKey::generate().value().public_key();
  Renewal renewal{.deployment = "d", .instance_id = "i", .counter = 1, .receive_key = key, .events = {}, .calls = 0};
  renewal.token.emplace(as_bytes("a.token.b"));
  EXPECT_EQ(reason_of(decode_renewal(encode_renewal(renewal).reveal_for_parsing())), "bad-message");
  renewal.start = 2;
  const auto read = decode_renewal(encode_renewal(renewal).reveal_for_parsing());
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_TRUE(read->token);
  EXPECT_EQ(as_text(read->token->reveal_for_computing()), "a.token.b");
  renewal.token.emplace(as_bytes(std::string(16385, 'x')));
  EXPECT_FALSE(decode_renewal(encode_renewal(renewal).reveal_for_parsing()));
}

TEST_F(GrantMessages, RenewedHasTermsOnlyWhereTheInstanceGoesOn) {
  Renewed renewed{.status = RenewedStatus::kRenewed, .identity_chain = {}, .terms = std::nullopt};
  renewed.terms = Renewed::Terms{.output_key = kit.output.public_key(),
                                 .output_key_statement = kit.output_statement(),
                                 .platform_time_ms = kNow,
                                 .lease_ms = 1,
                                 .renew_ms = 2,
                                 .listed = true};
  const auto round = [&](const Renewed& message, const crypto::Sm2PrivateKey& signer) {
    const Bytes stream = seal_renewed(message, "dep-1", kit.nonce, kit.receive.public_key(), signer, kit.tools).value();
    return open_renewed(stream, "dep-1", kit.nonce, kit.receive, kit.identity.public_key(), kit.tools);
  };
  EXPECT_TRUE(round(renewed, kit.identity)->terms->listed);
  EXPECT_EQ(reason_of(round(renewed, kit.other)), "bad-signature");
  for (const RenewedStatus status : {RenewedStatus::kUnknown, RenewedStatus::kRevoked}) {
    const Renewed ended{.status = status, .identity_chain = {}, .terms = std::nullopt};
    EXPECT_EQ(round(ended, kit.identity)->status, status);
    EXPECT_EQ(reason_of(round(ended, kit.other)), "bad-signature");
    Renewed mixed{.status = status, .identity_chain = {}, .terms = renewed.terms};
    EXPECT_EQ(reason_of(round(mixed, kit.identity)), "bad-message");
  }
}

}  // namespace
}  // namespace mifeng::messages
