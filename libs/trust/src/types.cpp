#include "mifeng/trust/types.h"

#include "mifeng/crypto/fingerprint.h"
#include "mifeng/manifest/rules.h"

namespace mifeng::trust {
namespace {

Result<void> checked(const std::string& field, const manifest::Complaint& complaint) {
  if (!complaint) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-name", field + ": " + *complaint);
}

}  // namespace

bool same_fingerprint(const std::string& a, const std::string& b) {
  return crypto::bare_fingerprint(a) == crypto::bare_fingerprint(b);
}

Result<void> check_label(const std::string& field, const std::string& value, std::size_t max) {
  return checked(field, manifest::check_label(value, max));
}

Result<void> check_text(const std::string& field, const std::string& value, std::size_t max, bool may_be_empty) {
  if (value.empty() && may_be_empty) return ok();
  return checked(field, manifest::check_line(value, max));
}

Result<void> check_version(const std::string& value) { return checked("version", manifest::check_version(value)); }

}  // namespace mifeng::trust
