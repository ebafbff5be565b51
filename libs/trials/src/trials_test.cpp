// Trials against a unit that seals as a guard does, and against what only looks like one.
#include "mifeng/trials/trial_service.h"

#include <latch>

#include "mifeng/net/server.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/store/deployments.h"
#include "trial_checks.h"

namespace mifeng::trials {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;
using platform_fixture::TestGuard;

constexpr char kRequest[] = R"({"numbers":[1,2,3]})";
constexpr char kAnswer[] = R"({"sum":6.0})";

class Trials : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    server_ = net::HttpServer::start(runtime_, {}, [this](net::Request request) {
                return answer(std::move(request));
              }).value();
  }

  // One unit that was granted and is ready, at the port of our server.
  void deploy() {
    const std::string version = add_model("acme", "digits", "1.0.0");
    deployment_ = add_deployment("digits", version);
    ASSERT_TRUE(platform_->reconciler().run_once());
    crypto::Sm3Digest header{};
    const Bytes bytes = from_hex(platform_->models().get(admin_, version)->payload_header_sm3).value();
    std::copy(bytes.begin(), bytes.end(), header.begin());
    unit_ = FakeEngine::unit_name(deployment_, 0);
    guard_.emplace(deployment_, unit_, header);
    const Bytes request = guard_->request(card(), tools());
    ASSERT_TRUE(platform_->grants().grant(peer_of(deployment_), deployment_, guard_->nonce, request));
    engine_.set(unit_, cluster::UnitState::kRunning, true);
    ASSERT_TRUE(platform_->reconciler().run_once());
    lead_to(server_->port());
  }
  void lead_to(std::uint16_t port) {
    const auto moved = db().write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(auto rows, store::endpoints_of(tx, deployment_));
      if (rows.empty()) return Error(ErrorCode::kNotFound, "not-found", "It has no endpoint.");
      MIFENG_CHECK(store::erase_endpoints_of(tx, deployment_));
      rows[0].node_port = port;
      return store::insert(tx, rows[0]);
    });
    ASSERT_TRUE(moved) << moved.error().message();
  }
  std::string add_route(bool enabled = true) {
    access::RouteInput route;
    route.name = route.prefix = "/digits";
    route.forward = "mifeng://" + deployment_ + "/v2";
    route.enabled = enabled;
    route.pass_headers = {"x-model"};
    return platform_->routes().create(operator_, route).value().id;
  }

  // What the guard's nginx makes of the model's answer, unless `unlike` makes something else of it.
  net::asio::awaitable<net::Response> answer(net::Request request) {
    auto body = co_await net::read_body(*request.body, 1 << 20);
    seen_target_ = request.target;
    seen_body_ = body.value_or("");
    seen_headers_ = request.headers;
    if (sleeps_) co_await net::sleep_for(std::chrono::hours(1));
    const std::string* sent_id = request.headers.find("Mifeng-Request-Id");
    const std::string id = sent_id == nullptr ? "" : *sent_id;
    const std::string digest = sealed::body_digest(as_bytes(seen_body_));
    sealed::ResponseContext context{.request_id = id,
                                    .status = 200,
                                    .content_type = "application/json",
                                    .content_encoding = {},
                                    .method = request.method,
                                    .target = request.target,
                                    .body_digest = digest};
    const bool bodyless = request.method == "HEAD";
    if (other_target_) context.target = "/other";
    const crypto::Sm2PublicKey recipients[] = {output_ ? output_->public_key()
                                                       : messages::verify_card(card()).value().output->key};
    auto key = sealed::SenderKey::create({.kind = sealed::Kind::kResponse,
                                          .exponent = 16,
                                          .recipients = recipients,
                                          .signer = signer_ ? &*signer_ : &guard_->signing_key},
                                         random_);
    const Bytes bound = sealed::response_context(context).value_or(Bytes{});
    const std::string plain = bodyless ? "" : large_ ? std::string(2 << 20, 'x') : kAnswer;
    Bytes stream = sealed::seal(*key, {.segmentation = sealed::Segmentation::kFixed, .context = bound}, as_bytes(plain),
                                random_, *provider_)
                       .value();
    if (breaks_at_end_) stream.back() ^= 1;
    net::Response response(200, bodyless ? "" : std::string(as_text(stream)), "application/vnd.mifeng.sealed");
    if (bodyless) {
      response.headers.set("Content-Type", "text/plain");
      response.headers.add("Mifeng-Seal", to_base64(stream));
    }
    if (unsealed_) response = net::Response(200, "a plain answer", "text/plain");
    response.headers.add("Mifeng-Content-Type", "application/json");
    response.headers.add("X-Model", "digits");
    response.headers.add("Set-Cookie", "a=b");
    co_return response;
  }

  TrialRequest request() const {
    TrialRequest made;
    made.deployment_id = deployment_;
    made.method = "POST";
    made.path = "/predict?top=1";
    made.headers = {{"Content-Type", "application/json"}};
    made.body = kRequest;
    return made;
  }
  Result<Trial> run(TrialRequest request, const trust::Actor& actor) {
    return net::run_to_result<Trial>([&] { return platform_->trials().run(actor, std::move(request), work_, slow_); });
  }
  Result<Trial> run(TrialRequest request) { return run(std::move(request), operator_); }
  std::vector<trust::AuditEntry> audit(const std::string& action) {
    trust::AuditQuery query;
    query.action = action;
    return platform_->audit().list(auditor_, query, {}).value().items;
  }
  // Nothing of request or answer, and no key.
  void expect_log_is_clean() {
    for (const auto& entry : audit("trial.")) {
      const std::string text = entry.subject + entry.detail;
      for (const char* content : {"numbers", "predict", "sum", "mfk_", "plain answer"})
        EXPECT_EQ(text.find(content), std::string::npos) << text;
    }
  }

  net::Runtime runtime_{2};
  net::BlockingPool work_{"work", 2, 16}, slow_{"slow", 2, 16};
  std::optional<TestGuard> guard_;
  std::string deployment_, unit_;
  std::optional<crypto::Sm2PrivateKey> output_, signer_;  // others than the right ones
  bool other_target_ = false, breaks_at_end_ = false, unsealed_ = false, large_ = false, sleeps_ = false;
  std::string seen_target_, seen_body_;
  net::Headers seen_headers_;
  std::unique_ptr<net::HttpServer> server_;  // last: its handler uses all of the others
};

