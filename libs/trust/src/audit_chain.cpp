#include "audit_chain.h"

#include "mifeng/base/phrase.h"
#include "mifeng/crypto/statement.h"
#include "mifeng/json/fields.h"
#include "mifeng/messages/card.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::trust {
namespace {

Error bad_head(const std::string& why) {
  return Error(ErrorCode::kVerificationFailed, "bad-head", "The signed head is not one of this platform: " + why + ".");
}

struct ParsedHead {
  store::AuditHeadRow row{};
  messages::KeyStatements chain{};
};

Result<ParsedHead> parse_head(json::Fields head) {
  ParsedHead parsed;
  parsed.row.statement = head.string("statement", {.min = 1, .max = 4096});
  parsed.row.signature = head.string("signature", {.min = 1, .max = 256});
  parsed.row.signed_by = head.string("signed_by", {.min = 16, .max = 16});
  for (json::Fields& link : head.objects("identity_chain", {.min = 0, .max = messages::kIdentityChainMax}))
    parsed.chain.push_back(
        {.statement = link.base64("statement", 1, 4096), .signature = link.base64("signature", 1, 256)});
  return parsed;
}

}  // namespace

// Here and not with the log, so that a program that only reads an exported file needs no database.
std::string audit_entry_bytes(const store::AuditRow& row) {
  return json::serialize(json::Object{{"seq", row.seq},
                                      {"time_ms", row.time_ms},
                                      {"actor", row.actor},
                                      {"action", row.action},
                                      {"subject", row.subject},
                                      {"outcome", row.outcome},
                                      {"detail", row.detail}});
}

crypto::Sm3Digest audit_digest(const crypto::Sm3Digest& previous, const store::AuditRow& row) {
  const std::string bytes = audit_entry_bytes(row);
  return crypto::Sm3().update(previous).update(crypto::sm3(as_bytes(bytes))).finish();
}

Result<AuditChainChecker::Head> AuditChainChecker::verified(const store::AuditHeadRow& head) const {
  const auto statement = from_base64(head.statement), signature = from_base64(head.signature);
  if (!statement || !signature) return bad_head("it is not base64");
  bool good = false;
  for (const auto& key : identities_)
    good = good || (to_hex(key.key_id()) == head.signed_by &&
                    crypto::verify_statement(key, kAuditHeadPurpose, *statement, *signature).has_value());
  if (!good) return bad_head("no identity key of the platform has signed it");
  MIFENG_TRY(const auto object, json::parse_object(as_text(*statement)));
  json::Fields fields(object);
  if (fields.string("format") != kAuditHeadFormat) fields.refuse("format", "is another one");
  Head result;
  (void)fields.string("platform");
  result.seq = fields.integer("seq", 1, std::int64_t{1} << 53);
  (void)fields.integer("time_ms", 0, std::int64_t{1} << 53);
  result.digest = to_hex(fields.hex("digest", 32, 32));
  (void)fields.hex("mac", 32, 32);
  if (auto done = fields.finish(); !done) return bad_head(done.error().message());
  return result;
}

bool AuditChainChecker::knows(const std::string& signed_by) const {
  for (const auto& key : identities_)
    if (to_hex(key.key_id()) == signed_by) return true;
  return false;
}

Result<void> AuditChainChecker::expect(const std::string& head_line) {
  MIFENG_TRY(const auto object, json::parse_object(head_line));
  json::Fields fields(object);
  MIFENG_TRY(const auto parsed, parse_head(fields.object("head")));
  if (auto done = fields.finish(); !done) return bad_head(done.error().message());
  MIFENG_TRY(expected_, verified(parsed.row));
  return ok();
}

void AuditChainChecker::fail(std::int64_t seq, const std::string& problem) {
  if (!verdict_.intact) return;  // the first place is what helps
  verdict_.intact = false;
  verdict_.bad_seq = seq;
  verdict_.problem = problem;
}

