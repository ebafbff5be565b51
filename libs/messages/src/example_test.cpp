// The examples of spec/grant.md are read, checked and written again.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "mifeng/json/value.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"
#include "mifeng/os/file.h"

namespace mifeng::messages {
namespace {

// The blocks "```json NAME" of the page.
std::map<std::string, std::string> examples() {
  const std::string page = read_text_file(MIFENG_SOURCE_DIR "/spec/grant.md", 1 << 20).value();
  std::map<std::string, std::string> blocks;
  const std::string mark = "```json ";
  for (std::size_t at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
    const std::size_t line_end = page.find('\n', at);
    const std::size_t end = page.find("```", line_end);
    blocks[page.substr(at + mark.size(), line_end - at - mark.size())] = page.substr(line_end + 1, end - line_end - 1);
  }
  return blocks;
}

json::Value parsed(std::string_view text) { return json::parse(text).value(); }

template <typename Decode, typename Encode>
void expect_round_trip(const std::string& name, Decode decode, Encode encode) {
  const auto blocks = examples();
  ASSERT_TRUE(blocks.contains(name)) << name;
  const auto message = decode(as_bytes(blocks.at(name)));
  ASSERT_TRUE(message.has_value()) << message.error().message();
  const SecretBytes again = encode(*message);
  EXPECT_EQ(parsed(as_text(again.reveal_for_computing())), parsed(blocks.at(name)));
}

TEST(GrantPage, ExamplesReadAndWriteTheSame) {
  expect_round_trip("grant-request", decode_grant_request, encode_grant_request);
  expect_round_trip("grant", decode_grant, encode_grant);
  expect_round_trip("renewal", decode_renewal, encode_renewal);
  expect_round_trip("renewed", decode_renewed, encode_renewed);
  expect_round_trip("renewal-start", decode_renewal, encode_renewal);
  expect_round_trip("renewal-start-token", decode_renewal, encode_renewal);
  expect_round_trip("renewed-start", decode_renewed, encode_renewed);
  expect_round_trip("renewed-unknown", decode_renewed, encode_renewed);
  expect_round_trip("join", decode_join, encode_join);
  expect_round_trip("enrolment", decode_enrolment, encode_enrolment);
  expect_round_trip("snapshot", decode_snapshot, encode_snapshot);
  expect_round_trip("report", decode_report, encode_report);
}

TEST(GrantPage, StatementsOfTheExamplesVerify) {
  const auto join = decode_join(as_bytes(examples().at("join")));
  ASSERT_TRUE(join.has_value()) << join.error().message();
  const auto keys = verify_card(join->card);
  ASSERT_TRUE(keys.has_value()) << keys.error().message();
  const auto grant = decode_grant(as_bytes(examples().at("grant")));
  ASSERT_TRUE(grant.has_value()) << grant.error().message();
  ASSERT_TRUE(keys->output.has_value());
  EXPECT_EQ(keys->output->key, grant->output_key);
  EXPECT_EQ(keys->output->serial, 7u);
  EXPECT_TRUE(check_in_force(*keys->output, grant->platform_time_ms));
  // The bytes that are signed are those shown on the page.
  const std::string shown = examples().at("statement");
  EXPECT_EQ(shown, std::string(as_text(grant->output_key_statement.statement)) + "\n");
}

// Every field of every message: without it, with one more, and with another type in its place, it is refused.
TEST(GrantPage, EveryFieldIsCheckedInEveryMessage) {
  const std::map<std::string, std::function<bool(ByteView)>> decoders = {
      {"grant-request", [](ByteView json) { return decode_grant_request(json).has_value(); }},
      {"grant", [](ByteView json) { return decode_grant(json).has_value(); }},
      {"renewal", [](ByteView json) { return decode_renewal(json).has_value(); }},
      {"renewed", [](ByteView json) { return decode_renewed(json).has_value(); }},
      {"renewed-unknown", [](ByteView json) { return decode_renewed(json).has_value(); }},
      {"join", [](ByteView json) { return decode_join(json).has_value(); }},
      {"enrolment", [](ByteView json) { return decode_enrolment(json).has_value(); }},
      {"snapshot", [](ByteView json) { return decode_snapshot(json).has_value(); }},
      {"report", [](ByteView json) { return decode_report(json).has_value(); }},
  };
  // What may be absent: a list that is empty, and trouble that there is none.
  const std::set<std::string> optional = {"identity_chain", "events",      "routes", "endpoints", "instances",
                                          "callers",        "output_keys", "rows",   "trouble"};
  const auto blocks = examples();
  for (const auto& [name, decode] : decoders) {
    const json::Object object = json::parse_object(blocks.at(name)).value();
    json::Object more = object;
    more.set("surprise", 1);
    EXPECT_FALSE(decode(as_bytes(json::serialize(more)))) << name;
    for (const auto& [field, value] : object) {
      json::Object changed = object;
      changed.set(field, value.if_double() == nullptr ? json::Value(0.5) : json::Value("text"));
      EXPECT_FALSE(decode(as_bytes(json::serialize(changed)))) << name << "." << field;
      if (optional.contains(field)) continue;
      json::Object without = object;
      without.erase(field);
      EXPECT_FALSE(decode(as_bytes(json::serialize(without)))) << name << " without " << field;
    }
  }
}

}  // namespace
}  // namespace mifeng::messages
