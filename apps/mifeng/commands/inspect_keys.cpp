#include "cli/language.h"
#include "commands/file_kinds.h"
#include "commands/inspect.h"
#include "commands/key_files.h"
#include "mifeng/base/clock.h"
#include "mifeng/json/value.h"
#include "mifeng/messages/card.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

// Files alone: of standard input a part has been read, and a private key is read into memory that is wiped.
Result<void> need_a_file(const InspectRequest& request) {
  if (!request.path.empty() && request.path != "-") return ok();
  return Error(ErrorCode::kInvalidArgument, "need-a-file",
               tr("a card, key or certificate is inspected as a file, not from standard input"));
}

json::Object facts_of(const messages::KeyClaims& claims) {
  return json::Object{{"fingerprint", claims.key.fingerprint()},
                      {"serial", claims.serial},
                      {"notBefore", format_time(claims.not_before_ms)},
                      {"notAfter", format_time(claims.not_after_ms)}};
}

std::string shown(const messages::KeyClaims& claims) {
  return say("{}, from {} to {}",
             {claims.key.fingerprint(), format_time(claims.not_before_ms), format_time(claims.not_after_ms)});
}

}  // namespace

Result<int> inspect_card(const InspectRequest& request, Console& console) {
  MIFENG_CHECK(need_a_file(request));
  MIFENG_TRY(const Bytes text, read_file(request.path, messages::kCardSizeMax));
  const auto card = messages::decode_card(text);
  if (!card) return card.error().with_context(request.path);
  MIFENG_TRY(const auto keys, messages::verify_card(*card));
  if (request.format == "json") {
    json::Object object{{"form", "platform-card"},
                        {"platform", card->platform},
                        {"fingerprint", keys.identity.fingerprint()},
                        {"delivery", facts_of(keys.delivery)}};
    if (keys.output) object.set("output", facts_of(*keys.output));
    MIFENG_CHECK(console.print(json::serialize(object) + "\n"));
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {
      {tr("form"), tr("platform card (its statements fit its own identity key)")},
      {tr("platform"), card->platform},
      {tr("fingerprint"), keys.identity.fingerprint()},
      {tr("delivery key"), shown(keys.delivery)}};
  if (keys.output) rows.push_back({tr("output key"), shown(*keys.output)});
  MIFENG_CHECK(console.table({}, rows));
  return 0;
}

Result<int> inspect_key(const InspectRequest& request, Console& console) {
  MIFENG_CHECK(need_a_file(request));
  const bool secret = as_text(request.beginning).find("PRIVATE KEY") != std::string_view::npos;
  const bool certificate = kind_of(request.beginning) == FileKind::kCertificate;
  MIFENG_TRY(const std::string fingerprint, fingerprint_of(request.path));
  if (request.format == "json") {
    const json::Object object{{"form", certificate ? "certificate"
                                       : secret    ? "sm2-private-key"
                                                   : "sm2-public-key"},
                              {"fingerprint", fingerprint}};
    MIFENG_CHECK(console.print(json::serialize(object) + "\n"));
    return 0;
  }
  const std::string form = certificate ? tr("certificate")
                           : secret    ? tr("SM2 private key: keep it to yourself")
                                       : tr("SM2 public key");
  const std::vector<std::vector<std::string>> rows = {{tr("form"), form}, {tr("fingerprint"), fingerprint}};
  MIFENG_CHECK(console.table({}, rows));
  return 0;
}

}  // namespace mifeng::cli
