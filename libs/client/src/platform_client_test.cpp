#include "mifeng/client/platform_client.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "mifeng/client/answer.h"
#include "mifeng/net/server.h"
#include "mifeng/os/file.h"

namespace mifeng::client {
namespace {

using namespace std::chrono_literals;

struct Asked {
  std::string line, content_type, authorization, body;
};

// A server that answers what the test says, and keeps what it was asked.
class PlatformClientTest : public testing::Test {
 protected:
  void serve() {
    net::ServerOptions options;
    options.listen = net::UnixListen{socket_};
    server_ = net::HttpServer::start(runtime_, options, [this](net::Request request) {
                return answer(std::move(request));
              }).value();
  }
  net::asio::awaitable<net::Response> answer(net::Request request) {
    const auto header = [&](const char* name) {
      const std::string* value = request.headers.find(name);
      return value == nullptr ? std::string() : *value;
    };
    Asked asked{request.method + " " + request.target, header("Content-Type"), header("Authorization"), {}};
    auto body = co_await net::read_body(*request.body, 1 << 20);
    if (body) asked.body = *body;
    last_ = asked;
    ++count_;
    if (silent_) co_await net::sleep_for(1min);
    if (count_ <= busy_) co_return net::Response(503, R"({"code":"unavailable","reason":"busy","message":"Busy."})");
    co_return net::Response(status_, body_, "application/json");
  }
  PlatformClient client(const Patience& patience = {}) {
    return PlatformClient::create({.platform = "unix:" + socket_.string(), .ca_file = {}, .pin = {}, .token = token_},
                                  patience)
        .value();
  }

