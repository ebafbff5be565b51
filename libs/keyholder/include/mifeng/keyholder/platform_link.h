// How guard and gateway ask the platform. Nothing rests on the connection: what counts is sealed and signed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/net/client.h"

namespace mifeng::keyholder {

class PlatformLink {
 public:
  struct Answer {
    Bytes body;
    net::Headers headers;
  };

  virtual ~PlatformLink() = default;
  // A sealed stream there, and one back (or nothing, with 204). `what` names the request in errors: "the grant
  // request". kUnavailable or kTimeout where there was no answer; kPermissionDenied "platform-refused" with the
  // platform's own words for an answer of another status, which nobody has authenticated.
  virtual net::Task<Answer> post(std::string target, net::Headers headers, Bytes body, std::string what) = 0;
};

struct PlatformAddress {
  std::string address;                             // "unix:/path", "http://host:port", "https://host:port"
  std::optional<std::string> tls_certificate_sm3;  // pins the certificate, hex
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds idle_timeout{15000};
  std::size_t answer_size_max = 64 << 20;
};

class HttpPlatformLink final : public PlatformLink {
 public:
  // kInvalidArgument "bad-url".
  static Result<std::unique_ptr<HttpPlatformLink>> create(const PlatformAddress& address);
  net::Task<Answer> post(std::string target, net::Headers headers, Bytes body, std::string what) override;
  const net::HttpClient& client() const { return client_; }

 private:
  HttpPlatformLink(net::HttpClient client, std::size_t answer_size_max)
      : client_(std::move(client)), answer_size_max_(answer_size_max) {}
  net::HttpClient client_;
  std::size_t answer_size_max_;
};

}  // namespace mifeng::keyholder
