// HTTPS to one API server by libcurl, for coroutines: a thread runs all transfers, and who awaits one is resumed on its
// own executor.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "mifeng/kubernetes/login.h"
#include "mifeng/net/runtime.h"

namespace mifeng::kubernetes {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query
  std::string body{};
  std::string content_type{};
  // Of an answer that is read whole: until its end. Of one that goes on: between two pieces of it.
  std::chrono::milliseconds patience{30'000};
  bool goes_on = false;
};

class Exchange;

// One answer, piece by piece. Letting go of it ends the transfer.
class Transfer {
 public:
  explicit Transfer(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Transfer(Transfer&&) noexcept = default;
  Transfer& operator=(Transfer&&) = delete;
  ~Transfer();

  // Until the answer's header is there. kUnavailable "api-unavailable", kTimeout "api-slow", kVerificationFailed
  // "bad-tls-certificate", with libcurl's words.
  net::Task<void> begin();
  int status() const;
  int retry_after_seconds() const;  // 0 where the server does not say
  // The next bytes; empty at the end. Errors as begin(). The server is slowed down by who does not read.
  net::Task<std::string> read();

 private:
  std::shared_ptr<Exchange> exchange_;  // shared with the thread
};

class Transfers {
 public:
  // kInvalidArgument "bad-kubeconfig" where certificate or key cannot be used.
  static Result<std::unique_ptr<Transfers>> create(Login login);
  ~Transfers();  // ends all; nobody may be waiting in one

  Transfer open(HttpRequest request) const;

 private:
  struct Impl;
  explicit Transfers(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::kubernetes
