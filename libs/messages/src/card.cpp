#include "mifeng/messages/card.h"

#include "fields.h"
#include "read_card.h"

#include "mifeng/base/phrase.h"

namespace mifeng::messages {

json::Object card_object(const PlatformCard& card) {
  json::Object object{{"format", "mifeng-card/1"},
                      {"platform", card.platform},
                      {"identity", json::Object{{"key", point_text(card.identity)}}},
                      {"fingerprint", card.identity.fingerprint()},
                      {"delivery", statement_value(card.delivery)}};
  if (card.output) object.set("output", statement_value(*card.output));
  return object;
}

CardReader::CardReader(json::Fields fields) : reader_(std::move(fields)) {
  reader_.format("mifeng-card/1");
  platform_ = reader_.text("platform", 1, 256);
  Reader identity(reader_.fields().object("identity"));
  identity_ = identity.point("key");
  const std::string fingerprint = reader_.text("fingerprint", 1, 128);
  if (identity_ && fingerprint != identity_->fingerprint())
    reader_.fields().refuse("fingerprint", "is not the identity key's");
  delivery_ = reader_.statement("delivery");
  if (auto output = reader_.fields().optional_object("output")) output_ = Reader::statement_in(std::move(*output));
}

PlatformCard CardReader::take() {
  return PlatformCard{.platform = std::move(platform_),
                      .identity = *identity_,
                      .delivery = std::move(delivery_),
                      .output = std::move(output_)};
}

std::string encode_card(const PlatformCard& card) { return json::serialize_pretty(card_object(card)); }

Result<PlatformCard> decode_card(ByteView json) {
  auto object = json::parse_object(as_text(json), {.bytes = kCardSizeMax, .depth = 4, .values = 64});
  if (!object)
    return Error(
        ErrorCode::kInvalidArgument, "bad-card",
        phrase("this is no platform card; the platform's administrator has it: mifeng key export --output-file "
               "platform.card"));
  return decode_card(*object);
}

Result<PlatformCard> decode_card(const json::Object& card) {
  json::Fields fields(card, "card");
  CardReader reader(fields);
  auto finished = fields.finish();
  if (!finished) return bad_message(finished.error(), "bad-card");
  return reader.take();
}

Result<CardKeys> verify_card(const PlatformCard& card) {
  MIFENG_TRY(const IdentityChain chain, IdentityChain::verify(card.identity, {}));
  MIFENG_TRY(KeyClaims delivery, chain.verify_statement(card.delivery, KeyPurpose::kDelivery));
  std::optional<KeyClaims> output;
  if (card.output) {
    MIFENG_TRY(output, chain.verify_statement(*card.output, KeyPurpose::kOutput));
  }
  return CardKeys{.identity = card.identity, .delivery = std::move(delivery), .output = std::move(output)};
}

}  // namespace mifeng::messages
