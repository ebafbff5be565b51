// The API over a real platform with a real database, behind real sockets; no engine.
#include "mifeng/rest/api.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "mifeng/json/value.h"
#include "mifeng/net/client.h"
#include "mifeng/net/server.h"
#include "mifeng/rest/container_sockets.h"

namespace mifeng::rest {
namespace {

using json::Object;

struct Answer {
  int status = 0;
  Object body;
  net::Headers headers;
  std::string text;

  std::string string(std::string_view name) const {
    const json::Value* value = body.find(name);
    return value != nullptr && value->if_string() != nullptr ? *value->if_string() : "";
  }
};

ApiOptions api_options() {
  ApiOptions options;
  options.version = "1.2.3";
  options.name = "test";
  return options;
}

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    platform::PlatformOptions options;
    options.data_dir = dir_.path() / "data";
    options.password_rounds = 1000;
    options.registry = "127.0.0.1:1";  // nothing is there: what is no package never gets so far
    SecretBytes key(32);
    random_.fill(key.reveal_for_writing());
    auto opened = platform::Platform::open(options, std::move(key), nullptr, clock_, random_);
    EXPECT_TRUE(opened) << opened.error().message();
    platform_ = std::move(*opened);
    api_ = std::make_unique<Api>(*platform_, api_options(), clock_);
    server_ = net::HttpServer::start(runtime_, {}, api_->handler(Door::kNetwork)).value();
    local_ = net::HttpServer::start(runtime_, {.listen = net::UnixListen{dir_.path() / "local.sock"}},
                                    api_->handler(Door::kLocal))
                 .value();
    network_client_ = net::HttpClient::create({.endpoint = net::TcpEndpoint{"127.0.0.1", server_->port()}}).value();
    local_client_ = net::HttpClient::create({.endpoint = net::UnixEndpoint{dir_.path() / "local.sock"}}).value();
  }

  Answer send(const net::HttpClient& client, net::ClientRequest request, const std::string& token) {
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
    const auto response = client.send_now(std::move(request));
    EXPECT_TRUE(response) << response.error().message();
    if (!response) return {};
    Answer answer{response->status, {}, response->headers, response->body};
    if (auto parsed = json::parse_object(response->body)) answer.body = *parsed;
    return answer;
  }
  Answer call(const std::string& method, const std::string& path, const std::string& token,
              const std::optional<Object>& body = std::nullopt) {
    net::ClientRequest request(method, "/api/v1" + path);
    if (body) request = net::ClientRequest(method, "/api/v1" + path, json::serialize(*body), "application/json");
    return send(*network_client_, std::move(request), token);
  }
  Answer call_locally(const std::string& method, const std::string& path,
                      const std::optional<Object>& body = std::nullopt) {
    net::ClientRequest request(method, "/api/v1" + path);
    if (body) request = net::ClientRequest(method, "/api/v1" + path, json::serialize(*body), "application/json");
    return send(*local_client_, std::move(request), "");
  }
  // The first administrator, signed in, with a password of her own.
  std::string administrator() {
    const Answer made = call_locally("POST", "/system/first-administrator");
    EXPECT_EQ(made.status, 200) << made.text;
    return sign_in_and_change(made.string("name"), made.string("password"));
  }
  std::string sign_in_and_change(const std::string& name, const std::string& password) {
    const Answer session = call("POST", "/session", "", Object{{"name", name}, {"password", password}});
    EXPECT_EQ(session.status, 200) << session.text;
    const std::string token = session.string("token");
    const Answer changed = call("PUT", "/session/password", token,
                                Object{{"old_password", password}, {"new_password", "a longer password of " + name}});
    EXPECT_EQ(changed.status, 204) << changed.text;
    return token;
  }

  TempDir dir_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  SystemClock clock_;
  SystemRandom random_;
  net::Runtime runtime_{2};
  std::unique_ptr<platform::Platform> platform_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> server_, local_;
  std::optional<net::HttpClient> network_client_, local_client_;
};

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

TEST_F(ApiTest, AContainerSocketComesAndGoesWithItsFolder) {
  const auto folder = dir_.path() / "sockets";
  std::atomic<::pid_t> asked = 0;
  auto sockets = ContainerSockets::start(
      runtime_, *api_, folder, [&](const std::string& container, ::pid_t pid) -> Result<platform::PeerFacts> {
        EXPECT_EQ(container, "mf-1");
        asked = pid;
        return Error(ErrorCode::kPermissionDenied, "refused", "not the first process");
      });
  ASSERT_TRUE(sockets) << sockets.error().message();
  for (int again = 0; again < 2; ++again) {
    std::filesystem::create_directory(folder / "mf-1");
    const auto client = net::HttpClient::create({.endpoint = net::UnixEndpoint{folder / "mf-1/platform.sock"}});
    const auto ask = [&](const std::string& path) {
      net::ClientRequest request("POST", path, "sealed", "application/vnd.mifeng.sealed");
      request.headers.add("Mifeng-Deployment", "dep-1");
      request.headers.add("Mifeng-Nonce", std::string(32, '0'));
      return client->send_now(std::move(request));
    };
    auto answer = ask("/v1/grants");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answer && std::chrono::steady_clock::now() < deadline) answer = ask("/v1/grants");
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 403) << answer->body;
    EXPECT_EQ(asked, ::getpid());
    EXPECT_EQ(ask("/v1/renewals")->status, 403);
    EXPECT_EQ(ask("/api/v1/models")->status, 404);
    // A late look at the folder may put its socket back while it is being removed.
    std::error_code error;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::filesystem::exists(folder / "mf-1") && std::chrono::steady_clock::now() < end)
      std::filesystem::remove_all(folder / "mf-1", error);
    ASSERT_FALSE(std::filesystem::exists(folder / "mf-1")) << error.message();
  }
}

}  // namespace
}  // namespace mifeng::rest
