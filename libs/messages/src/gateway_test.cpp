#include "mifeng/messages/gateway.h"

#include <gtest/gtest.h>

#include "test_keys.h"

namespace mifeng::messages {
namespace {

using test::claims;
using test::kNow;
using test::reason_of;

struct GatewayMessages : testing::Test {
  test::Kit kit;

  Snapshot snapshot() const {
    Snapshot snapshot;
    snapshot.gateway = "gw-1";
    snapshot.serial = 7;
    snapshot.issued_ms = kNow;
    snapshot.expires_ms = kNow + 1000;
    snapshot.routes.push_back({.id = "r-1",
                               .name = "数字",
                               .prefix = "/digits",
                               .forward = "mifeng://dep-1",
                               .open = false,
                               .callers = std::vector<std::string>{"c-1"},
                               .stream_requests = false,
                               .idempotent = true,
                               .pass_headers = {"x-model"},
                               .calls_per_minute = 600,
                               .calls_at_once = 8,
                               .seconds_max = 300});
    snapshot.endpoints.push_back({"dep-1", "http", EndpointKind::kBalanced, {"127.0.0.1:30001"}});
    snapshot.instances.push_back({"ins-1", "dep-1", kit.signing.public_key()});
    snapshot.callers.push_back({"c-1", crypto::sm3({})});
    snapshot.output_keys.push_back({kit.output.clone(), kNow, kNow + 5});
    return snapshot;
  }
  Result<Snapshot> round(const Snapshot& message, const crypto::Sm2PrivateKey& signer) {
    const Bytes stream = seal_snapshot(message, kit.receive.public_key(), signer, kit.tools).value();
    return open_snapshot(stream, "gw-1", message.serial, kit.receive, kit.identity.public_key(), kit.tools);
  }
};

TEST_F(GatewayMessages, SnapshotReachesItsGateway) {
  const auto got = round(snapshot(), kit.identity);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  ASSERT_EQ(got->routes.size(), 1u);
  EXPECT_EQ(got->routes[0].callers, std::vector<std::string>{"c-1"});
  EXPECT_EQ(got->routes[0].calls_per_minute, 600u);
  EXPECT_EQ(got->routes[0].calls_at_once, 8u);
  EXPECT_EQ(got->routes[0].seconds_max, 300u);
  EXPECT_EQ(got->instances.at(0).signing_key, kit.signing.public_key());
  EXPECT_EQ(got->output_keys.at(0).private_key.public_key(), kit.output.public_key());
}

TEST_F(GatewayMessages, ForgedSnapshotIsRefused) {
  EXPECT_EQ(reason_of(round(snapshot(), kit.other)), "bad-signature");
  Snapshot chained = snapshot();
  chained.identity_chain = {make_key_statement(claims(KeyPurpose::kIdentity, kit.other, 2), kit.other).value()};
  EXPECT_EQ(reason_of(round(chained, kit.other)), "identity-chain");
}

TEST_F(GatewayMessages, SnapshotIsBoundToGatewayAndSerial) {
  const Bytes stream = seal_snapshot(snapshot(), kit.receive.public_key(), kit.identity, kit.tools).value();
  const auto open = [&](std::string_view gateway, std::uint64_t serial, const crypto::Sm2PrivateKey& key) {
    return reason_of(open_snapshot(stream, gateway, serial, key, kit.identity.public_key(), kit.tools));
  };
  EXPECT_EQ(open("gw-1", 7, kit.receive), "ok");
  EXPECT_EQ(open("gw-2", 7, kit.receive), "bad-header-mac");
  EXPECT_EQ(open("gw-1", 8, kit.receive), "bad-header-mac");
  EXPECT_EQ(open("gw-1", 7, kit.other), "no-recipient");
}

// What stands twice is no fault of form: a gateway leaves that one out, and serves the rest (libs/proxy, Router).
TEST_F(GatewayMessages, SnapshotIsReadWithWhatStandsTwice) {
  Snapshot twice = snapshot();
  twice.routes.push_back(twice.routes[0]);
  twice.instances.push_back(twice.instances[0]);
  twice.endpoints.push_back(twice.endpoints[0]);
  const auto read = round(twice, kit.identity);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->routes.size(), twice.routes.size());
  EXPECT_EQ(read->instances.size(), twice.instances.size());
  EXPECT_EQ(read->endpoints.size(), twice.endpoints.size());
}

TEST_F(GatewayMessages, SnapshotWithAPrefixThatIsNoPathIsRefused) {
  Snapshot no_slash = snapshot();
  no_slash.routes[0].prefix = "digits";
  EXPECT_EQ(reason_of(round(no_slash, kit.identity)), "bad-message");
}

TEST_F(GatewayMessages, LimitsOfARouteStandThereWhereThereAreSome) {
  Snapshot none = snapshot();
  none.routes[0].calls_per_minute = none.routes[0].calls_at_once = none.routes[0].seconds_max = 0;
  const SecretBytes json = encode_snapshot(none);
  const std::string_view text = as_text(json.reveal_for_output());
  for (const char* name : {"calls_per_minute", "calls_at_once", "seconds_max"})
    EXPECT_EQ(text.find(name), std::string_view::npos) << name;
  const auto got = round(none, kit.identity);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->routes[0].calls_per_minute + got->routes[0].calls_at_once + got->routes[0].seconds_max, 0u);
  for (auto [member, max] :
       {std::pair(&SnapshotRoute::calls_per_minute, 1'000'000u), std::pair(&SnapshotRoute::calls_at_once, 10'000u),
        std::pair(&SnapshotRoute::seconds_max, 86'400u)}) {
    Snapshot most = snapshot();
    most.routes[0].*member = max;
    EXPECT_EQ(reason_of(round(most, kit.identity)), "ok");
    most.routes[0].*member = max + 1;
    EXPECT_EQ(reason_of(round(most, kit.identity)), "bad-message");
  }
}

TEST_F(GatewayMessages, EnrolmentIsSignedByTheKeyThatItIntroduces) {
  const Enrolment enrolment{.gateway = "gw-1",
                            .code = SecretBytes(as_bytes("once")),
                            .nonce = kit.nonce,
                            .receive_key = kit.receive.public_key(),
                            .signing_key = kit.signing.public_key(),
                            .version = "0.1.0"};
  const auto round_trip = [&](const crypto::Sm2PrivateKey& signer) {
    const Bytes stream = seal_enrolment(enrolment, kit.delivery.public_key(), signer, kit.tools).value();
    return open_enrolment(stream, "gw-1", kit.nonce, kit.delivery, kit.tools);
  };
  const auto got = round_trip(kit.signing);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(as_text(got->code.reveal_for_computing()), "once");
  EXPECT_EQ(reason_of(round_trip(kit.other)), "bad-signature");
}

TEST_F(GatewayMessages, ReportIsSignedByTheGateway) {
  const Report report{.gateway = "gw-1",
                      .serial = 7,
                      .counter = 2,
                      .from_ms = kNow,
                      .to_ms = kNow + 10000,
                      .rows = {{"dep-1", "ins-1", 5, 1, {{"bad-tag", 1}}}},
                      .trouble = GatewayTrouble{kEntriesLeftOut, "route r-2: its prefix is that of route r-1"}};
  const Bytes stream = seal_report(report, kit.delivery.public_key(), kit.signing, kit.tools).value();
  const auto got = open_report(stream, "gw-1", 7, kit.delivery, kit.signing.public_key(), kit.tools);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->rows.at(0).refusals.at("bad-tag"), 1u);
  EXPECT_EQ(got->trouble, report.trouble);
  Report rude = report;
  rude.trouble->detail = "two\nlines";
  EXPECT_EQ(reason_of(decode_report(encode_report(rude).reveal_for_parsing())), "bad-message");
  EXPECT_EQ(reason_of(open_report(stream, "gw-1", 7, kit.delivery, kit.other.public_key(), kit.tools)),
            "bad-signature");
  EXPECT_EQ(reason_of(open_report(stream, "gw-2", 7, kit.delivery, kit.signing.public_key(), kit.tools)),
            "bad-header-mac");
}

TEST_F(GatewayMessages, FollowSignatureCoversGatewayNonceAndTime) {
  const FollowRequest request{.gateway = "gw-1", .nonce = kit.nonce, .time_ms = kNow};
  const Bytes signature = sign_follow(request, kit.signing).value();
  EXPECT_TRUE(verify_follow(request, signature, kit.signing.public_key()));
  EXPECT_FALSE(verify_follow(request, signature, kit.other.public_key()));
  EXPECT_FALSE(verify_follow({"gw-2", kit.nonce, kNow}, signature, kit.signing.public_key()));
  EXPECT_FALSE(verify_follow({"gw-1", kit.random.hex(16), kNow}, signature, kit.signing.public_key()));
  EXPECT_FALSE(verify_follow({"gw-1", kit.nonce, kNow + 1}, signature, kit.signing.public_key()));
}

TEST(SnapshotFrames, AreReadFromPiecesOfAnySize) {
  Bytes wire;
  append_snapshot_frame(wire, 5, {});
  append_snapshot_frame(wire, 6, as_bytes("a stream"));
  append_snapshot_frame(wire, 7, {});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, wire.size()}) {
    SnapshotFrameReader reader;
    std::vector<SnapshotFrame> frames;
    for (std::size_t at = 0; at < wire.size(); at += piece)
      ASSERT_TRUE(reader.feed(ByteView(wire).subspan(at, std::min(piece, wire.size() - at)), frames));
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_TRUE(frames[0].stream.empty());
    EXPECT_EQ(frames[1].serial, 6u);
    EXPECT_EQ(as_text(frames[1].stream), "a stream");
    EXPECT_EQ(frames[2].serial, 7u);
  }
}

TEST(SnapshotFrames, RefuseALengthThatNoSnapshotHas) {
  Bytes wire;
  append_be<std::uint64_t>(wire, 1);
  append_be<std::uint32_t>(wire, kSnapshotSizeMax + 1);
  SnapshotFrameReader reader;
  std::vector<SnapshotFrame> frames;
  EXPECT_EQ(reason_of(reader.feed(wire, frames)), "message-too-large");
  EXPECT_EQ(reason_of(reader.feed({}, frames)), "message-too-large");
  EXPECT_TRUE(frames.empty());
}

}  // namespace
}  // namespace mifeng::messages
