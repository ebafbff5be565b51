// ETag and If-Match: what somebody else changed meanwhile is not overwritten by whoever says what he has seen.
#include "api_fixture.h"

namespace mifeng::rest {
namespace {

class Versions : public ApiTest {
 protected:
  void SetUp() override {
    admin_ = administrator();
    EXPECT_EQ(call("POST", "/vendors", admin_, vendor("Acme")).status, 201);
  }
  static Object vendor(const std::string& name) { return {{"id", "acme"}, {"name", name}}; }
  static Object changed(const std::string& name) { return {{"name", name}}; }

  Answer match(const std::string& method, const std::string& path, const std::vector<std::string>& seen,
               const std::optional<Object>& body = std::nullopt) {
    net::ClientRequest request(method, "/api/v1" + path);
    if (body) request = net::ClientRequest(method, "/api/v1" + path, json::serialize(*body), "application/json");
    for (const std::string& field : seen) request.headers.add("If-Match", field);
    return send(*network_client_, std::move(request), admin_);
  }
  std::string etag(const std::string& path) {
    const Answer answer = call("GET", path, admin_);
    EXPECT_EQ(answer.status, 200) << answer.text;
    const std::string* field = answer.headers.find("ETag");
    EXPECT_NE(field, nullptr);
    if (field == nullptr) return "";
    if (answer.body.find("etag") != nullptr) {
      EXPECT_EQ(*field, "\"" + answer.string("etag") + "\"");
    }
    return *field;
  }

