// The API over a real platform with a real database, behind real sockets; no engine.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "mifeng/json/value.h"
#include "mifeng/net/client.h"
#include "mifeng/net/server.h"
#include "mifeng/rest/api.h"

namespace mifeng::rest {

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

inline ApiOptions api_options() {
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
    server_ =
        net::HttpServer::start(runtime_, api_listener({"127.0.0.1", 0}, {}), api_->handler(Door::kNetwork)).value();
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

}  // namespace mifeng::rest
