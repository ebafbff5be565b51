// The part of verification that reads every byte of a package.
#include <algorithm>
#include <memory>
#include <span>

#include "gunzip.h"
#include "image_tree.h"
#include "mifeng/archive/tar.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/package_file.h"
#include "mifeng/package/sealed_layers.h"
#include "mifeng/package/sha256.h"
#include "mifeng/sealed/header.h"
#include "mifeng/sealed/length.h"

namespace mifeng::package {
namespace {

constexpr std::size_t kPiece = 1 << 18;

Error wrong_digest(const Layer& layer, const char* what) {
  return Error(ErrorCode::kVerificationFailed, "wrong-digest",
               "the " + std::string(to_string(layer.role)) + " layer " + layer.digest + " " + what);
}
Error bad_layer(const Layer& layer, const std::string& sentence) {
  return Error(ErrorCode::kVerificationFailed, "bad-package",
               "the " + std::string(to_string(layer.role)) + " layer: " + sentence);
}

// The two sealed layers: which files and folders they may hold. The header is kept, the segments are counted and
// hashed.
class SealedLayer final : public archive::TarHandler {
 public:
  explicit SealedLayer(LayerRole role) : role_(role) {}
  Result<void> entry(const archive::TarEntry& entry) override {
    const bool is_header = role_ == LayerRole::kPayloadHeader;
    in_header_ = false;
    if (entry.type == archive::TarEntry::Type::kDirectory) {
      const std::span<const std::string_view> folders =
          is_header ? std::span<const std::string_view>(kHeaderFolders) : kSegmentsFolders;
      if (std::find(folders.begin(), folders.end(), entry.path) != folders.end()) return ok();
    } else if (!is_header && entry.path == kPayloadSegmentsPath && segments == 0) {
      segments = entry.size;
      return ok();
    } else if (is_header && entry.path == kPayloadHeaderPath && header.empty() && entry.size <= (1 << 16)) {
      in_header_ = true;
      return ok();
    }
    return Error(ErrorCode::kVerificationFailed, "bad-package",
                 "\"" + entry.path + "\" does not belong into the " + std::string(to_string(role_)) + " layer");
  }
  Result<void> data(ByteView bytes) override {
    if (in_header_) header.append(as_text(bytes));
    if (role_ == LayerRole::kPayloadSegments) hash.update(bytes);
    return ok();
  }
  Result<void> end() override { return ok(); }

  std::string header;
  std::uint64_t segments = 0;
  crypto::Sha256 hash;  // of the segments

 private:
  LayerRole role_;
  bool in_header_ = false;
};

// What the two layers say of the payload, and the manifest of it.
Result<void> check_payload(const PackageManifest& manifest, const Bytes& payload_header, std::uint64_t segments) {
  const Layer& layer = manifest.layers.back();
  MIFENG_TRY(const auto header, sealed::Header::parse(payload_header, {.kind = sealed::Kind::kPayload,
                                                                       .exponent_max = sealed::kExponentMax,
                                                                       .signature = sealed::SignatureRule::kRequired,
                                                                       .signer = {}}));
  const auto length = sealed::fixed_stream_length(0, manifest.payload_plaintext_size, header.exponent());
  if (!header.is_fixed() || !length || segments != *length)
    return bad_layer(layer, "its length does not fit the plaintext size that the manifest names");
  bool same = header.recipient_count() == manifest.cards.size();
  for (std::size_t i = 0; same && i < manifest.cards.size(); ++i)
    same = to_hex(header.recipient(i).key_id) == manifest.cards[i].delivery_key_id;
  if (!same)
    return Error(ErrorCode::kVerificationFailed, "bad-package",
                 "the manifest's cards are not those that the payload is sealed for");
  return ok();
}

}  // namespace

Result<SegmentsFacts> PackageFile::verify_contents(const Progress& progress) const {
  SegmentsFacts segments;
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  for (const Blob& blob : blobs_) total += blob.size;
  std::uint64_t left = unpacked_max(total);
  Bytes buffer(kPiece);
  ImageTree tree(mount_paths(config_));
  // blobs_[0] is the image's configuration, which open() has verified.
  for (std::size_t i = 0; i < manifest_.layers.size(); ++i) {
    const Layer& layer = manifest_.layers[i];
    const Blob& blob = blobs_[i + 1];
    const bool sealed_part = layer.role == LayerRole::kPayloadHeader || layer.role == LayerRole::kPayloadSegments;
    DigestHasher blob_hash;
    DigestHasher content_hash;
    Gunzip gunzip(Gunzip::Members::kOne, left);
    ForeignTar entries([&](const ForeignEntry& entry) { return tree.add(entry); });
    // What is wrong with an entry is said once the layer has proved to be the one that was signed.
    const auto look = [&](ByteView bytes) { (void)entries.feed(bytes).has_value(); };
    const archive::Sink take_content = [&](ByteView bytes) {
      content_hash.update(bytes);
      look(bytes);
      return ok();
    };
    SealedLayer content(layer.role);
    archive::TarReader tar(content, {10, std::uint64_t{1} << 41, false});
    for (std::uint64_t at = 0; at < blob.size;) {
      MIFENG_TRY(const std::size_t got, read_blob(blob, at, buffer));
      if (got == 0) return bad_layer(layer, "the package ends within it");
      const ByteView piece = ByteView(buffer).first(got);
      at += got;
      done += got;
      blob_hash.update(piece);
      if (layer.media_type == kLayerGzip)
        if (const auto unpacked = gunzip.feed(piece, take_content); !unpacked)
          return bad_layer(layer, unpacked.error().message());
      if (sealed_part)
        MIFENG_CHECK(tar.feed(piece));
      else if (layer.media_type == kLayerTar)
        look(piece);
      if (progress) progress(done, total);
    }
    if (blob_hash.digest() != layer.digest) return wrong_digest(layer, "has other content than its digest says");
    if (layer.media_type == kLayerGzip && (!gunzip.ended() || content_hash.digest() != layer.diff_id))
      return wrong_digest(layer, "unpacks to something else than its diff id says");
    if (!sealed_part) {
      if (const auto plain = entries.finish(); !plain) return bad_layer(layer, plain.error().message());
      continue;
    }
    MIFENG_CHECK(tar.finish());
    if (layer.role == LayerRole::kPayloadHeader && to_bytes(content.header) != payload_header_)
      return bad_layer(layer, "its payload header is not the package's payload.header");
    if (layer.role == LayerRole::kPayloadSegments) {
      MIFENG_CHECK(check_payload(manifest_, payload_header_, content.segments));
      segments = {content.segments, content.hash.finish()};
    }
  }
  return segments;
}

}  // namespace mifeng::package