  std::string admin_;
};

TEST_F(Versions, WhatWasSeenIsChangedAndWhatWasNotIsTold) {
  const std::string first = etag("/vendors/acme");
  EXPECT_EQ(etag("/vendors/acme"), first) << "looking changes nothing";
  const Answer done = match("PUT", "/vendors/acme", {first}, changed("Acme 2"));
  ASSERT_EQ(done.status, 200) << done.text;
  const std::string second = *done.headers.find("ETag");
  EXPECT_NE(second, first);
  EXPECT_EQ(etag("/vendors/acme"), second);

  const Answer refused = match("PUT", "/vendors/acme", {first}, changed("Acme 3"));
  ASSERT_EQ(refused.status, 412) << refused.text;
  EXPECT_EQ(refused.string("code"), "conflict");
  EXPECT_EQ(refused.string("reason"), "changed-meanwhile");
  EXPECT_EQ(*refused.headers.find("ETag"), second);
  const Object* current = refused.body.find("current")->if_object();
  ASSERT_NE(current, nullptr) << refused.text;
  EXPECT_EQ(*current->find("name")->if_string(), "Acme 2");
  EXPECT_EQ("\"" + *current->find("etag")->if_string() + "\"", second);
  EXPECT_EQ(*refused.body.find("sent")->if_object()->find("name")->if_string(), "Acme 3");
  EXPECT_EQ(call("GET", "/vendors/acme", admin_).string("name"), "Acme 2") << "and nothing was done";

  EXPECT_EQ(match("PUT", "/vendors/acme", {"\"0\", " + second}, changed("Acme 3")).status, 200);
  EXPECT_EQ(match("PUT", "/vendors/acme", {"*"}, changed("Acme 4")).status, 200);
  EXPECT_EQ(match("PUT", "/vendors/acme", {"W/" + etag("/vendors/acme")}, changed("Acme 5")).status, 412);
  EXPECT_EQ(call("PUT", "/vendors/acme", admin_, changed("Acme")).status, 200) << "without it, as ever";
  EXPECT_EQ(etag("/vendors/acme"), first) << "changed back, it is what it was";
}

TEST_F(Versions, AFieldThatIsNoneIsRefusedAndDoesNothing) {
  for (const std::string& wrong : {std::string(), std::string("abc"), std::string("\"a\" \"b\""),
                                   "\"" + std::string(2000, 'a') + "\"", std::string("\"a\",")}) {
    const Answer refused = match("PUT", "/vendors/acme", {wrong}, changed("other"));
    EXPECT_EQ(refused.string("reason"), "bad-if-match") << wrong;
    EXPECT_EQ(refused.status, 400);
  }
  EXPECT_EQ(match("PUT", "/vendors/acme", {"\"a\"", "\"b\""}, changed("other")).string("reason"), "bad-if-match");
  EXPECT_EQ(call("GET", "/vendors/acme", admin_).string("name"), "Acme");
  // What has no version does not act as if it had.
  EXPECT_EQ(match("POST", "/vendors", {"*"}, Object{{"id", "bolt"}, {"name", "Bolt"}}).string("reason"), "no-if-match");
  EXPECT_EQ(call("GET", "/vendors/bolt", admin_).status, 404);
  EXPECT_EQ(match("GET", "/vendors/acme", {"\"a\""}).status, 200) << "nothing is changed by looking";
  EXPECT_EQ(match("PUT", "/vendors/none", {"\"a\""}, changed("x")).status, 404);
}

TEST_F(Versions, PortsOfAClusterHaveOneEach) {
  const auto range = [](int first, int last) {
    return Object{{"ranges", json::Array{Object{{"first", first}, {"last", last}}}}};
  };
  const std::string ranges = etag("/ports/ranges"), reserved = etag("/ports/reserved");
  EXPECT_NE(ranges, reserved);
  ASSERT_EQ(match("PUT", "/ports/ranges?cluster=local", {ranges}, range(31000, 31099)).status, 200);
  const Answer refused = match("PUT", "/ports/ranges", {ranges}, range(32000, 32099));
  ASSERT_EQ(refused.status, 412) << refused.text;
  EXPECT_EQ(*refused.headers.find("ETag"), etag("/ports/ranges"));
  const json::Value* now = refused.body.find("current")->if_object()->find("ranges");
  EXPECT_EQ(json::serialize(*now), R"([{"first":31000,"last":31099}])");
  EXPECT_EQ(etag("/ports/reserved"), reserved) << "the other list is as it was";
  const Object keep{{"reserved", json::Array{Object{{"port", 31001}, {"reason", "printer"}}}}};
  ASSERT_EQ(match("PUT", "/ports/reserved", {reserved}, keep).status, 200);
  EXPECT_EQ(match("PUT", "/ports/reserved", {reserved}, Object{{"reserved", json::Array{}}}).status, 412);
  EXPECT_EQ(match("PUT", "/ports/reserved", {etag("/ports/reserved")}, Object{{"reserved", json::Array{}}}).status,
            200);
}

TEST_F(Versions, ARefusalSaysNoPasswordBack) {
  const Object wanted{{"name", "here"}, {"node_addresses", json::Array{"192.0.2.1"}}};
  Object with_login = wanted;
  with_login.set("pull_user", "puller");
  with_login.set("pull_password", "never said back");
  const Answer refused = match("PUT", "/clusters/local", {"\"0\""}, with_login);
  ASSERT_EQ(refused.status, 412) << refused.text;
  EXPECT_EQ(refused.text.find("never said back"), std::string::npos);
  EXPECT_EQ(*refused.body.find("sent")->if_object()->find("pull_user")->if_string(), "puller");
  EXPECT_EQ(match("PUT", "/clusters/local", {etag("/clusters/local")}, wanted).status, 200);
}

TEST_F(Versions, ACallersKeyIsRenewedByOneOfTwo) {
  const Answer made = call("POST", "/callers", admin_, Object{{"name", "ward"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string path = "/callers/" + *made.body.find("caller")->if_object()->find("id")->if_string();
  const std::string seen = etag(path);
  EXPECT_EQ(match("POST", path + "/key", {seen}).status, 200);
  const Answer refused = match("POST", path + "/key", {seen});
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(refused.body.find("sent"), nullptr);
  EXPECT_EQ(match("PUT", path + "/enabled", {seen}, Object{{"enabled", false}}).status, 412);
  EXPECT_EQ(match("DELETE", path, {seen}).status, 412);
  EXPECT_EQ(match("DELETE", path, {etag(path)}).status, 204);
}

}  // namespace
}  // namespace mifeng::rest
