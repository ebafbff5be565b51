#include "image_facts.h"

#include "mifeng/crypto/sm2.h"
#include "mifeng/json/fields.h"

namespace mifeng::package {

Result<std::string> image_facts_json(const PackageManifest& manifest,
                                     const std::vector<messages::PlatformCard>& cards) {
  MIFENG_TRY(const auto vendor_key, crypto::Sm2PublicKey::from_pem(manifest.vendor_public_key));
  json::Array card_values;
  for (const messages::PlatformCard& card : cards) {
    MIFENG_TRY(auto object, json::parse_object(messages::encode_card(card)));
    card_values.push_back(std::move(object));
  }
  return json::serialize_pretty(json::Object{{"format", "mifeng-image/1"},
                                             {"vendor", manifest.vendor.id},
                                             {"model", manifest.model.name},
                                             {"version", manifest.model.version},
                                             {"vendor_public_key", to_base64(vendor_key.point())},
                                             {"cards", std::move(card_values)},
                                             {"payload", json::Object{{"header_sm3", manifest.payload_header.sm3}}}});
}

Result<void> check_image_facts(std::string_view text, const PackageManifest& manifest) {
  const auto refuse = [](const std::string& sentence) {
    return Error(ErrorCode::kVerificationFailed, "bad-package", "/mifeng/package.json of the image: " + sentence);
  };
  const auto object = json::parse_object(text);
  if (!object) return refuse(object.error().message());
  MIFENG_TRY(const auto vendor_key, crypto::Sm2PublicKey::from_pem(manifest.vendor_public_key));
  json::Fields fields(*object);
  const auto same = [&](json::Fields& in, std::string_view name, std::string_view expected) {
    if (in.string(name) != expected) in.refuse(name, "is not what the package's manifest says");
  };
  same(fields, "format", "mifeng-image/1");
  same(fields, "vendor", manifest.vendor.id);
  same(fields, "model", manifest.model.name);
  same(fields, "version", manifest.model.version);
  same(fields, "vendor_public_key", to_base64(vendor_key.point()));
  json::Fields payload = fields.object("payload");
  same(payload, "header_sm3", manifest.payload_header.sm3);
  std::size_t index = 0;
  for (json::Fields& one : fields.objects("cards", {.min = manifest.cards.size(), .max = manifest.cards.size()})) {
    const auto card = messages::decode_card(as_bytes(json::serialize(one.whole())));
    if (!card) return refuse("cards: " + card.error().message());
    const auto keys = messages::verify_card(*card);
    if (!keys) return refuse("cards: " + keys.error().message());
    const CardReference& expected = manifest.cards[index++];
    if (card->platform != expected.platform || to_hex(keys->identity.key_id()) != expected.identity_key_id ||
        to_hex(keys->delivery.key.key_id()) != expected.delivery_key_id)
      return refuse("cards: a card is not the one that the package's manifest names");
  }
  if (const auto finished = fields.finish(); !finished) return refuse(finished.error().message());
  return ok();
}

}  // namespace mifeng::package
