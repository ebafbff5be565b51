// Certificates for our listeners, and whom a client trusts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::net {

// PEM files; the certificate may be followed by its chain. TLS 1.2 and 1.3.
struct ServerTls {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

// Makes DIR/tls.crt and DIR/tls.key (0600; EC P-256, which browsers take; self-signed, CA:FALSE) unless both are there
// already and cover `names` (DNS names and IP addresses) for at least 30 more days. Valid for 825 days.
Result<ServerTls> self_made_certificate(const std::filesystem::path& dir, const std::vector<std::string>& names,
                                        const Clock& clock);
// SM3 of the first certificate's DER, lower-case hex: what a client can pin (spec/grant.md, join file).
// kInvalidArgument "bad-certificate".
Result<std::string> certificate_fingerprint(const std::filesystem::path& certificate);

struct ClientTls {
  std::filesystem::path ca_file{};  // empty: the system's
  std::string pinned_sm3{};  // certificate_fingerprint() of the only certificate that is right; where given it alone
                             // decides, whatever name and issuer
};

}  // namespace mifeng::net
