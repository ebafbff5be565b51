#include "mifeng/rest/api.h"

#include "api_fixture.h"

namespace mifeng::rest {
namespace {

TEST_F(ApiTest, AnswersWithoutSigningInOnlyWhatAnyoneMayAsk) {
  EXPECT_EQ(call("GET", "/system/health", "").string("status"), "ok");
  EXPECT_EQ(call("GET", "/system/version", "").string("version"), "1.2.3");
  const Answer refused = call("GET", "/models", "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.string("reason"), "not-signed-in");
  EXPECT_EQ(*refused.headers.find("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(*refused.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(call("GET", "/models", "nonsense").status, 401);
}

TEST_F(ApiTest, MakesTheFirstAdministratorOnceAndLocallyAlone) {
  EXPECT_EQ(call("POST", "/system/first-administrator", "").string("reason"), "local-only");
  const Answer made = call_locally("POST", "/system/first-administrator");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.string("name"), "admin");
  EXPECT_EQ(call_locally("POST", "/system/first-administrator").status, 409);
  // The password that was given must be changed before anything else works.
  const Answer session = call("POST", "/session", "", Object{{"name", "admin"}, {"password", made.string("password")}});
  ASSERT_EQ(session.status, 200);
  const std::string token = session.string("token");
  EXPECT_EQ(call("GET", "/session", token).status, 200);
  EXPECT_EQ(call("GET", "/models", token).string("reason"), "must-change-password");
  EXPECT_EQ(call("GET", "/tokens", token).string("reason"), "must-change-password");
  EXPECT_EQ(call("PUT", "/session/password", token,
                 Object{{"old_password", made.string("password")}, {"new_password", "short"}})
                .status,
            400);
  EXPECT_EQ(call("PUT", "/session/password", token,
                 Object{{"old_password", made.string("password")}, {"new_password", "quite a long password"}})
                .status,
            204);
  EXPECT_EQ(call("GET", "/models", token).status, 200);
  EXPECT_EQ(call("DELETE", "/session", token).status, 204);
  EXPECT_EQ(call("GET", "/models", token).status, 401);
}

TEST_F(ApiTest, TheLocalSocketNeedsNoToken) {
  EXPECT_EQ(call_locally("GET", "/session").string("name"), "local");
  EXPECT_EQ(call_locally("GET", "/models").status, 200);
  const Answer log = call_locally("POST", "/vendors", Object{{"id", "acme"}, {"name", "Acme"}});
  EXPECT_EQ(log.status, 201) << log.text;
  EXPECT_EQ(call_locally("DELETE", "/session").status, 204);
}

TEST_F(ApiTest, HoldsRolesApart) {
  const std::string admin = administrator();
  EXPECT_EQ(call("POST", "/vendors", admin, Object{{"id", "acme"}, {"name", "Acme"}}).status, 201);
  const Answer made =
      call("POST", "/people", admin, Object{{"name", "li"}, {"roles", json::Array{"vendor"}}, {"vendor_id", "acme"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string vendor = sign_in_and_change("li", made.string("password"));
  EXPECT_EQ(call("GET", "/vendors/acme", vendor).status, 200);
  EXPECT_EQ(call("GET", "/people", vendor).string("reason"), "not-allowed");
  EXPECT_EQ(call("POST", "/deployments", vendor, Object{{"name", "x"}, {"version_id", "y"}}).status, 403);
  EXPECT_EQ(call("GET", "/audit", vendor).status, 403);
  EXPECT_EQ(call("GET", "/audit", admin).status, 200);
}

TEST_F(ApiTest, RefusesWhatItDoesNotKnowByName) {
  const std::string admin = administrator();
  EXPECT_EQ(call("GET", "/nothing", admin).string("reason"), "no-such-operation");
  EXPECT_EQ(call("GET", "/v1/grants", admin).status, 404);
  const Answer method = call("PATCH", "/vendors", admin);
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(*method.headers.find("Allow"), "GET, POST");
  EXPECT_EQ(call("GET", "/models?nmae=x", admin).string("reason"), "bad-query");
  const auto half = call("GET", "/models?" + std::string(99, 'x') + "%E5%AF%86=1", admin);
  EXPECT_EQ(half.string("message").substr(0, 102), "\"" + std::string(99, 'x') + "\" ") << "no half character";
  EXPECT_EQ(call("GET", "/models?page=1&page=2", admin).string("reason"), "bad-query");
  EXPECT_EQ(call("GET", "/models?page=0", admin).status, 400);
  EXPECT_EQ(call("GET", "/models?page_size=1000", admin).status, 400);
  EXPECT_EQ(call("GET", "/models/%ff", admin).string("reason"), "bad-escape");
  const Answer unknown = call("POST", "/vendors", admin, Object{{"id", "acme"}, {"name", "Acme"}, {"colour", "red"}});
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.string("message").find("colour"), std::string::npos);
  const auto raw = [&](std::string text, std::string type) {
    return send(*network_client_, net::ClientRequest("POST", "/api/v1/vendors", std::move(text), std::move(type)),
                admin);
  };
  EXPECT_EQ(raw(R"({"id":"a","id":"b","name":"c"})", "application/json").string("reason"), "duplicate-key");
  EXPECT_EQ(raw("{", "application/json").string("reason"), "bad-json");
  EXPECT_EQ(raw("{}", "text/plain").string("reason"), "not-json");
  EXPECT_EQ(raw(std::string(2 << 20, ' '), "application/json").status, 413);
}

TEST_F(ApiTest, GivesTheCardAndAnAuditLogThatVerifies) {
  const std::string admin = administrator();
  const Answer card = call("GET", "/card", admin);
  EXPECT_EQ(card.status, 200) << card.text;
  EXPECT_EQ(card.string("format"), "mifeng-card/1");
  EXPECT_NE(call("GET", "/card/fingerprint", admin).string("fingerprint"), "");
  const Answer head = call("GET", "/audit/head", admin);
  ASSERT_EQ(head.status, 200) << head.text;
  const Answer verdict = call("POST", "/audit/verification", admin, Object{{"head", head.body}});
  ASSERT_EQ(verdict.status, 200) << verdict.text;
  EXPECT_TRUE(*verdict.body.find("intact")->if_bool()) << verdict.text;
  EXPECT_EQ(call("POST", "/audit/verification", admin).status, 200);
  const Answer log = call("GET", "/audit/export", admin);
  EXPECT_EQ(log.status, 200);
  EXPECT_NE(log.text.find("\n"), std::string::npos);
}

TEST_F(ApiTest, TakesUploadsPieceByPiece) {
  const std::string admin = administrator();
  const Answer begun = call("POST", "/uploads", admin, Object{{"size", 10}});
  ASSERT_EQ(begun.status, 201) << begun.text;
  const std::string path = "/uploads/" + begun.string("id");
  const auto piece = [&](const std::string& offset, std::string bytes) {
    return send(*network_client_,
                net::ClientRequest("PATCH", "/api/v1" + path + "?offset=" + offset, std::move(bytes),
                                   "application/octet-stream"),
                admin);
  };
  EXPECT_EQ(piece("0", "12345").status, 200);
  EXPECT_EQ(piece("0", "12345").string("reason"), "wrong-offset");
  EXPECT_EQ(piece("", "12345").string("reason"), "bad-query");
  EXPECT_EQ(*call("GET", path, admin).body.find("received")->if_int64(), 5);
  EXPECT_EQ(piece("5", "67890").status, 200);
  EXPECT_EQ(call("POST", path + "/submission", admin).status, 422);  // no package
  const std::string second = "/uploads/" + call("POST", "/uploads", admin, Object{{"size", 10}}).string("id");
  EXPECT_EQ(call("DELETE", second, admin).status, 204);
  EXPECT_EQ(call("GET", second, admin).status, 404);
  const Answer nonsense =
      send(*network_client_,
           net::ClientRequest("POST", "/api/v1/packages", std::string(100'000, 'x'), "application/vnd.mifeng.package"),
           admin);
  EXPECT_EQ(nonsense.status, 422) << nonsense.text;
  EXPECT_EQ(*call("GET", "/models", admin).body.find("total")->if_int64(), 0);
}

TEST_F(ApiTest, AGatewayIsInvitedAndNobodyElseCanFollow) {
  const std::string admin = administrator();
  api_->set_url("http://127.0.0.1:1");
  const Answer join = call("POST", "/gateways", admin, Object{{"id", "gw-1"}});
  ASSERT_EQ(join.status, 201) << join.text;
  EXPECT_EQ(join.string("platform"), "http://127.0.0.1:1");
  EXPECT_EQ(call("GET", "/gateways/gw-1/snapshots", "").string("reason"), "missing-header");
  net::ClientRequest follow("GET", "/api/v1/gateways/gw-1/snapshots");
  follow.headers.add("Mifeng-Nonce", std::string(32, '0'));
  follow.headers.add("Mifeng-Time", std::to_string(clock_.now_ms()));
  follow.headers.add("Mifeng-Signature", "AAAA");
  EXPECT_EQ(send(*network_client_, std::move(follow), "").status, 403);
  net::ClientRequest enrol("POST", "/api/v1/gateways/gw-1/enrolment", "nonsense", "application/vnd.mifeng.sealed");
  enrol.headers.add("Mifeng-Nonce", std::string(32, '0'));
  const Answer refused = send(*network_client_, std::move(enrol), "");
  EXPECT_EQ(refused.status, 403) << refused.text;
  EXPECT_EQ(refused.string("reason"), "refused");
}

TEST_F(ApiTest, ClustersAreSeenByThreeRolesAndSetByOne) {
  const std::string admin = administrator();
  const Answer list = call("GET", "/clusters", admin);
  ASSERT_EQ(list.status, 200) << list.text;
  EXPECT_EQ(list.body.find("items")->if_array()->size(), 1u);
  const Answer local = call("GET", "/clusters/local", admin);
  EXPECT_EQ(local.string("kind"), "podman");
  EXPECT_TRUE(local.body.find("capacity")->is_null()) << local.text;  // no engine
  EXPECT_EQ(call("GET", "/clusters/none", admin).status, 404);
  const auto set = [&](json::Array nodes) {
    return call("PUT", "/clusters/local", admin, Object{{"name", "here"}, {"node_addresses", std::move(nodes)}});
  };
  EXPECT_EQ(set({}).status, 400);
  EXPECT_EQ(set({"a b"}).string("reason"), "bad-node-addresses");
  const Answer done = set({"192.0.2.1", "node-2.example"});
  EXPECT_EQ(done.status, 200) << done.text;
  EXPECT_EQ(done.string("name"), "here");
  EXPECT_EQ(call("POST", "/clusters/local/sweep", admin).status, 200);
  EXPECT_EQ(call("POST", "/clusters/none/sweep", admin).status, 404);
  for (const std::string path : {"/ports", "/ports/ranges", "/ports/reserved", "/ports/recommendation?count=1"}) {
    const std::string mark = path.find('?') == std::string::npos ? "?" : "&";
    EXPECT_EQ(call("GET", path + mark + "cluster=local", admin).status, 200) << path;
    EXPECT_EQ(call("GET", path + mark + "cluster=none", admin).status, 404) << path;
  }
}

}  // namespace
}  // namespace mifeng::rest