  StopSignal stop_ = StopSignal::create().value();  // before there is a thread
  TempDir folder_ = TempDir::create("/tmp").value();
  std::filesystem::path socket_ = folder_.path() / "s";
  std::string token_;
  int status_ = 200;
  std::string body_ = "{}";
  int busy_ = 0;  // how many requests are answered with 503 first
  bool silent_ = false;
  std::atomic<int> count_ = 0;
  Asked last_;
  net::Runtime runtime_{1};
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(PlatformClientTest, AsksBelowTheApiWithItsToken) {
  serve();
  body_ = R"({"id":"m-1"})";
  EXPECT_EQ(text_of(*client().get("/models/m-1"), "id"), "m-1");
  EXPECT_EQ(last_.line, "GET /api/v1/models/m-1");
  EXPECT_EQ(last_.authorization, "");
  token_ = "secret";
  EXPECT_TRUE(client().send("POST", "/models", json::Object{{"a", 1}}));
  EXPECT_EQ(last_.line, "POST /api/v1/models");
  EXPECT_EQ(last_.authorization, "Bearer secret");
  EXPECT_EQ(last_.content_type, "application/json");
  EXPECT_EQ(last_.body, R"({"a":1})");
  EXPECT_TRUE(client().send("DELETE", "/models/m-1"));
  EXPECT_EQ(last_.body, "");
  EXPECT_TRUE(client().send_bytes("PATCH", "/uploads/u", "bytes"));
  EXPECT_EQ(last_.content_type, "application/octet-stream");
  EXPECT_EQ(last_.body, "bytes");
  ASSERT_TRUE(write_file_atomic(folder_.path() / "p", as_bytes("package")));
  EXPECT_TRUE(client().send_package("/packages", folder_.path() / "p"));
  EXPECT_EQ(last_.content_type, "application/vnd.mifeng.package");
  EXPECT_EQ(last_.body, "package");
}

TEST_F(PlatformClientTest, GivesBodiesAsTheyAre) {
  serve();
  body_ = "no json";
  EXPECT_EQ(*client().get_text("/x"), "no json");
  EXPECT_FALSE(client().get("/x"));
  std::string followed;
  EXPECT_TRUE(client().stream("/x", Streaming::kFollowed, [&](ByteView piece) -> Result<void> {
    followed += as_text(piece);
    return ok();
  }));
  EXPECT_EQ(followed, "no json");
  body_ = "";
  EXPECT_TRUE(client().get("/x")->is_null());
}

TEST_F(PlatformClientTest, ErrorsComeAsThePlatformGaveThem) {
  serve();
  const auto failed = [&](int status, std::string body) {
    status_ = status;
    body_ = std::move(body);
    const auto got = client().get("/x").error();
    const auto followed = client().stream("/x", Streaming::kFollowed, [](ByteView) { return ok(); }).error();
    EXPECT_EQ(got.reason(), followed.reason());
    EXPECT_EQ(got.message(), followed.message());
    return got;
  };
  const Error known = failed(409, R"({"code":"conflict","reason":"name-taken","message":"It is taken."})");
  EXPECT_EQ(known.code(), ErrorCode::kConflict);
  EXPECT_EQ(known.reason(), "name-taken");
  EXPECT_EQ(known.message(), "It is taken.");
  EXPECT_EQ(failed(418, R"({"code":"of-another-time","reason":"r","message":"m"})").code(), ErrorCode::kInternal);
  for (const char* none : {"", "<html>", "[]", "{}", R"({"reason":"r"})"}) {
    const Error unknown = failed(404, none);
    EXPECT_EQ(unknown.code(), ErrorCode::kUnavailable) << none;
    EXPECT_EQ(unknown.reason(), "bad-answer") << none;
  }
}

TEST_F(PlatformClientTest, APlatformThatIsAwayIsAskedAgainOnlyWithPatience) {
  serve();
  busy_ = 1;
  EXPECT_EQ(client().get("/x").error().reason(), "busy");
  EXPECT_EQ(count_, 1);
  count_ = 0;
  busy_ = 2;
  EXPECT_TRUE(client({.absence = 1min}).get("/x"));
  EXPECT_EQ(count_, 3);
}

TEST_F(PlatformClientTest, APlatformThatStartsMeanwhileIsReached) {
  EXPECT_EQ(client().get("/x").error().code(), ErrorCode::kUnavailable);
  std::thread later([this] {
    std::this_thread::sleep_for(300ms);
    serve();
  });
  EXPECT_TRUE(client({.absence = 1min}).get("/x"));
  later.join();
}

TEST_F(PlatformClientTest, WhoWaitsIsToldSoAndWhomHeWaitedFor) {
  serve();
  silent_ = true;
  auto waiting = client({.silence = 3500ms});
  std::vector<std::int64_t> told;  // by one thread at a time
  waiting.tell_waiting([&](std::chrono::seconds passed) { told.push_back(passed.count()); });
  const auto error = waiting.get("/x").error();
  EXPECT_EQ(error.reason(), "no-answer");
  EXPECT_EQ(error.message(),
            "the platform at unix:" + socket_.string() +
                " takes connections and has said nothing for 3 s; see its log, or wait longer (--timeout)");
  ASSERT_GE(told.size(), 2U);
  EXPECT_EQ(told.front(), 2);
  EXPECT_EQ(told.back(), 0) << "once it is over";
  silent_ = false;
  told.clear();
  EXPECT_TRUE(waiting.get("/x"));
  EXPECT_TRUE(told.empty()) << "of what is answered at once nothing is said";
}

TEST_F(PlatformClientTest, APlatformThatIsAwayIsNamed) {
  const auto error = client().get("/x").error();
  EXPECT_EQ(error.reason(), "cannot-connect");
  EXPECT_EQ(error.message(), "nobody answers for the platform at unix:" + socket_.string() +
                                 "; see that it runs (`mifeng up`, mifengd) and that this is its address");
}

TEST_F(PlatformClientTest, ASignalEndsAllWaiting) {
  serve();
  silent_ = true;
  auto waiting = client({.absence = 1min});
  waiting.stop_by(stop_);
  std::thread later([this] {
    while (count_ == 0) std::this_thread::sleep_for(1ms);
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(waiting.get("/x").error().reason(), "interrupted");
  later.join();
  EXPECT_TRUE(stop_.requested());
  EXPECT_EQ(waiting.get("/x").error().reason(), "interrupted") << "and from then on";
  EXPECT_EQ(count_, 1);
}

TEST(Answer, SaysWhatIsMissing) {
  const json::Value answer = json::parse(R"({"text":"t","number":3,"null":null,"list":[1]})").value();
  EXPECT_EQ(text_of(answer, "text"), "t");
  EXPECT_EQ(text_of(answer, "number"), "3");
  EXPECT_EQ(text_of(answer, "null"), "");
  EXPECT_EQ(text_of(answer, "missing"), "");
  EXPECT_EQ(text_of(json::Value(), "text"), "");
  EXPECT_EQ(*required_text(answer, "text"), "t");
  EXPECT_EQ(required_text(answer, "number").error().reason(), "bad-answer");
  EXPECT_EQ(required_text(json::Value(), "text").error().reason(), "bad-answer");
  EXPECT_TRUE(required_object(json::Object{{"inner", answer}}, "inner"));
  EXPECT_EQ(required_object(answer, "list").error().reason(), "bad-answer");
  EXPECT_EQ(list_of(answer, "list").size(), 1u);
  EXPECT_TRUE(list_of(answer, "text").empty());
}

}  // namespace
}  // namespace mifeng::client