void AuditChainChecker::entry(const store::AuditRow& row) {
  ++verdict_.entries;
  if (row.seq != verdict_.entries) fail(verdict_.entries, phrase("Entry {} is missing.", verdict_.entries));
  digest_ = audit_digest(digest_, row);
  if (expected_ && expected_->seq == row.seq) {
    expected_seen_ = true;
    if (to_hex(digest_) != expected_->digest)
      fail(row.seq, phrase("The log up to entry {} is not what the given head was signed over.", row.seq));
  }
}

void AuditChainChecker::head(const store::AuditHeadRow& head) {
  const auto parsed = verified(head);
  if (!parsed) return fail(head.seq, phrase("The signed head of entry {} is forged or damaged.", head.seq));
  if (parsed->seq > verdict_.entries)
    return fail(verdict_.entries + 1,
                phrase("The log ends at entry {}, but a head was signed over {} entries: its tail was cut.",
                       verdict_.entries, parsed->seq));
  if (parsed->seq != verdict_.entries || parsed->digest != to_hex(digest_))
    return fail(parsed->seq, phrase("The log up to entry {} is not what was signed.", parsed->seq));
  if (verdict_.intact) verdict_.signed_up_to = parsed->seq;
}

AuditVerdict AuditChainChecker::verdict() {
  if (expected_ && !expected_seen_)
    fail(verdict_.entries + 1,
         phrase("The log ends at entry {}, but the given head was signed over {} entries: its tail "
                "was cut, or this is an older database.",
                verdict_.entries, expected_->seq));
  return verdict_;
}

Result<AuditVerdict> verify_audit_export(const std::string& log_jsonl, const std::string& card_json,
                                         const std::string& head_json) {
  MIFENG_TRY(const auto card, messages::decode_card(as_bytes(card_json)));
  const auto lines = [&](const std::function<Result<void>(std::string_view)>& each) -> Result<void> {
    for (std::size_t from = 0; from < log_jsonl.size();) {
      const std::size_t to = std::min(log_jsonl.find('\n', from), log_jsonl.size());
      if (to > from) MIFENG_CHECK(each(std::string_view(log_jsonl).substr(from, to - from)));
      from = to + 1;
    }
    return ok();
  };
  // The card's identity key and those that follow from it.
  std::vector<crypto::Sm2PublicKey> identities{card.identity};
  const auto take_chain = [&](std::string_view line) -> Result<void> {
    MIFENG_TRY(const auto object, json::parse_object(line));
    if (object.find("head") == nullptr) return ok();
    json::Fields fields(object);
    MIFENG_TRY(const auto parsed, parse_head(fields.object("head")));
    const auto chain = messages::IdentityChain::verify(card.identity, parsed.chain);
    if (!chain) return bad_head("its identity keys do not follow from the card's");
    identities.assign(chain->keys().begin(), chain->keys().end());
    return ok();
  };
  MIFENG_CHECK(lines(take_chain));
  if (!head_json.empty()) MIFENG_CHECK(take_chain(head_json));
  AuditChainChecker checker(identities);
  if (!head_json.empty()) MIFENG_CHECK(checker.expect(head_json));
  auto done = lines([&](std::string_view line) -> Result<void> {
    MIFENG_TRY(const auto object, json::parse_object(line));
    json::Fields fields(object);
    if (fields.has("head")) {
      MIFENG_TRY(auto parsed, parse_head(fields.object("head")));
      MIFENG_CHECK(fields.finish());
      // One that an identity key before the card's has signed proves nothing here; a later one covers what it covered.
      if (checker.knows(parsed.row.signed_by)) checker.head(parsed.row);
      return ok();
    }
    json::Fields entry = fields.object("entry");
    (void)fields.hex("mac", 32, 32);
    store::AuditRow row;
    row.seq = entry.integer("seq", 1, std::int64_t{1} << 53);
    row.time_ms = entry.integer("time_ms", 0, std::int64_t{1} << 53);
    row.actor = entry.string("actor");
    row.action = entry.string("action");
    row.subject = entry.string("subject");
    row.outcome = entry.string("outcome");
    row.detail = entry.string("detail");
    MIFENG_CHECK(fields.finish());
    checker.entry(row);
    return ok();
  });
  if (!done) return std::move(done).error().with_context("the exported log");
  return checker.verdict();
}

}  // namespace mifeng::trust
