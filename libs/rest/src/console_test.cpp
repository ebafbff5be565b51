#include "mifeng/rest/console.h"

#include <gtest/gtest.h>

#include <fstream>

#include "mifeng/net/client.h"
#include "mifeng/net/server.h"
#include "mifeng/os/file.h"

namespace mifeng::rest {
namespace {

class ConsoleFiles : public ::testing::Test {
 protected:
  ConsoleFiles() {
    std::filesystem::create_directories(folder() / "assets");
    write("index.html", "<meta nonce=\"MIFENG-NONCE\"><script src=/assets/a-1.js></script>");
    write("assets/a-1.js", "let a = 1;");
    write("assets/a-1.js.gz", "compressed");
    write("favicon.svg", "<svg/>");
    std::ofstream(dir_.path() / "secret.txt") << "not the console's";
  }
  std::filesystem::path folder() const { return dir_.path() / "console"; }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder() / name) << text; }

  net::ClientResponse get(const std::string& target, const std::string& encoding = "",
                          const std::string& method = "GET") {
    if (!server_) {
      server_ = net::HttpServer::start(runtime_, {}, Console::read(folder()).value().handler(random_)).value();
      client_ = net::HttpClient::create({.endpoint = net::TcpEndpoint{"127.0.0.1", server_->port()}}).value();
    }
    net::ClientRequest request(method, target);
    if (!encoding.empty()) request.headers.add("Accept-Encoding", encoding);
    return client_->send_now(std::move(request)).value();
  }
  static std::string field(const net::ClientResponse& answer, const char* name) {
    const std::string* value = answer.headers.find(name);
    return value == nullptr ? "" : *value;
  }

  TempDir dir_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  SystemRandom random_;
  net::Runtime runtime_{1};
  std::unique_ptr<net::HttpServer> server_;
  std::optional<net::HttpClient> client_;
};

TEST_F(ConsoleFiles, EveryPageHasANonceOfItsOwn) {
  const auto first = get("/"), second = get("/deployments/wheat?tab=logs");
  for (const auto& answer : {first, second}) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(field(answer, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(field(answer, "Cache-Control"), "no-cache");
    EXPECT_EQ(field(answer, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.body.find("MIFENG-NONCE"), std::string::npos);
    const std::size_t at = answer.body.find("nonce=\"") + 7;
    const std::string nonce = answer.body.substr(at, answer.body.find('"', at) - at);
    EXPECT_EQ(nonce.size(), 32u);
    const std::string policy = field(answer, "Content-Security-Policy");
    EXPECT_NE(policy.find("'nonce-" + nonce + "'"), std::string::npos) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << policy;
  }
  EXPECT_NE(first.body, second.body);
}

TEST_F(ConsoleFiles, FilesKeepAndAreCompressedForWhoTakesIt) {
  const auto plain = get("/assets/a-1.js");
  EXPECT_EQ(plain.body, "let a = 1;");
  EXPECT_EQ(field(plain, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(field(plain, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(field(plain, "Vary"), "Accept-Encoding");
  EXPECT_EQ(field(plain, "Content-Encoding"), "");
  for (const char* takes : {"gzip", "br, gzip", "deflate, gzip;q=0.5, br"}) {
    const auto answer = get("/assets/a-1.js?v=1", takes);
    EXPECT_EQ(answer.body, "compressed") << takes;
    EXPECT_EQ(field(answer, "Content-Encoding"), "gzip") << takes;
  }
  for (const char* not_taken : {"br", "gzip;q=0", "gzip;q=0.0", "x-gzip"})
    EXPECT_EQ(get("/assets/a-1.js", not_taken).body, "let a = 1;") << not_taken;
  EXPECT_EQ(field(get("/favicon.svg"), "Cache-Control"), "no-cache");
  EXPECT_EQ(field(get("/favicon.svg"), "Content-Type"), "image/svg+xml");
  EXPECT_EQ(get("/assets/a-1.js", "", "HEAD").status, 200);
}

TEST_F(ConsoleFiles, NoAddressBecomesAPath) {
  for (const char* target : {"/assets/../../secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/a-2.js", "/assets/",
                             "/assets//a-1.js", "/assets/%61-1.js"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.body.find("not the console's"), std::string::npos) << target;
  }
  for (const char* target : {"/../secret.txt", "/%2e%2e/secret.txt", "/assets", "/index.html", "//secret.txt"})
    EXPECT_EQ(get(target).body.find("not the console's"), std::string::npos) << target;
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) EXPECT_EQ(get("/", "", method).status, 404) << method;
}

TEST_F(ConsoleFiles, WhatIsNoConsoleIsSaid) {
  EXPECT_EQ(Console::read(dir_.path() / "nowhere").error().reason(), "no-console");
  EXPECT_EQ(Console::read(dir_.path()).error().reason(), "no-console");
  for (int i = 0; i < 2001; ++i) write("assets/" + std::to_string(i), "");
  EXPECT_EQ(Console::read(folder()).error().reason(), "console-too-large");
}

}  // namespace
}  // namespace mifeng::rest