TEST_F(Trials, OfAUnitShowTheSealTheHeaderAndTheOpenedAnswer) {
  deploy();
  const auto trial = run(request());
  ASSERT_TRUE(trial) << trial.error().message();
  EXPECT_EQ(seen_target_, "/predict?top=1");
  EXPECT_EQ(seen_body_, kRequest);
  ASSERT_TRUE(trial->opened) << (trial->refusal ? trial->refusal->reason : "");
  EXPECT_FALSE(trial->refusal);
  EXPECT_EQ(as_text(from_base64(trial->opened->body_base64).value()), kAnswer);
  EXPECT_EQ(trial->opened->status, 200);
  EXPECT_EQ(trial->opened->content_type, "application/json");
  EXPECT_EQ(trial->unit, unit_);
  EXPECT_EQ(trial->address, "127.0.0.1:" + std::to_string(server_->port()));
  EXPECT_FALSE(trial->instance_id.empty());
  ASSERT_TRUE(trial->seal && trial->seal->header);
  const Bytes stream = from_base64(trial->seal->stream_base64).value();
  EXPECT_EQ(as_text(ByteView(stream).first(3)), "MFS");
  EXPECT_EQ(trial->seal->size, static_cast<std::int64_t>(stream.size()));
  EXPECT_EQ(trial->seal->form, "body");
  EXPECT_EQ(trial->seal->segments, 1);
  const TrialHeader& header = *trial->seal->header;
  EXPECT_EQ(header.kind, "response");
  EXPECT_TRUE(header.is_signed && header.fixed);
  EXPECT_EQ(header.segment_size, 65536);
  EXPECT_EQ(header.signer_key_id, to_hex(guard_->signing_key.public_key().key_id()));
  ASSERT_EQ(header.recipients.size(), 1u);
  EXPECT_TRUE(header.recipients[0].ours);
  ASSERT_TRUE(trial->context);
  EXPECT_EQ(trial->context->target, "/predict?top=1");
  EXPECT_EQ(trial->context->body_digest, sealed::body_digest(as_bytes(std::string_view(kRequest))));
  EXPECT_EQ(trial->context->request_id, *seen_headers_.find("Mifeng-Request-Id"));
  // No route passes anything on beyond what is harmless.
  EXPECT_TRUE(trial->fields.empty());
  const auto entries = audit("trial.send");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].actor, "operator");
  EXPECT_EQ(entries[0].subject, deployment_);
  EXPECT_EQ(entries[0].detail, "POST with 19 bytes to a unit, request " + trial->context->request_id);
  expect_log_is_clean();
}

