#include "api_server.h"

#include <gmock/gmock.h>

#include <deque>

#include "mifeng/net/server.h"
#include "mifeng/os/file.h"

namespace mifeng::kubernetes {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A server that answers what a test has prepared, in this order.
class ApiServerTest : public ::testing::Test {
 protected:
  ApiServerTest() {
    auto certificate = net::self_made_certificate(dir_.path(), {"127.0.0.1"}, clock_);
    EXPECT_TRUE(certificate);
    auto server = net::HttpServer::start(runtime_, {.tls = *certificate},
                                         [this](net::Request request) { return answer(std::move(request)); });
    EXPECT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    login_.server = "https://127.0.0.1:" + std::to_string(server_->port());
    login_.ca_pem = *read_text_file(certificate->certificate, 1 << 20);
    login_.token = SecretBytes(as_bytes("the-token"));
  }
  ~ApiServerTest() override { server_->stop(0ms); }

  std::unique_ptr<ApiServer> api() {
    auto login = read_login(serialize(login_).reveal_for_copying());
    EXPECT_TRUE(login);
    auto made = ApiServer::create(std::move(*login));
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  void prepare(int status, const std::string& body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::Response response(status, body, "application/json");
    for (auto& [name, value] : headers) response.headers.set(name, value);
    prepared_.push_back(std::move(response));
  }
  Result<Answer> get(const std::string& target = "/version") {
    const auto server = api();
    return net::run_to_result<Answer>([&] { return server->call("GET", target); });
  }

  boost::asio::awaitable<net::Response> answer(net::Request request) {
    const std::lock_guard guard(mutex_);
    asked_.push_back(request.method + " " + request.target);
    if (const std::string* value = request.headers.find("Authorization")) authorization_ = *value;
    if (const std::string* value = request.headers.find("Content-Type")) content_type_ = *value;
    if (prepared_.empty()) co_return net::Response(500, "nothing is prepared");
    net::Response response = std::move(prepared_.front());
    prepared_.pop_front();
    co_return response;
  }

  SystemClock clock_;
  TempDir dir_ = *TempDir::create("/tmp", "mf-");
  net::Runtime runtime_{1};
  std::unique_ptr<net::HttpServer> server_;
  Login login_;
  std::mutex mutex_;
  std::deque<net::Response> prepared_;
  std::vector<std::string> asked_;
  std::string authorization_, content_type_;
};

TEST_F(ApiServerTest, SpeaksAsWhoWeAreAndReadsTheAnswer) {
  prepare(200, R"({"gitVersion":"v1.33.13"})");
  const auto answered = get();
  ASSERT_TRUE(answered) << answered.error().message();
  EXPECT_TRUE(answered->success());
  EXPECT_NE(answered->object()->find("gitVersion"), nullptr);
  EXPECT_EQ(authorization_, "Bearer the-token");
}

TEST_F(ApiServerTest, AppliesOneObjectWithItsFieldsKnown) {
  prepare(201, "{}");
  prepare(200, "{}");
  const auto server = api();
  for (const bool force : {false, true})
    EXPECT_TRUE(net::run_to_result<Answer>([&] { return server->apply("/x", "me", json::Object{{"a", 1}}, force); }));
  EXPECT_THAT(asked_, ElementsAre("PATCH /x?fieldManager=me&fieldValidation=Strict",
                                  "PATCH /x?fieldManager=me&fieldValidation=Strict&force=true"));
  EXPECT_EQ(content_type_, "application/apply-patch+yaml");
}

TEST_F(ApiServerTest, ARefusalIsToldInTheServersWords) {
  prepare(422, R"({"kind":"Status","message":"it is invalid","reason":"Invalid","details":{"causes":[
      {"reason":"FieldValueInvalid","field":"spec.ports[0].nodePort","message":"provided port is already allocated"}]}})");
  const auto refused = get();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 422);
  EXPECT_EQ(refused->message, "it is invalid");
  EXPECT_EQ(refused->reason, "Invalid");
  EXPECT_THAT(refused->causes,
              ElementsAre("FieldValueInvalid spec.ports[0].nodePort: provided port is already allocated"));
}

TEST_F(ApiServerTest, OneThatIsTooBusyIsAskedAgainWhenItSays) {
  prepare(429, R"({"message":"too many requests"})", {{"Retry-After", "1"}});
  prepare(503, "the server is starting");
  prepare(200, "{}");
  const auto began = Steady::now();
  const auto answered = get();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->status, 200);
  EXPECT_GE(Steady::now() - began, 1s);
  EXPECT_EQ(asked_.size(), 3U);
}

TEST_F(ApiServerTest, OneThatStaysTooBusyIsGivenUp) {
  for (int i = 0; i < 5; ++i) prepare(429, R"({"message":"too many requests"})");
  const auto answered = get();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->status, 429);
  EXPECT_EQ(error_of(*answered, "x").reason(), "api-unavailable");
  EXPECT_EQ(asked_.size(), 4U);
}

