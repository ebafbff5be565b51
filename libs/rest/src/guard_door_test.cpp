// The guards' door over real connections: what it takes, what it does not, and that a crowd there holds up nobody else.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "mifeng/json/value.h"
#include "mifeng/net/client.h"
#include "mifeng/net/server.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/rest/api.h"

namespace mifeng::rest {
namespace {

using namespace std::chrono_literals;
using platform_fixture::FakeEngine;
using platform_fixture::TestGuard;

constexpr char kSealed[] = "application/vnd.mifeng.sealed";

class GuardDoor : public platform_fixture::PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    options_.guard_url = "http://192.0.2.1:7083";
    add_kubernetes("ward");
    version_ = add_model("acme", "digits", "1.0.0");
    far_ = add_deployment("far", version_, 1, "ward");
    near_ = add_deployment("near", version_);
    ASSERT_TRUE(platform_->reconciler().run_once());
    api_ = std::make_unique<Api>(*platform_, ApiOptions{}, clock_);
    start(guard_door({"127.0.0.1", 0}));
    unit_ = net::HttpServer::start(runtime_, {.listen = net::UnixListen{folder_->path() / "unit.sock", 0600}},
                                   api_->unit_handler(FakeEngine::unit_name(near_, 0)))
                .value();
  }
  void TearDown() override {
    door_.reset();
    unit_.reset();
    api_.reset();
  }
  void start(net::ServerOptions options) {
    door_.reset();
    door_ = net::HttpServer::start(door_runtime_, std::move(options), api_->guard_handler()).value();
  }

  TestGuard guard_of(const std::string& deployment, FakeEngine& engine) {
    crypto::Sm3Digest digest{};
    const Bytes bytes = from_hex(platform_->models().get(admin_, version_)->payload_header_sm3).value();
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    TestGuard guard(deployment, FakeEngine::unit_name(deployment, 0), digest);
    guard.token = "a.token.z";
    guard.pod_uid = engine.containers.at(guard.unit).engine_id;
    engine.token_units[*guard.token] = guard.unit;
    return guard;
  }
  std::string tag() { return far_engine_.applied.at(far_).door.value().tag; }
  void print(const std::string& unit, ByteView stream) {
    far_engine_.printed[unit].insert(messages::request_line(stream).substr(sizeof "mifeng-request"));
  }
  net::ClientRequest request_of(const TestGuard& guard, ByteView body, const std::string& tag) {
    net::ClientRequest request("POST", "/v1/grants", std::string(as_text(body)), kSealed);
    request.headers.add("Mifeng-Deployment", guard.deployment);
    request.headers.add("Mifeng-Nonce", guard.nonce);
    if (!tag.empty()) request.headers.add("Mifeng-Door-Tag", tag);
    return request;
  }
  Result<net::ClientResponse> send(net::ClientRequest request) {
    net::ClientOptions options{.endpoint = net::TcpEndpoint{"127.0.0.1", door_->port()}};
    return net::HttpClient::create(std::move(options))->send_now(std::move(request));
  }
  // At the socket of the unit of this machine; its status.
  int ask_at_socket() {
    TestGuard guard = guard_of(near_, engine_);
    const Bytes body = guard.request(card(), tools());
    const auto client = net::HttpClient::create({.endpoint = net::UnixEndpoint{folder_->path() / "unit.sock"}});
    const auto answer = client->send_now(request_of(guard, body, ""));
    return answer ? answer->status : 0;
  }

  std::string version_, far_, near_;
  net::Runtime runtime_{2}, door_runtime_{1};
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> door_, unit_;
};

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return fd;
  ::close(fd);
  return -1;
}

TEST_F(GuardDoor, AGuardOfAnotherMachineGetsItsKeyThere) {
  TestGuard guard = guard_of(far_, far_engine_);
  const Bytes body = guard.request(card(), tools());
  print(guard.unit, body);
  const auto answer = send(request_of(guard, body, tag()));
  ASSERT_TRUE(answer) << answer.error().message();
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->headers.find("Connection")->compare("close"), 0);
  EXPECT_TRUE(
      messages::open_grant(as_bytes(answer->body), far_, guard.nonce, guard.receive_key, card().identity, tools()));
}