TEST_F(Trials, OfARouteGoWhereTheGatewayWouldSendThem) {
  deploy();
  TrialRequest by_route = request();
  by_route.deployment_id.clear();
  by_route.route_id = add_route(false);  // for a unit it need not be on
  const auto trial = run(by_route);
  ASSERT_TRUE(trial) << trial.error().message();
  ASSERT_TRUE(trial->opened) << trial->refusal->reason;
  EXPECT_EQ(seen_target_, "/v2/predict?top=1");
  EXPECT_EQ(trial->deployment_id, deployment_);
  ASSERT_EQ(trial->fields.size(), 1u) << "what the route passes on, and no cookie";
  EXPECT_EQ(trial->fields[0].value, "digits");
  by_route.path = "";
  ASSERT_TRUE(run(by_route));
  EXPECT_EQ(seen_target_, "/v2");
}

TEST_F(Trials, AnAnswerWithoutABodyIsSealedInAField) {
  deploy();
  TrialRequest head = request();
  head.method = "HEAD";
  head.body.clear();
  const auto trial = run(head);
  ASSERT_TRUE(trial) << trial.error().message();
  ASSERT_TRUE(trial->opened) << trial->refusal->reason;
  EXPECT_EQ(trial->seal->form, "field");
  EXPECT_EQ(trial->opened->size, 0);
}

TEST_F(Trials, WhatDoesNotOpenSaysWhyAndIsWrittenDown) {
  deploy();
  const auto refused = [&](const char* reason) {
    const auto trial = run(request());
    EXPECT_TRUE(trial) << trial.error().message();
    if (!trial) return Trial{};
    EXPECT_FALSE(trial->opened) << reason;
    EXPECT_EQ(trial->refusal ? trial->refusal->reason : "", reason);
    EXPECT_TRUE(trial->instance_id.empty() && trial->fields.empty());
    EXPECT_EQ(audit("trial.refuse")[0].outcome, reason);
    return *trial;
  };
  other_target_ = true;  // the answer to another request
  EXPECT_TRUE(refused("bad-header-mac").seal->header);
  other_target_ = false;
  breaks_at_end_ = true;
  EXPECT_EQ(refused("bad-tag").seal->segments, 1);
  breaks_at_end_ = false;
  output_.emplace(crypto::Sm2PrivateKey::generate().value());
  EXPECT_FALSE(refused("no-recipient").seal->header->recipients[0].ours);
  output_.reset();
  signer_.emplace(crypto::Sm2PrivateKey::generate().value());
  (void)refused("unknown-signer");
  signer_.reset();
  unsealed_ = true;  // the port is somebody else's: nothing of what he says is shown
  const Trial other = refused("unsealed");
  EXPECT_FALSE(other.seal);
  EXPECT_TRUE(other.context->content_type.empty());
  EXPECT_EQ(audit("trial.refuse").size(), 5u);
  expect_log_is_clean();
}

TEST_F(Trials, SayWhatStandsInTheirWay) {
  EXPECT_EQ(run(request()).error().reason(), "bad-trial") << "of nothing";
  deployment_ = "nothing";
  EXPECT_EQ(run(request()).error().reason(), "not-found");
  deployment_ = add_deployment("early", add_model("acme", "early", "1.0.0"));
  EXPECT_EQ(run(request()).error().reason(), "unit-not-ready");
  deploy();
  TrialRequest other = request();
  other.unit = "another";
  EXPECT_EQ(run(other).error().reason(), "unit-not-ready");
  other = request();
  other.port = "other";
  EXPECT_EQ(run(other).error().reason(), "not-found");
  large_ = true;
  EXPECT_EQ(run(request()).error().reason(), "answer-too-large");
  large_ = false;
  sleeps_ = true;
  other = request();
  other.patience = std::chrono::seconds(1);
  EXPECT_EQ(run(other).error().reason(), "trial-too-slow");
  sleeps_ = false;
  lead_to(1);
  EXPECT_EQ(run(request()).error().reason(), "unit-away");
  other = request();
  other.way = TrialWay::kGateway;
  other.deployment_id.clear();
  other.route_id = add_route();
  EXPECT_EQ(run(other).error().reason(), "no-gateway-address");
}