TEST_F(ApiServerTest, AnErrorOfItsOwnIsNotRepeated) {
  prepare(500, R"({"message":"etcdserver: request timed out"})");
  const auto answered = get();
  ASSERT_TRUE(answered);
  EXPECT_EQ(error_of(*answered, "list pods").message(), "list pods: etcdserver: request timed out");
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(ApiServerTest, WhatIsNotJsonIsAnErrorOrAProxysWords) {
  prepare(200, "<html>");
  const auto bad = get();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason(), "bad-api-answer");
  prepare(502, "<html>Bad Gateway");
  const auto proxy = get();
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->message, "<html>Bad Gateway");
  prepare(504, "");
  EXPECT_EQ(get()->message, "status 504");
}

TEST_F(ApiServerTest, AStreamIsReadPieceByPieceAndARefusalOfItIsAnError) {
  net::Response stream(200);
  stream.body = net::BodyWriter([](net::BodySink& sink) -> net::Task<void> {
    for (const char* piece : {"one\ntw", "o\n"}) {
      auto written = co_await sink.write_text(piece);
      if (!written) co_return written.error();
    }
    co_return ok();
  });
  prepared_.push_back(std::move(stream));
  const auto server = api();
  std::vector<std::string> lines;
  const auto read = net::run_to_result<void>([&]() -> net::Task<void> {
    auto opened = co_await server->open("/watch", 5s);
    if (!opened) co_return opened.error();
    LineReader reader(100);
    for (;;) {
      auto piece = co_await (*opened)->read();
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return ok();
      (void)reader.feed(*piece, lines);
    }
  });
  EXPECT_TRUE(read) << read.error().message();
  EXPECT_THAT(lines, ElementsAre("one", "two"));
  prepare(410, R"({"message":"too old resource version"})");
  const auto expired = net::run_to_result<void>([&]() -> net::Task<void> {
    auto opened = co_await server->open("/watch", 5s);
    co_return opened ? ok() : Result<void>(opened.error());
  });
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().reason(), "expired");
}

TEST_F(ApiServerTest, AnotherAuthorityAndNobodyAtAllAreToldApart) {
  const auto other_dir = TempDir::create("/tmp", "mf-");
  ASSERT_TRUE(other_dir);
  const auto other = net::self_made_certificate(other_dir->path(), {"127.0.0.1"}, clock_);
  ASSERT_TRUE(other);
  login_.ca_pem = *read_text_file(other->certificate, 1 << 20);
  const auto untrusted = get();
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().reason(), "bad-tls-certificate");
  EXPECT_THAT(asked_, IsEmpty());
  server_->stop(0ms);
  const auto nobody = get();
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().reason(), "api-unavailable");
}

TEST(LineReader, LinesAreTheSameHoweverTheyArrive) {
  const std::string text = "one\n\ntwo and more\nrest";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineReader reader(100);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += size)
      ASSERT_TRUE(reader.feed(std::string_view(text).substr(at, size), lines));
    EXPECT_THAT(lines, ElementsAre("one", "", "two and more"));
    EXPECT_EQ(reader.rest(), "rest");
    EXPECT_EQ(reader.rest(), "");
  }
}

TEST(LineReader, ALineThatDoesNotEndIsNotKept) {
  LineReader reader(8);
  std::vector<std::string> lines;
  EXPECT_TRUE(reader.feed("12345678", lines));
  EXPECT_FALSE(reader.feed("9", lines));
  EXPECT_THAT(lines, IsEmpty());
  EXPECT_EQ(reader.rest(), "123456789");
  EXPECT_TRUE(reader.feed("a line that ends may be longer\n", lines));
  EXPECT_THAT(lines, ElementsAre("a line that ends may be longer"));
}

Error error_for(int status, const std::string& message) {
  Answer answer;
  answer.status = status;
  answer.message = message;
  return error_of(answer, "set mf-test");
}

TEST(RefusalOfAnApiServer, HasACodeAndTheServersWords) {
  EXPECT_EQ(error_for(404, "x").code(), ErrorCode::kNotFound);
  EXPECT_EQ(error_for(401, "Unauthorized").reason(), "forbidden");
  EXPECT_EQ(error_for(403, "pods is forbidden").reason(), "forbidden");
  EXPECT_EQ(error_for(403, "exceeded quota: few").reason(), "quota");
  EXPECT_EQ(error_for(409, "x").code(), ErrorCode::kConflict);
  EXPECT_EQ(error_for(410, "x").reason(), "expired");
  EXPECT_EQ(error_for(422, "x").reason(), "cluster-refused");
  for (const int busy : {429, 500, 502, 503, 504}) {
    EXPECT_EQ(error_for(busy, "x").code(), ErrorCode::kUnavailable);
    EXPECT_EQ(error_for(busy, "x").reason(), "api-unavailable");
  }
  EXPECT_EQ(error_for(422, "spec is wrong").message(), "set mf-test: spec is wrong");
}

}  // namespace
}  // namespace mifeng::kubernetes
