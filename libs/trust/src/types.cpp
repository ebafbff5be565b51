#include "mifeng/trust/types.h"

#include "mifeng/manifest/rules.h"

namespace mifeng::trust {
namespace {

Result<void> checked(const std::string& field, const manifest::Complaint& complaint) {
  if (!complaint) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-name", field + ": " + *complaint);
}

std::string bare(const std::string& fingerprint) {
  std::string out;
  for (const char c : fingerprint) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ':' || c == '-') continue;
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

}  // namespace

bool same_fingerprint(const std::string& a, const std::string& b) { return bare(a) == bare(b); }

Result<void> check_label(const std::string& field, const std::string& value, std::size_t max) {
  return checked(field, manifest::check_label(value, max));
}

Result<void> check_text(const std::string& field, const std::string& value, std::size_t max, bool may_be_empty) {
  if (value.empty() && may_be_empty) return ok();
  return checked(field, manifest::check_line(value, max));
}

Result<void> check_version(const std::string& value) { return checked("version", manifest::check_version(value)); }

}  // namespace mifeng::trust
