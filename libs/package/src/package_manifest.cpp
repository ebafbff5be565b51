#include "mifeng/package/package_manifest.h"

#include <algorithm>
#include <array>

#include "mifeng/crypto/sm2.h"
#include "mifeng/json/fields.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

constexpr std::array<std::string_view, 4> kRoles{"base", "dependencies", "payload-header", "payload-segments"};
// Of versions whose packages carried a guard of their own.
constexpr std::string_view kEarlierFormat = "mifeng-package/1";
constexpr std::int64_t kSizeMax = std::int64_t{1} << 40;

// Reads a field and holds it against a rule of libs/manifest.
template <typename Rule>
std::string ruled(json::Fields& fields, std::string_view name, Rule rule) {
  std::string text = fields.string(name, {.min = 1, .max = 4096});
  if (!text.empty())
    if (const auto complaint = rule(text)) fields.refuse(name, *complaint);
  return text;
}
manifest::Complaint label(std::string_view text) { return manifest::check_label(text); }
manifest::Complaint line(std::string_view text) { return manifest::check_line(text); }
manifest::Complaint digest(std::string_view text) {
  if (is_digest(text)) return std::nullopt;
  return "must be sha256: and 64 lower-case hex digits";
}
manifest::Complaint hex_of(std::string_view text, std::size_t digits) {
  if (text.size() == digits &&
      std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }))
    return std::nullopt;
  return "must be " + std::to_string(digits) + " lower-case hex digits";
}

DigestAndSize read_part(json::Fields fields, std::int64_t max) {
  DigestAndSize part;
  part.sm3 = ruled(fields, "sm3", [](std::string_view text) { return hex_of(text, 64); });
  part.size = static_cast<std::uint64_t>(fields.integer("size", 1, max));
  return part;
}

json::Object write_part(const DigestAndSize& part) { return {{"sm3", part.sm3}, {"size", part.size}}; }

void read_layers(json::Fields& image, PackageManifest& manifest) {
  for (json::Fields& fields : image.objects("layers", {.min = 3, .max = 64})) {
    Layer layer;
    layer.role = static_cast<LayerRole>(fields.word("role", {kRoles.begin(), kRoles.end()}));
    layer.media_type = fields.string("media_type");
    layer.digest = ruled(fields, "digest", digest);
    layer.size = static_cast<std::uint64_t>(fields.integer("size", 1, kSizeMax));
    layer.diff_id = ruled(fields, "diff_id", digest);
    if (layer.media_type != kLayerTar && layer.media_type != kLayerGzip)
      fields.refuse("media_type", "must be that of an OCI layer, as tar or tar+gzip");
    if (layer.media_type == kLayerTar && layer.digest != layer.diff_id)
      fields.refuse("diff_id", "must be the digest where a layer is not compressed");
    const bool sealed_part = layer.role == LayerRole::kPayloadHeader || layer.role == LayerRole::kPayloadSegments;
    if (sealed_part && layer.media_type != kLayerTar) fields.refuse("media_type", "must be tar for a sealed layer");
    if (!manifest.layers.empty() && layer.role < manifest.layers.back().role)
      fields.refuse("role", "stands in the wrong order");
    manifest.layers.push_back(std::move(layer));
  }
  const auto count = [&](LayerRole role) {
    return std::count_if(manifest.layers.begin(), manifest.layers.end(),
                         [&](const Layer& layer) { return layer.role == role; });
  };
  if (count(LayerRole::kBase) == 0) image.refuse("layers", "need a base layer");
  for (const LayerRole role : {LayerRole::kPayloadHeader, LayerRole::kPayloadSegments})
    if (count(role) != 1) image.refuse("layers", "need exactly one " + std::string(to_string(role)) + " layer");
}

}  // namespace

std::string_view to_string(LayerRole role) { return kRoles[static_cast<std::size_t>(role)]; }