TEST_F(Trials, AreForOperators) {
  deploy();
  for (const auto role : {trust::Role::kVendor, trust::Role::kAuditor, trust::Role::kCaller}) {
    const auto refused = run(request(), actor_with(role, "acme"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "not-allowed");
    EXPECT_NE(refused.error().message().find("role operator"), std::string::npos) << refused.error().message();
  }
  EXPECT_TRUE(audit("trial.").empty());
  EXPECT_TRUE(run(request(), admin_));
}

TEST_F(Trials, RunAFewAtOnce) {
  TrialSlots slots;
  std::vector<std::unique_ptr<TrialSlots::Slot>> taken;
  for (const char* person : {"a", "a", "b", "b"}) taken.push_back(slots.take(person).value());
  EXPECT_EQ(slots.take("c").error().reason(), "too-many-trials");
  taken.pop_back();
  EXPECT_EQ(slots.take("a").error().reason(), "too-many-trials") << "of one person";
  EXPECT_TRUE(slots.take("c"));
  taken.clear();
  EXPECT_TRUE(slots.take("a"));
}

TEST_F(Trials, ThroughTheGatewayComeWithTheirOwnKey) {
  options_.gateway_url = "http://127.0.0.1:" + std::to_string(server_->port());
  reopen();
  deploy();
  TrialRequest by_gateway = request();
  by_gateway.way = TrialWay::kGateway;
  by_gateway.deployment_id.clear();
  by_gateway.route_id = add_route();
  unsealed_ = true;
  const auto trial = run(by_gateway);
  ASSERT_TRUE(trial) << trial.error().message();
  EXPECT_EQ(seen_target_, "/digits/predict?top=1");
  const std::string* key = seen_headers_.find("Authorization");
  ASSERT_TRUE(key != nullptr && key->starts_with("Bearer mfk_"));
  EXPECT_EQ(seen_headers_.find("Mifeng-Request-Id"), nullptr) << "a caller sends none";
  ASSERT_TRUE(trial->opened);
  EXPECT_EQ(as_text(from_base64(trial->opened->body_base64).value()), "a plain answer");
  EXPECT_FALSE(trial->seal || trial->context || trial->refusal);
  for (const auto& field : trial->fields) EXPECT_EQ(field.value.find("mfk_"), std::string::npos);
  EXPECT_TRUE(platform_->callers().list(admin_, {})->items.empty()) << "it is in no list";
  expect_log_is_clean();
  server_.reset();
  EXPECT_EQ(run(by_gateway).error().reason(), "gateway-away");
}

TEST_F(Trials, ThroughTheGatewayNeedARouteThatIsOn) {
  options_.gateway_url = "http://127.0.0.1:1";
  reopen();
  deploy();
  TrialRequest by_gateway = request();
  by_gateway.way = TrialWay::kGateway;
  EXPECT_EQ(run(by_gateway).error().reason(), "bad-trial") << "a deployment has no prefix";
  by_gateway.deployment_id.clear();
  by_gateway.route_id = "rt-none";
  EXPECT_EQ(run(by_gateway).error().reason(), "not-found");
  by_gateway.route_id = add_route(false);
  EXPECT_EQ(run(by_gateway).error().reason(), "route-disabled");
  EXPECT_TRUE(audit("trial.send").empty()) << "nothing was sent";
}

TEST(TrialRequests, AreRefusedByWhatIsWrongWithThem) {
  const auto reason = [](auto&& change) {
    TrialRequest request;
    request.deployment_id = "d";
    request.method = "POST";
    request.path = "/predict";
    change(request);
    const auto checked = check_request(request);
    return checked ? std::string() : checked.error().reason();
  };
  EXPECT_EQ(reason([](auto&) {}), "");
  EXPECT_EQ(reason([](auto& r) { r.path = "/%E6%A8%A1?x=%20"; }), "");
  EXPECT_EQ(reason([](auto& r) { r.route_id = "r"; }), "bad-trial");
  EXPECT_EQ(reason([](auto& r) { r.method = "GET", r.body = "x"; }), "bad-trial");
  for (const char* path : {"predict", "/../x", "//x", "/%2e%2e/x", "/a%00", "/%"})
    EXPECT_EQ(reason([&](auto& r) { r.path = path; }), "bad-path") << path;
  for (const char* path : {"/a b", "/a#b", "/a?b c", "/a\r\nX: y", "/a?b\n"})
    EXPECT_EQ(reason([&](auto& r) { r.path = path; }), "bad-trial") << path;
  for (const char* name :
       {"Authorization", "x-api-key", "Cookie", "Host", "MIFENG-Request-Id", "Mifeng-Seal", "Transfer-Encoding",
        "Content-Length", "Connection", "Upgrade", "X-Accel-Redirect", "a b", "a:b", "", "a\r\nb"})
    EXPECT_EQ(reason([&](auto& r) { r.headers = {{name, "v"}}; }), "bad-trial") << name;
  EXPECT_EQ(reason([](auto& r) { r.headers = {{"X-Y", "a\r\nHost: b"}}; }), "bad-trial");
  EXPECT_EQ(reason([](auto& r) { r.headers.assign(33, {"X-Y", "v"}); }), "bad-trial");
  EXPECT_EQ(reason([](auto& r) { r.path = "/" + std::string(2048, 'a'); }), "bad-trial");
  EXPECT_EQ(reason([](auto& r) { r.body.assign((512 << 10) + 1, 'a'); }), "bad-trial");
}

}  // namespace
}  // namespace mifeng::trials
