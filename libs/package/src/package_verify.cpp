// The part of verification that reads every byte of a package.
#include <algorithm>
#include <memory>

#include "gunzip.h"
#include "image_facts.h"
#include "mifeng/archive/tar.h"
#include "mifeng/package/package_file.h"
#include "mifeng/sealed/header.h"
#include "mifeng/sealed/length.h"
#include "oci.h"
#include "sha256.h"

namespace mifeng::package {
namespace {

constexpr std::size_t kPiece = 1 << 18;
// A layer that unpacks to more than this is refused before it fills anything: 64 GiB.
constexpr std::uint64_t kUnpackedMax = std::uint64_t{64} << 30;

Error wrong_digest(const Layer& layer, const char* what) {
  return Error(ErrorCode::kVerificationFailed, "wrong-digest",
               "the " + std::string(to_string(layer.role)) + " layer " + layer.digest + " " + what);
}
Error bad_layer(const Layer& layer, const std::string& sentence) {
  return Error(ErrorCode::kVerificationFailed, "bad-package",
               "the " + std::string(to_string(layer.role)) + " layer: " + sentence);
}

// The two sealed layers: which files they may hold. Header and facts are kept, the segments only counted.
class SealedLayer final : public archive::TarHandler {
 public:
  explicit SealedLayer(LayerRole role) : role_(role) {}
  Result<void> entry(const archive::TarEntry& entry) override {
    if (entry.type == archive::TarEntry::Type::kDirectory) return ok();
    target_ = nullptr;
    if (role_ == LayerRole::kPayloadSegments && entry.path == kPayloadSegmentsPath && segments == 0) {
      segments = entry.size;
      return ok();
    }
    if (role_ == LayerRole::kPayloadHeader && entry.path == kPayloadHeaderPath) target_ = &header;
    if (role_ == LayerRole::kPayloadHeader && entry.path == kImageFactsPath) target_ = &facts;
    if (target_ != nullptr && target_->empty() && entry.size <= (2 << 20)) return ok();
    return Error(ErrorCode::kVerificationFailed, "bad-package",
                 "\"" + entry.path + "\" does not belong into the " + std::string(to_string(role_)) + " layer");
  }
  Result<void> data(ByteView bytes) override {
    if (target_ != nullptr) target_->append(as_text(bytes));
    return ok();
  }
  Result<void> end() override { return ok(); }

  std::string header, facts;
  std::uint64_t segments = 0;

 private:
  LayerRole role_;
  std::string* target_ = nullptr;
};

}  // namespace

Result<void> PackageFile::verify_contents(const Progress& progress) const {
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  for (const Blob& blob : blobs_) total += blob.size;
  Bytes buffer(kPiece);
  // blobs_[0] is the image's configuration, which open() has verified.
  for (std::size_t i = 0; i < manifest_.layers.size(); ++i) {
    const Layer& layer = manifest_.layers[i];
    const Blob& blob = blobs_[i + 1];
    const bool sealed_part = layer.role == LayerRole::kPayloadHeader || layer.role == LayerRole::kPayloadSegments;
    Sha256 blob_hash;
    Sha256 content_hash;
    std::uint64_t left = kUnpackedMax;
    Gunzip gunzip(Gunzip::Members::kOne, left);
    const archive::Sink hash_content = [&](ByteView bytes) {
      content_hash.update(bytes);
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
      if (layer.media_type == kLayerGzip && !gunzip.feed(piece, hash_content))
        return bad_layer(layer, "it is not one gzip stream, or unpacks to too much");
      if (sealed_part) MIFENG_CHECK(tar.feed(piece));
      if (progress) progress(done, total);
    }
    if (blob_hash.digest() != layer.digest) return wrong_digest(layer, "has other content than its digest says");
    if (layer.media_type == kLayerGzip && (!gunzip.ended() || content_hash.digest() != layer.diff_id))
      return wrong_digest(layer, "unpacks to something else than its diff id says");
    if (!sealed_part) continue;
    MIFENG_CHECK(tar.finish());
    if (layer.role == LayerRole::kPayloadHeader) {
      if (to_bytes(content.header) != payload_header_)
        return bad_layer(layer, "its payload header is not the package's payload.header");
      MIFENG_CHECK(check_image_facts(content.facts, manifest_));
    } else {
      MIFENG_TRY(const auto header,
                 sealed::Header::parse(payload_header_, {.kind = sealed::Kind::kPayload,
                                                         .exponent_max = sealed::kExponentMax,
                                                         .signature = sealed::SignatureRule::kRequired,
                                                         .signer = {}}));
      const auto length = sealed::fixed_stream_length(0, manifest_.payload_plaintext_size, header.exponent());
      if (!header.is_fixed() || !length || content.segments != *length)
        return bad_layer(layer, "its length does not fit the plaintext size that the manifest names");
    }
  }
  return ok();
}

}  // namespace mifeng::package
