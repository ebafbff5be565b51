// The stream of events over real sockets.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "api_fixture.h"
#include "mifeng/os/file.h"
#include "stream_seats.h"

namespace mifeng::rest {
namespace {

using namespace std::chrono_literals;

// One that follows; the connection ends with it.
class Follower {
 public:
  Follower(std::uint16_t port, const std::string& token, const std::string& fields = "") {
    socket_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const std::string request =
        "GET /api/v1/events HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer " + token + "\r\n" + fields + "\r\n";
    EXPECT_EQ(::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<::ssize_t>(request.size()));
  }

  // Whether `part` comes within `patience`.
  bool hears(const std::string& part, std::chrono::milliseconds patience = 30s) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (heard_.find(part) == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd input{socket_.get(), POLLIN, 0};
      if (left <= 0ms || ::poll(&input, 1, static_cast<int>(left.count())) <= 0) return false;
      char piece[4096];
      const ::ssize_t count = ::recv(socket_.get(), piece, sizeof piece, 0);
      if (count <= 0) return false;
      heard_.append(piece, static_cast<std::size_t>(count));
    }
    return true;
  }
  // Whether the answer is whole: its last chunk has come.
  bool ends() { return hears("\r\n0\r\n\r\n"); }
  // Of the last that came with one.
  std::string last_id() const {
    const std::size_t at = heard_.rfind("id: ");
    return at == std::string::npos ? "" : heard_.substr(at + 4, heard_.find('\n', at) - at - 4);
  }
  const std::string& heard() const { return heard_; }
  void forget() { heard_.clear(); }

