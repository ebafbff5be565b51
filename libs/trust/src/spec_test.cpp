// The worked examples of spec/platform-card.md and spec/audit.md.
#include <gtest/gtest.h>

#include "mifeng/json/fields.h"
#include "mifeng/messages/card.h"
#include "mifeng/os/file.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/audit_service.h"

namespace mifeng::trust {
namespace {

// The block that begins with ```json NAME.
std::string example(const std::string& page, const std::string& name) {
  const auto text = read_text_file(std::filesystem::path(MIFENG_SOURCE_DIR) / "spec" / page, 1 << 20);
  EXPECT_TRUE(text) << page;
  const std::string begin = "```json " + name + "\n";
  const std::size_t from = text->find(begin);
  EXPECT_NE(from, std::string::npos) << page << ", " << name;
  const std::size_t start = from + begin.size();
  return text->substr(start, text->find("```", start) - start);
}

TEST(Spec, PlatformCard) {
  const std::string text = example("platform-card.md", "card");
  const auto card = messages::decode_card(as_bytes(text));
  ASSERT_TRUE(card) << card.error().message();
  EXPECT_EQ(messages::encode_card(*card), text) << "what we write is what stands there";
  const auto keys = messages::verify_card(*card);
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ(std::string(as_text(card->delivery.statement)) + "\n", example("platform-card.md", "delivery"));
  ASSERT_TRUE(keys->output);
  // One digit of the fingerprint, one of a signature, an unknown field.
  std::string changed = text;
  changed.replace(changed.find("C60C"), 4, "C60D");
  EXPECT_FALSE(messages::decode_card(as_bytes(changed)));
  changed = text;
  changed.insert(changed.find("\"platform\""), "\"extra\": 1, ");
  EXPECT_FALSE(messages::decode_card(as_bytes(changed)));
  auto forged = *card;
  forged.delivery.statement = card->output->statement;
  EXPECT_FALSE(messages::verify_card(forged));
  std::swap(forged.output->statement, forged.delivery.statement);
  std::swap(forged.delivery, *forged.output);
  EXPECT_FALSE(messages::verify_card(forged)) << "an output key in the delivery key's place";
}

TEST(Spec, AuditLog) {
  const std::string log = example("audit.md", "log"), card = example("platform-card.md", "card");
  const std::string head = log.substr(log.rfind("{\"head\""));
  const auto verdict = verify_audit_export(log, card, head);
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_TRUE(verdict->intact) << verdict->problem;
  EXPECT_EQ(verdict->entries, 3);
  EXPECT_EQ(verdict->signed_up_to, 3);
  // The MACs, with the example's key.
  const crypto::HmacSm3Key key(as_bytes("an example of an audit chain key"));
  crypto::Sm3Digest digest{}, mac{};
  std::size_t from = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string line = log.substr(from, log.find('\n', from) - from);
    from += line.size() + 1;
    const auto object = json::parse_object(line).value();
    json::Fields fields(object);
    json::Fields entry = fields.object("entry");
    store::AuditRow row;
    row.seq = entry.integer("seq", 1, 3);
    row.time_ms = entry.integer("time_ms", 0, INT64_MAX);
    row.actor = entry.string("actor");
    row.action = entry.string("action");
    row.subject = entry.string("subject");
    row.outcome = entry.string("outcome");
    row.detail = entry.string("detail");
    EXPECT_NE(line.find(audit_entry_bytes(row)), std::string::npos) << "the bytes stand there as they are";
    digest = audit_digest(digest, row);
    mac = crypto::HmacSm3(key).update(mac).update(digest).finish();
    EXPECT_EQ(to_hex(fields.hex("mac", 32, 32)), to_hex(mac));
    EXPECT_TRUE(fields.finish());
  }
  const std::string statement = example("audit.md", "statement");
  EXPECT_NE(statement.find(to_hex(digest)), std::string::npos);
  EXPECT_NE(log.find(to_base64(as_bytes(statement.substr(0, statement.size() - 1)))), std::string::npos);
}

}  // namespace
}  // namespace mifeng::trust
