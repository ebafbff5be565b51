// What skopeo says of a registry, as a person is told it. The texts are skopeo 1.9's, with a real registry behind them,
// and Harbor's bodies.
#include "mifeng/models/registry.h"

#include <gmock/gmock.h>

namespace mifeng::models {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kAddress = "registry.example:5443/project/acme/digits:1.0.0";

std::string fatal(const std::string& message) {
  return "time=\"2026-11-29T20:40:55Z\" level=fatal msg=\"" + message + "\"\n";
}
std::string reason(const std::string& message, const std::string& address = kAddress) {
  return std::string(registry_error(address, fatal(message)).reason());
}

TEST(RegistryError, EachCauseHasAReasonOfItsOwn) {
  const std::string checking =
      "trying to reuse blob sha256:98 at destination: checking whether a blob sha256:98 exists in "
      "registry.example:5443/project/acme/digits: ";
  const std::string pinging =
      "trying to reuse blob sha256:98 at destination: pinging container registry registry.example:5443: Get "
      "\\\"https://registry.example:5443/v2/\\\": ";
  const std::string writing =
      "writing blob: initiating layer upload to /v2/project/acme/digits/blobs/uploads/ in registry.example:5443: ";
  EXPECT_EQ(reason(checking + "unauthorized: authentication required"), "registry-login");
  EXPECT_EQ(reason(pinging + "x509: certificate signed by unknown authority"), "registry-untrusted");
  EXPECT_EQ(reason(pinging + "x509: certificate is valid for 192.0.2.1, not registry.example"), "registry-untrusted");
  EXPECT_EQ(reason(pinging + "http: server gave HTTP response to HTTPS client"), "registry-not-tls");
  EXPECT_EQ(reason(pinging + "dial tcp 192.0.2.1:5443: connect: connection refused"), "registry-unavailable");
  EXPECT_EQ(reason(pinging + "dial tcp: lookup registry.example on 192.0.2.53:53: no such host"),
            "registry-unavailable");
  EXPECT_EQ(reason(writing + "received unexpected HTTP status: 500 Internal Server Error"), "registry-unavailable");
  EXPECT_EQ(reason(writing + "denied: adding 12.0 MiB of storage resource, which when updated to current usage of "
                             "90.0 MiB will exceed the configured upper limit of 100.0 MiB."),
            "registry-full");
  EXPECT_EQ(reason(writing + "unknown: Quota exceeded when processing the request of adding 12.0 MiB"),
            "registry-full");
  EXPECT_EQ(reason(writing + "received unexpected HTTP status: 507 Insufficient Storage"), "registry-full");
  EXPECT_EQ(reason(writing + "denied"), "registry-denied");
  EXPECT_EQ(reason(writing + "unauthorized: unauthorized to access repository: project/acme/digits, action: push"),
            "registry-denied");
  EXPECT_EQ(reason(writing + "unknown: project project not found"), "registry-denied");
}

TEST(RegistryError, TheNameOfAnImageIsNoCause) {
  EXPECT_EQ(reason("writing blob: initiating layer upload to /v2/quota/denied/x509/blobs/uploads/ in registry.example: "
                   "connection reset by peer",
                   "registry.example/quota/denied/x509:1.0.0"),
            "registry-unavailable");
}

TEST(RegistryError, SaysWhatTheRegistrySaidWithoutTheLogsDress) {
  const auto error = registry_error(kAddress, fatal("pinging: Get \\\"https://registry.example:5443/v2/\\\": EOF"));
  EXPECT_THAT(std::string(error.message()),
              HasSubstr("It said: pinging: Get \"https://registry.example:5443/v2/\": EOF"));
  EXPECT_THAT(std::string(error.message()), Not(HasSubstr("level=fatal")));
  EXPECT_LT(registry_error(kAddress, std::string(100'000, 'x')).message().size(), 2000u);
  EXPECT_EQ(registry_error(kAddress, "").reason(), "registry-unavailable");
}

}  // namespace
}  // namespace mifeng::models
