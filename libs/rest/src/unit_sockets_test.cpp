#include "mifeng/rest/unit_sockets.h"

#include "api_fixture.h"

namespace mifeng::rest {
namespace {

TEST_F(ApiTest, AUnitsSocketComesAndGoesWithItsFolder) {
  const auto folder = dir_.path() / "sockets";
  auto sockets = UnitSockets::start(runtime_, *api_, folder);
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
    EXPECT_EQ(json::parse_object(answer->body)->find("reason")->if_string()[0], "refused") << answer->body;
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