TEST_F(GuardDoor, WhateverElseComesIsToldTheSameAndNothingOfTheApiIsThere) {
  TestGuard guard = guard_of(far_, far_engine_);
  const Bytes body = guard.request(card(), tools());
  std::vector<net::ClientRequest> requests;
  requests.push_back(request_of(guard, body, ""));
  requests.push_back(request_of(guard, body, "ward." + std::string(64, 'f')));
  requests.push_back(request_of(guard, body, "ward." + std::string(64, 'f')));
  requests.back().target = "/v1/rehearsals";
  requests.push_back(request_of(guard, body, tag()));
  requests.back().headers.add("Mifeng-Door-Tag", tag());
  for (const char* target : {"/", "/api/v1/about", "/v1/grants/", "/v1/grants?x=1", "/v1/others"}) {
    requests.push_back(request_of(guard, body, tag()));
    requests.back().target = target;
  }
  requests.push_back(request_of(guard, body, tag()));
  requests.back().method = "PUT";
  std::set<std::string> told;
  for (auto& request : requests) {
    const auto answer = send(std::move(request));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 403);
    told.insert(answer->body);
  }
  EXPECT_EQ(told.size(), 1u);
  EXPECT_TRUE(far_engine_.tokens_shown.empty());
}

TEST_F(GuardDoor, AGuardWithoutAModelIsToldThatItIsThere) {
  net::ClientRequest request("POST", "/v1/rehearsals");
  request.headers.add("Mifeng-Deployment", far_);
  request.headers.add("Mifeng-Door-Tag", tag());
  const auto answer = send(std::move(request));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(answer->body, "");
}

TEST_F(GuardDoor, WhatIsTooLargeIsNotTakenIn) {
  TestGuard guard = guard_of(far_, far_engine_);
  guard.nonce = std::string(32, '0');
  const auto large = send(request_of(guard, Bytes(70'000, 7), tag()));
  EXPECT_TRUE(!large || large->status == 413);
  auto request = request_of(guard, Bytes(10, 7), tag());
  request.headers.add("X-Long", std::string(9'000, 'x'));
  const auto header = send(std::move(request));
  EXPECT_TRUE(!header || header->status == 431);
}

TEST_F(GuardDoor, SlowSendersAreCutOffAndTheNextIsServed) {
  auto options = guard_door({"127.0.0.1", 0});
  options.header_timeout = options.body_time_max = 300ms;
  start(options);
  const int silent = connect_to(door_->port()), slow = connect_to(door_->port());
  const std::string begun = "POST /v1/grants HTTP/1.1\r\nHost: h\r\nMifeng-Deployment: " + far_ +
                            "\r\nMifeng-Nonce: 0\r\nMifeng-Door-Tag: " + tag() + "\r\nContent-Length: 500\r\n\r\n";
  ASSERT_EQ(::send(slow, begun.data(), begun.size(), MSG_NOSIGNAL), static_cast<::ssize_t>(begun.size()));
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  bool ended = false;
  while (!ended && std::chrono::steady_clock::now() < deadline) {
    ended = ::send(slow, "x", 1, MSG_NOSIGNAL) < 0;
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(ended);
  char byte;
  EXPECT_EQ(::recv(silent, &byte, 1, 0), 0);
  ::close(silent);
  ::close(slow);
  TestGuard guard = guard_of(far_, far_engine_);
  const Bytes body = guard.request(card(), tools());
  print(guard.unit, body);
  EXPECT_EQ(send(request_of(guard, body, tag()))->status, 200);
}

TEST_F(GuardDoor, ACrowdThereHoldsUpNobody) {
  std::atomic<bool> enough = false;
  std::atomic<int> crowded = 0;
  TestGuard stranger = guard_of(far_, far_engine_);
  stranger.nonce = std::string(32, '0');
  std::vector<std::thread> crowd;
  // Connections that say nothing, requests without a tag, and what has the right tag and is garbage.
  crowd.emplace_back([&] {
    std::vector<int> held;
    while (!enough) {
      held.push_back(connect_to(door_->port()));
      if (held.size() > 300) {
        ::close(held.front());
        held.erase(held.begin());
      }
    }
    for (const int fd : held) ::close(fd);
  });
  for (const std::string& shown : {std::string(), tag()})
    crowd.emplace_back([&, shown] {
      while (!enough) {
        (void)send(request_of(stranger, Bytes(40'000, 7), shown));
        ++crowded;
      }
    });
  while (crowded < 20) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask_at_socket(), 200);
  enough = true;
  for (auto& thread : crowd) thread.join();
}

}  // namespace
}  // namespace mifeng::rest
