#include "mifeng/guard/session.h"

#include <gtest/gtest.h>

namespace mifeng::guard {
namespace {

using messages::KeyPurpose;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Step = GrantSession::Step;

constexpr UnixMillis kPlatformNow = 1'790'000'000'000;

crypto::Sm2PrivateKey new_key() { return crypto::Sm2PrivateKey::generate().value(); }

// The platform's side, of the same library.
struct Platform {
  crypto::Sm2PrivateKey identity = new_key();
  crypto::Sm2PrivateKey delivery = new_key();
  crypto::Sm2PrivateKey vendor = new_key();
  crypto::Sm2PrivateKey output = new_key();
  std::string model = "digits";
  bool listed = false;
  std::int64_t renew_ms = 60'000;
  bool lets_start = true;
  messages::RenewedStatus status = messages::RenewedStatus::kRenewed;
  std::optional<messages::GrantRequest> request;
  std::optional<messages::Renewal> renewal;

  messages::KeyClaims claims(KeyPurpose purpose, const crypto::Sm2PrivateKey& key) const {
    return {.purpose = purpose,
            .key = key.public_key(),
            .serial = 1,
            .not_before_ms = kPlatformNow - 1,
            .not_after_ms = kPlatformNow + 1'000'000'000};
  }
  messages::KeyStatement output_statement() const {
    return messages::make_key_statement(claims(KeyPurpose::kOutput, output), identity).value();
  }

  Bytes answer(const GrantSession::Exchange& exchange, const messages::SealingTools& tools) {
    if (exchange.path == "/v1/grants") {
      request = messages::open_grant_request(exchange.body, "dep-1", exchange.nonce, delivery, tools).value();
      return messages::seal_grant({.deployment = "dep-1",
                                   .instance_id = "ins-1",
                                   .vendor = "acme",
                                   .model = model,
                                   .version = "1",
                                   .vendor_key = vendor.public_key(),
                                   .payload_root_key = Secret<16>(),
                                   .segments_size = 1,
                                   .segments_sha256 = {},
                                   .output_key = output.public_key(),
                                   .output_key_statement = output_statement(),
                                   .identity_chain = {},
                                   .platform_time_ms = kPlatformNow,
                                   .lease_ms = 300'000,
                                   .renew_ms = renew_ms,
                                   .listed = listed,
                                   .gateways_confirm_by_ms = kPlatformNow + 10'000},
                                  exchange.nonce, request->receive_key, identity, tools)
          .value();
    }
    const auto recorded = request->signing_key;
    renewal = messages::open_renewal(exchange.body, "dep-1", exchange.nonce, delivery, &recorded, tools).value();
    messages::Renewed renewed{.status = status, .identity_chain = {}, .terms = std::nullopt};
    if (status == messages::RenewedStatus::kRenewed)
      renewed.terms = messages::Renewed::Terms{.output_key = output.public_key(),
                                               .output_key_statement = output_statement(),
                                               .platform_time_ms = kPlatformNow,
                                               .lease_ms = 300'000,
                                               .renew_ms = renew_ms,
                                               .listed = listed,
                                               .start = lets_start ? renewal->start : std::nullopt};
    return messages::seal_renewed(renewed, "dep-1", exchange.nonce, request->receive_key, identity, tools).value();
  }
};

struct Session : testing::Test {
  FakeClock clock;
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  messages::SealingTools tools{random, *provider};
  Platform platform;
  GrantSession session{SessionOptions{.deployment = "dep-1",
                                      .instance = "mf-1",
                                      .pod_uid = std::nullopt,
                                      .guard_version = "0.1.0",
                                      .identity_key = platform.identity.public_key(),
                                      .delivery_key = platform.delivery.public_key(),
                                      .payload_header_sm3 = crypto::sm3({})},
                       clock, tools};

  Step exchange() {
    const auto exchange = session.next().value();
    return session.handle(platform.answer(exchange, tools));
  }
  Step lose() { return session.handle(Error(ErrorCode::kUnavailable, "cannot-connect", "no platform")); }
};

TEST_F(Session, GetsAGrantAndRenewsIt) {
  EXPECT_FALSE(session.has_grant());
  EXPECT_EQ(exchange(), Step::kGranted);
  ASSERT_TRUE(session.has_grant());
  EXPECT_EQ(session.grant().instance_id, "ins-1");
  EXPECT_EQ(session.signing_key().public_key(), platform.request->signing_key);
  EXPECT_EQ(session.delay(), seconds(1));  // not listed yet
  EXPECT_FALSE(session.listed());
  platform.listed = true;
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_EQ(platform.renewal->counter, 1u);
  EXPECT_TRUE(session.listed());
  EXPECT_EQ(session.delay(), seconds(60));
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_EQ(platform.renewal->counter, 2u);
}

TEST_F(Session, SendsTheSameBytesAgainUntilTheyAreAnswered) {
  const Bytes first = session.next()->body;
  milliseconds expected{500};
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(lose(), Step::kNothing);
    EXPECT_EQ(session.delay(), std::min(expected, milliseconds(15000)));
    expected *= 2;
    EXPECT_EQ(session.next()->body, first);
  }
  EXPECT_NE(session.last_error().find("mifengd"), std::string::npos) << session.last_error();
  EXPECT_EQ(exchange(), Step::kGranted);
  EXPECT_EQ(session.last_error(), "");
  const Bytes renewal = session.next()->body;
  lose();
  EXPECT_EQ(session.next()->body, renewal);
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_NE(session.next()->body, renewal);
}

TEST_F(Session, IsListedInAnyCaseOnceTheGatewaysHadTheirTime) {
  exchange();
  clock.advance(milliseconds(9'999));
  EXPECT_FALSE(session.listed());
  clock.advance(milliseconds(1));
  EXPECT_TRUE(session.listed());
}

TEST_F(Session, TakesNothingFromAFalsePlatform) {
  Platform other;
  other.delivery = platform.delivery.clone();  // it even reads the request
  other.vendor = platform.vendor.clone();
  const auto sent = session.next().value();
  EXPECT_EQ(session.handle(other.answer(sent, tools)), Step::kNothing);
  EXPECT_FALSE(session.has_grant());
  EXPECT_NE(session.last_error().find(platform.identity.public_key().fingerprint()), std::string::npos)
      << session.last_error();
  EXPECT_EQ(session.next()->body, sent.body);
  EXPECT_EQ(session.handle(Bytes(300, 7)), Step::kNothing);
  EXPECT_EQ(exchange(), Step::kGranted);
}

TEST_F(Session, RefusesTheGrantOfAnotherModelThanTheOneThatRuns) {
  exchange();
  EXPECT_EQ(session.grant().model, "digits");
  platform.status = messages::RenewedStatus::kUnknown;
  exchange();
  platform.model = "letters";
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_EQ(session.grant().model, "digits");
  EXPECT_NE(session.last_error().find("another model"), std::string::npos);
}

TEST_F(Session, CountsUntilARenewalWasAnswered) {
  exchange();
  session.count_calls(5);
  session.count_event("nginx-restarted", 2);
  (void)session.next();
  session.count_calls(3);  // after the renewal was made
  lose();
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_EQ(platform.renewal->calls, 5u);
  ASSERT_EQ(platform.renewal->events.size(), 1u);
  EXPECT_EQ(platform.renewal->events[0].count, 2u);
  exchange();
  EXPECT_EQ(platform.renewal->calls, 3u);
  ASSERT_EQ(platform.renewal->events.size(), 1u);
  EXPECT_EQ(platform.renewal->events[0].event_class, "renewal-unanswered");
  exchange();
  EXPECT_EQ(platform.renewal->calls, 0u);
  EXPECT_TRUE(platform.renewal->events.empty());
}

TEST_F(Session, AsksForANewGrantWhereItIsUnknown) {
  exchange();
  const auto first = platform.request->signing_key;
  platform.status = messages::RenewedStatus::kUnknown;
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_TRUE(session.has_grant());  // the model goes on
  EXPECT_EQ(session.delay(), milliseconds(0));
  EXPECT_EQ(session.next()->path, "/v1/grants");
  // Until the new grant is there the old keys are used.
  EXPECT_EQ(session.signing_key().public_key(), first);
  EXPECT_EQ(exchange(), Step::kGranted);
  EXPECT_NE(platform.request->signing_key, first);
  EXPECT_EQ(session.signing_key().public_key(), platform.request->signing_key);
  // Not at once again: the platform allows only so many.
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_EQ(platform.renewal->counter, 1u);
  EXPECT_EQ(session.delay(), seconds(120));
}

TEST_F(Session, AsksAgainAtLeastAsOftenAsItRenews) {
  platform.listed = true;
  platform.renew_ms = 3000;
  exchange();
  for (int i = 0; i < 8; ++i) lose();
  EXPECT_EQ(session.delay(), milliseconds(3000));
}

TEST_F(Session, StopsWhereItIsRevoked) {
  exchange();
  platform.status = messages::RenewedStatus::kRevoked;
  EXPECT_EQ(exchange(), Step::kRevoked);
}

TEST_F(Session, AsksForAnotherStartInARenewal) {
  using Word = GrantSession::StartWord;
  platform.listed = true;
  exchange();
  exchange();
  EXPECT_EQ(platform.renewal->start, std::nullopt);
  EXPECT_EQ(session.delay(), seconds(60));
  session.ask_start(2);
  EXPECT_EQ(session.delay(), milliseconds(0));
  EXPECT_EQ(session.start_word(), Word::kAsked);
  lose();
  EXPECT_EQ(session.start_word(), Word::kAsked);
  exchange();
  EXPECT_EQ(platform.renewal->start, 2u);
  EXPECT_EQ(session.start_word(), Word::kAllowed);
  EXPECT_EQ(session.delay(), seconds(60));
  exchange();
  EXPECT_EQ(platform.renewal->start, std::nullopt);
  EXPECT_EQ(session.start_word(), Word::kAllowed);
  platform.lets_start = false;
  session.ask_start(3);
  exchange();
  EXPECT_EQ(platform.renewal->start, 3u);
  EXPECT_EQ(session.start_word(), Word::kRefused);
}

TEST_F(Session, AnAnswerToAnEarlierRenewalSaysNothingOfAStart) {
  using Word = GrantSession::StartWord;
  exchange();
  const auto sent = session.next().value();  // before the model ended
  session.ask_start(2);
  session.handle(platform.answer(sent, tools));
  EXPECT_EQ(session.start_word(), Word::kAsked);
  EXPECT_EQ(session.delay(), milliseconds(0));
  exchange();
  EXPECT_EQ(session.start_word(), Word::kAllowed);
}

TEST_F(Session, AStartIsAskedForOfThePlatformThatKnowsItAgain) {
  using Word = GrantSession::StartWord;
  exchange();
  session.ask_start(2);
  platform.status = messages::RenewedStatus::kUnknown;
  exchange();
  EXPECT_EQ(session.start_word(), Word::kAsked);
  platform.status = messages::RenewedStatus::kRenewed;
  EXPECT_EQ(exchange(), Step::kGranted);
  EXPECT_EQ(session.start_word(), Word::kAsked);
  exchange();
  EXPECT_EQ(session.start_word(), Word::kAllowed);
}

// The same, at the guards' door.
struct SessionByToken : Session {
  GrantSession by_token{SessionOptions{.deployment = "dep-1",
                                       .instance = "mf-1",
                                       .pod_uid = "5f0c",
                                       .proves_by_token = true,
                                       .guard_version = "0.1.0",
                                       .identity_key = platform.identity.public_key(),
                                       .delivery_key = platform.delivery.public_key(),
                                       .payload_header_sm3 = crypto::sm3({})},
                        clock, tools};

  void set_token(std::string_view text) { by_token.set_token(SecretBytes(as_bytes(text))); }
  Step exchange() {
    sent = by_token.next().value();
    return by_token.handle(platform.answer(sent, tools));
  }
  static std::string line_of(const GrantSession::Exchange& exchange) {
    return "mifeng-request " + to_hex(crypto::sm3(exchange.body));
  }
  static std::string token_of(const std::optional<SecretBytes>& token) {
    return token ? std::string(as_text(token->reveal_for_computing())) : "none";
  }
  GrantSession::Exchange sent;
};

TEST_F(SessionByToken, AGrantRequestCarriesItAndItsLineIsPrinted) {
  EXPECT_TRUE(by_token.needs_token());
  const auto without = by_token.next();
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().reason(), "no-token");
  set_token("one");
  EXPECT_EQ(exchange(), Step::kGranted);
  EXPECT_EQ(token_of(platform.request->token), "one");
  EXPECT_EQ(platform.request->pod_uid, "5f0c");
  EXPECT_EQ(sent.printed, line_of(sent));
  EXPECT_FALSE(by_token.needs_token());
  exchange();
  EXPECT_EQ(sent.path, "/v1/renewals");
  EXPECT_EQ(sent.printed, "") << "a renewal is proved by the instance's key";
  EXPECT_EQ(token_of(platform.renewal->token), "none");
}

TEST_F(SessionByToken, IsMadeAnewWithAnotherTokenAndElseSentAgain) {
  set_token("one");
  const auto first = by_token.next().value();
  by_token.handle(Error(ErrorCode::kTimeout, "timeout", "no answer"));
  EXPECT_TRUE(by_token.needs_token());
  set_token("one");
  const auto again = by_token.next().value();
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.printed, first.printed);
  set_token("two");
  const auto anew = by_token.next().value();
  EXPECT_NE(anew.body, first.body);
  EXPECT_NE(anew.nonce, first.nonce);
  EXPECT_EQ(anew.printed, line_of(anew));
  EXPECT_EQ(by_token.handle(platform.answer(first, tools)), Step::kNothing)
      << "that is no answer to what was sent last";
  EXPECT_EQ(exchange(), Step::kGranted);
  EXPECT_EQ(token_of(platform.request->token), "two");
}

TEST_F(SessionByToken, AnotherStartIsProvedByItToo) {
  using Word = GrantSession::StartWord;
  platform.listed = true;
  set_token("one");
  exchange();
  exchange();
  by_token.ask_start(2);
  EXPECT_TRUE(by_token.needs_token());
  set_token("two");
  const auto first = by_token.next().value();
  EXPECT_EQ(first.printed, line_of(first));
  by_token.handle(Error(ErrorCode::kTimeout, "timeout", "no answer"));
  set_token("three");
  EXPECT_EQ(exchange(), Step::kNothing);
  EXPECT_NE(sent.body, first.body);
  EXPECT_EQ(sent.printed, line_of(sent));
  EXPECT_EQ(token_of(platform.renewal->token), "three");
  EXPECT_EQ(platform.renewal->counter, 3u);
  EXPECT_EQ(by_token.start_word(), Word::kAllowed);
  EXPECT_FALSE(by_token.needs_token());
}

TEST_F(Session, FollowsTheOutputKey) {
  exchange();
  platform.output = new_key();
  EXPECT_EQ(exchange(), Step::kNewKey);
  EXPECT_EQ(session.output_key(), platform.output.public_key());
  EXPECT_EQ(exchange(), Step::kNothing);
}

}  // namespace
}  // namespace mifeng::guard
