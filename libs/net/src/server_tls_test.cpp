// TLS, with a certificate that the server made itself.
#include <sys/stat.h>

#include "server_fixture.h"

namespace mifeng::net {
namespace {

TEST_F(ServerTest, SpeaksTlsWithASelfMadeCertificate) {
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"localhost", "127.0.0.1"}, clock);
  ASSERT_TRUE(made) << made.error().message();
  const auto print = certificate_fingerprint(made->certificate).value();
  // Kept as long as it fits, made again for another name.
  ASSERT_TRUE(self_made_certificate(dir_.path(), {"127.0.0.1"}, clock));
  EXPECT_EQ(certificate_fingerprint(made->certificate).value(), print);
  struct stat info {};
  ASSERT_EQ(::stat(made->key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  start(
      [](Request request) -> asio::awaitable<Response> { co_return Response(200, request.peer.tls ? "tls" : "plain"); },
      {.tls = *made});
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"})->body, "tls");
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}, "localhost").send_now({"GET", "/"})->body, "tls");
  EXPECT_EQ(client(ClientTls{.pinned_sm3 = print}).send_now({"GET", "/"})->body, "tls");

  EXPECT_EQ(client(ClientTls{}).send_now({"GET", "/"}).error().reason(), "bad-tls-certificate");
  EXPECT_EQ(client(ClientTls{.pinned_sm3 = std::string(64, '0')}).send_now({"GET", "/"}).error().reason(),
            "bad-tls-certificate");
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}, "127.0.0.2").send_now({"GET", "/"}).error().code(),
            ErrorCode::kUnavailable);             // nothing listens there
  EXPECT_FALSE(client().send_now({"GET", "/"}));  // no TLS at all
  EXPECT_EQ(HttpClient::create({.endpoint = TcpEndpoint{"a", 1}, .tls = ClientTls{.ca_file = dir_.path() / "none"}})
                .error()
                .reason(),
            "bad-certificate");

  ASSERT_TRUE(self_made_certificate(dir_.path(), {"mifeng.example"}, clock));
  EXPECT_NE(certificate_fingerprint(made->certificate).value(), print);
  EXPECT_FALSE(self_made_certificate(dir_.path(), {"a,DNS:b"}, clock));
  // The running server has the old one; the new one is another's.
  EXPECT_FALSE(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"}));
  EXPECT_EQ(
      HttpServer::start(runtime_, {.tls = ServerTls{dir_.path() / "x", dir_.path() / "y"}}, echo).error().reason(),
      "bad-certificate");
}

TEST_F(ServerTest, RefusesANameThatTheCertificateDoesNotCarry) {
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"mifeng.example"}, clock);
  ASSERT_TRUE(made);
  start(echo, {.tls = *made});
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"}).error().reason(),
            "bad-tls-certificate");
}

}  // namespace
}  // namespace mifeng::net
