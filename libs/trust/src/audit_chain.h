// Checking the chain, entry by entry: the same for a database and for an exported file. spec/audit.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/store/audit.h"
#include "mifeng/trust/audit_service.h"

namespace mifeng::trust {

inline constexpr const char* kAuditHeadFormat = "mifeng-audit-head/1";
inline constexpr const char* kAuditHeadPurpose = "audit-head";

class AuditChainChecker {
 public:
  // `identities`: the keys that may have signed heads.
  explicit AuditChainChecker(std::vector<crypto::Sm2PublicKey> identities) : identities_(std::move(identities)) {}

  // A head that was exported earlier: the log must reach it and fit it. kVerificationFailed "bad-head" where it is none
  // of this platform.
  Result<void> expect(const std::string& head_line);
  void entry(const store::AuditRow& row);
  void head(const store::AuditHeadRow& head);  // in the order of their seq, each once its entry has come
  bool knows(const std::string& signed_by) const;
  void fail(std::int64_t seq, const std::string& problem);
  const crypto::Sm3Digest& digest() const { return digest_; }
  AuditVerdict verdict();

 private:
  struct Head {
    std::int64_t seq = 0;
    std::string digest{};
  };
  Result<Head> verified(const store::AuditHeadRow& head) const;

  std::vector<crypto::Sm2PublicKey> identities_;
  std::optional<Head> expected_;
  bool expected_seen_ = false;
  crypto::Sm3Digest digest_{};
  AuditVerdict verdict_{.intact = true, .problem = ""};
};

}  // namespace mifeng::trust