Result<PackageManifest> parse_package_manifest(std::string_view text) {
  const auto refuse = [](const std::string& sentence) {
    return Error(ErrorCode::kVerificationFailed, "bad-package", std::string(kPackageManifestName) + ": " + sentence);
  };
  json::ParseLimits limits;
  limits.depth = 8;
  limits.values = 4000;
  const auto object = json::parse_object(text, limits);
  if (!object) return refuse(object.error().message());
  json::Fields fields(*object);
  PackageManifest manifest;
  const std::string format = fields.string("format");
  // Alone: whatever else it holds is what that version wrote.
  if (format == kEarlierFormat)
    return refuse("the package was packed by an earlier version of mifeng; it must be packed again with this one");
  if (format != kPackageFormat) fields.refuse("format", "must be " + std::string(kPackageFormat));

  json::Fields vendor = fields.object("vendor");
  manifest.vendor.id = ruled(vendor, "id", label);
  manifest.vendor.name = ruled(vendor, "name", line);
  manifest.vendor.address = ruled(vendor, "address", line);
  manifest.vendor.telephone = ruled(vendor, "telephone", line);
  manifest.vendor.business = ruled(vendor, "business", line);
  manifest.vendor_public_key = vendor.string("public_key", {.min = 1, .max = 1000});

  json::Fields model = fields.object("model");
  manifest.model.name = ruled(model, "name", label);
  manifest.model.function = ruled(model, "function", line);
  manifest.model.language = ruled(model, "language", label);
  manifest.model.version = ruled(model, "version", manifest::check_version);

  manifest.config = read_part(fields.object("config"), 1 << 20);
  json::Fields documents = fields.object("documents");
  manifest.design = read_part(documents.object("design"), 1 << 26);
  manifest.usage = read_part(documents.object("usage"), 1 << 26);
  manifest.test = read_part(documents.object("test"), 1 << 26);

  json::Fields image = fields.object("image");
  manifest.image_name = image.string("name", {.min = 3, .max = 127});
  manifest.image_digest = ruled(image, "digest", digest);
  manifest.image_manifest_size = static_cast<std::uint64_t>(image.integer("size", 1, 1 << 20));
  manifest.image_config.digest = ruled(image, "config_digest", digest);
  manifest.image_config.size = static_cast<std::uint64_t>(image.integer("config_size", 1, 1 << 20));
  read_layers(image, manifest);

  json::Fields payload = fields.object("payload");
  manifest.payload_header.sm3 = ruled(payload, "header_sm3", [](std::string_view value) { return hex_of(value, 64); });
  manifest.payload_header.size = static_cast<std::uint64_t>(payload.integer("header_size", 60, 4096));
  manifest.payload_plaintext_size = static_cast<std::uint64_t>(payload.integer("plaintext_size", 1, kSizeMax));

  for (json::Fields& one : fields.objects("cards", {.min = 1, .max = 16})) {
    CardReference card;
    card.platform = ruled(one, "platform", line);
    card.identity_key_id = ruled(one, "identity_key_id", [](std::string_view value) { return hex_of(value, 16); });
    card.delivery_key_id = ruled(one, "delivery_key_id", [](std::string_view value) { return hex_of(value, 16); });
    manifest.cards.push_back(std::move(card));
  }
  manifest.created_by = ruled(fields, "created_by", line);
  if (manifest.image_name != manifest.vendor.id + "/" + manifest.model.name)
    fields.refuse("image", "must be named after the vendor and the model");
  if (const auto finished = fields.finish(); !finished) return refuse(finished.error().message());
  if (!crypto::Sm2PublicKey::from_pem(manifest.vendor_public_key))
    return refuse("vendor.public_key is no SM2 public key in PEM");
  return manifest;
}

std::string serialize(const PackageManifest& manifest) {
  json::Array layers;
  for (const Layer& layer : manifest.layers)
    layers.push_back(json::Object{{"role", to_string(layer.role)},
                                  {"media_type", layer.media_type},
                                  {"digest", layer.digest},
                                  {"size", layer.size},
                                  {"diff_id", layer.diff_id}});
  json::Array cards;
  for (const CardReference& card : manifest.cards)
    cards.push_back(json::Object{{"platform", card.platform},
                                 {"identity_key_id", card.identity_key_id},
                                 {"delivery_key_id", card.delivery_key_id}});
  const json::Object object{{"format", kPackageFormat},
                            {"vendor", json::Object{{"id", manifest.vendor.id},
                                                    {"name", manifest.vendor.name},
                                                    {"address", manifest.vendor.address},
                                                    {"telephone", manifest.vendor.telephone},
                                                    {"business", manifest.vendor.business},
                                                    {"public_key", manifest.vendor_public_key}}},
                            {"model", json::Object{{"name", manifest.model.name},
                                                   {"function", manifest.model.function},
                                                   {"language", manifest.model.language},
                                                   {"version", manifest.model.version}}},
                            {"config", write_part(manifest.config)},
                            {"documents", json::Object{{"design", write_part(manifest.design)},
                                                       {"usage", write_part(manifest.usage)},
                                                       {"test", write_part(manifest.test)}}},
                            {"image", json::Object{{"name", manifest.image_name},
                                                   {"digest", manifest.image_digest},
                                                   {"size", manifest.image_manifest_size},
                                                   {"config_digest", manifest.image_config.digest},
                                                   {"config_size", manifest.image_config.size},
                                                   {"layers", std::move(layers)}}},
                            {"payload", json::Object{{"header_sm3", manifest.payload_header.sm3},
                                                     {"header_size", manifest.payload_header.size},
                                                     {"plaintext_size", manifest.payload_plaintext_size}}},
                            {"cards", std::move(cards)},
                            {"created_by", manifest.created_by}};
  return json::serialize_pretty(object);
}

}  // namespace mifeng::package