 private:
  UniqueFd socket_;
  std::string heard_;
};

class EventsTest : public ApiTest {
 protected:
  Follower follow(const std::string& token, const std::string& fields = "") {
    return Follower(server_->port(), token, fields);
  }
  void add_vendor(const std::string& admin, const std::string& id) {
    ASSERT_EQ(call("POST", "/vendors", admin, Object{{"id", id}, {"name", "Maker " + id}}).status, 201);
  }
  std::string add_person(const std::string& admin, const std::string& name, const std::string& role) {
    const Answer made = call("POST", "/people", admin, Object{{"name", name}, {"roles", json::Array{role}}});
    EXPECT_EQ(made.status, 201) << made.text;
    return sign_in_and_change(name, made.string("password"));
  }
};

TEST_F(EventsTest, SaysAtOnceToAskForEverythingAndThenWhatChanges) {
  const std::string admin = administrator();
  Follower follower = follow(admin);
  ASSERT_TRUE(follower.hears("event: reset\n"));
  EXPECT_NE(follower.heard().find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(follower.heard().find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_NE(follower.heard().find("retry: 3000\n"), std::string::npos);
  add_vendor(admin, "acme");
  ASSERT_TRUE(follower.hears("\"kind\":\"vendors\",\"id\":\"acme\""));
  EXPECT_TRUE(follower.hears("\"kind\":\"audit\",\"id\":\"\""));
  EXPECT_EQ(follower.heard().find("Maker"), std::string::npos) << "what it is now, the API says";
}

TEST_F(EventsTest, GoesOnWhereItWasCutOff) {
  const std::string admin = administrator();
  std::string last;
  {
    Follower follower = follow(admin);
    ASSERT_TRUE(follower.hears("event: reset\n"));
    add_vendor(admin, "acme");
    ASSERT_TRUE(follower.hears("\"id\":\"acme\""));
    ASSERT_TRUE(follower.hears("\"kind\":\"audit\""));
    last = follower.last_id();
  }
  add_vendor(admin, "zenith");
  Follower again = follow(admin, "Last-Event-ID: " + last + "\r\n");
  ASSERT_TRUE(again.hears("\"id\":\"zenith\""));
  EXPECT_EQ(again.heard().find("acme"), std::string::npos) << again.heard();
  EXPECT_EQ(again.heard().find("event: reset"), std::string::npos);
  // One that nobody gave out, is malformed, or stands twice.
  last[10] = last[10] == '0' ? '1' : '0';
  for (const std::string& wrong : {last, std::string("1"), std::string(), std::string(5000, 'a'), std::string("%00")}) {
    Follower forger = follow(admin, "Last-Event-ID: " + wrong + "\r\n");
    EXPECT_TRUE(forger.hears("event: reset\n")) << wrong;
  }
  Follower twice = follow(admin, "Last-Event-ID: " + last + "\r\nLast-Event-ID: " + last + "\r\n");
  EXPECT_TRUE(twice.hears("event: reset\n"));
}

TEST_F(EventsTest, APlaceThatLiesTooFarBackIsAnsweredWithReset) {
  const std::string admin = administrator();
  const std::string last = platform_->events().seal(platform_->events().now());
  for (std::size_t i = 0; i < events::FeedOptions().remembered; ++i)
    platform_->events().note(events::Kind::kUploads, std::to_string(i), "somebody else");
  EXPECT_FALSE(follow(admin, "Last-Event-ID: " + last + "\r\n").hears("event: reset\n", 1s));
  platform_->events().note(events::Kind::kUploads, "one more", "somebody else");
  EXPECT_TRUE(follow(admin, "Last-Event-ID: " + last + "\r\n").hears("event: reset\n"));
}

TEST_F(EventsTest, ManyChangesAtOnceAreOneReset) {
  const std::string admin = administrator();
  Follower follower = follow(admin);
  ASSERT_TRUE(follower.hears("event: reset\n"));
  follower.forget();
  for (int i = 0; i < 1000; ++i) platform_->events().note(events::Kind::kCallers, "ca-" + std::to_string(i));
  ASSERT_TRUE(follower.hears("event: reset\n"));
  EXPECT_EQ(follower.heard().find("event: change"), std::string::npos);
}

TEST_F(EventsTest, EndsWithTheSession) {
  const std::string admin = administrator();
  const std::string token = add_person(admin, "wang", "operator");
  const Answer other =
      call("POST", "/session", "", Object{{"name", "wang"}, {"password", "a longer password of wang"}});
  ASSERT_EQ(other.status, 200);
  Follower mine = follow(token), others = follow(other.string("token"));
  ASSERT_TRUE(mine.hears("event: reset\n") && others.hears("event: reset\n"));
  EXPECT_EQ(call("DELETE", "/session", other.string("token")).status, 204);
  EXPECT_TRUE(others.hears("event: end\ndata: {\"reason\":\"bad-token\"") && others.ends());
  // The other of hers goes on; a password that is changed elsewhere ends it.
  add_vendor(admin, "acme");
  EXPECT_TRUE(mine.hears("\"id\":\"acme\""));
  const Answer third =
      call("POST", "/session", "", Object{{"name", "wang"}, {"password", "a longer password of wang"}});
  EXPECT_EQ(call("PUT", "/session/password", third.string("token"),
                 Object{{"old_password", "a longer password of wang"}, {"new_password", "another one, just as long"}})
                .status,
            204);
  EXPECT_TRUE(mine.hears("event: end\n") && mine.ends());
}

TEST_F(EventsTest, EndsWithThePersonAndChangesWithTheRoles) {
  const std::string admin = administrator();
  const std::string token = add_person(admin, "wang", "operator");
  const std::string id = call("GET", "/session", token).string("id");
  Follower follower = follow(token);
  ASSERT_TRUE(follower.hears("event: reset\n"));
  follower.forget();
  const auto set = [&](const std::string& role, bool enabled) {
    return call("PUT", "/people/" + id, admin,
                Object{{"name", "wang"}, {"display_name", "Wang"}, {"roles", json::Array{role}}, {"enabled", enabled}});
  };
  const Answer changed = set("caller", true);
  ASSERT_EQ(changed.status, 200) << changed.text;
  ASSERT_TRUE(follower.hears("event: reset\n")) << "she may see other things now";
  follower.forget();
  add_vendor(admin, "acme");
  EXPECT_FALSE(follower.hears("acme", 1s));
  ASSERT_EQ(set("caller", false).status, 200);
  EXPECT_TRUE(follower.hears("event: end\n") && follower.ends());
}

TEST_F(EventsTest, TheServerStopsWithStreamsOpen) {
  const std::string admin = administrator();
  Follower follower = follow(admin);
  ASSERT_TRUE(follower.hears("event: reset\n"));
  const auto started = std::chrono::steady_clock::now();
  server_->stop(60s);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 30s);
  EXPECT_FALSE(follower.ends()) << "it was cut off, and is not whole";
}

TEST_F(EventsTest, OnePersonHasSoManyStreamsAndNoMore) {
  const std::string admin = administrator();
  std::vector<Follower> followers;
  for (std::size_t i = 0; i < SeatLimits().of_one_person; ++i) followers.push_back(follow(admin));
  for (auto& follower : followers) ASSERT_TRUE(follower.hears("event: reset\n"));
  const Answer refused = call("GET", "/events", admin);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.string("reason"), "too-many-streams");
  followers.pop_back();
  // The server learns of it by itself.
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < deadline) {
    Follower next = follow(admin);
    if (next.hears("event: reset\n", 1s)) return;
  }
  FAIL() << "a stream that has ended still counts";
}

TEST(StreamSeats, AreBoundedForOnePersonAndInAll) {
  StreamSeats seats({.of_one_person = 2, .all = 3});
  auto first = seats.take("a"), second = seats.take("a");
  ASSERT_TRUE(first && second);
  const auto third = seats.take("a");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().reason(), "too-many-streams");
  auto other = seats.take("b");
  ASSERT_TRUE(other);
  EXPECT_FALSE(seats.take("c"));
  first->reset();
  EXPECT_TRUE(seats.take("c"));
  EXPECT_TRUE(seats.take("a"));
}

}  // namespace
}  // namespace mifeng::rest
