#include "mifeng/package/sealed_layers.h"

#include <fcntl.h>
#include <unistd.h>

#include "mifeng/archive/payload.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/os/file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/length.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

// Small payloads in segments of 64 KiB, larger ones in segments of 1 MiB: fewer tags, and still little memory.
int exponent_for(std::uint64_t size) { return size < (std::uint64_t{32} << 20) ? 16 : 20; }

// A layer that is written as it is made: not compressed, so its digest is its diff id.
class PlainLayer {
 public:
  static Result<PlainLayer> create(const fs::path& path, LayerRole role) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return errno_error(errno, "create " + path.string());
    return PlainLayer(path, role, std::move(fd));
  }
  Result<void> write(ByteView bytes) {
    digest_.update(bytes);
    file_.layer.size += bytes.size();
    while (!bytes.empty()) {
      const ::ssize_t done = ::write(fd_.get(), bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return errno_error(errno, "write " + file_.path.string());
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return ok();
  }
  LayerFile finish() {
    file_.layer.digest = digest_.digest();
    file_.layer.diff_id = file_.layer.digest;
    return std::move(file_);
  }

 private:
  PlainLayer(const fs::path& path, LayerRole role, UniqueFd fd) : fd_(std::move(fd)) {
    file_.path = path;
    file_.layer.role = role;
    file_.layer.media_type = kLayerTar;
  }
  UniqueFd fd_;
  DigestHasher digest_;
  LayerFile file_;
};

Result<void> add_folder(archive::TarWriter& tar, std::string_view folder) {
  return tar.add({std::string(folder), archive::TarEntry::Type::kDirectory, 0755, 0, {}});
}

}  // namespace

Result<SealedPayload> seal_payload(const fs::path& folder, const PackageManifest& manifest,
                                   const std::vector<crypto::Sm2PublicKey>& recipients,
                                   const crypto::Sm2PrivateKey& signer, const fs::path& work, Random& random,
                                   const std::function<Result<void>(std::uint64_t, std::uint64_t)>& progress) {
  SealedPayload out;
  MIFENG_TRY(const auto files, archive::scan_payload(folder));
  out.plaintext_size = archive::payload_archive_size(files);
  if (out.plaintext_size > sealed::kPlaintextMax)
    return Error(ErrorCode::kResourceExhausted, "stream-too-long", "the payload is larger than 2^40 bytes");
  const int exponent = exponent_for(out.plaintext_size);
  MIFENG_TRY(
      auto sender,
      sealed::SenderKey::create(
          {.kind = sealed::Kind::kPayload, .exponent = exponent, .recipients = recipients, .signer = &signer}, random));
  MIFENG_TRY(const Bytes context,
             sealed::payload_context(manifest.vendor.id, manifest.model.name, manifest.model.version));
  MIFENG_TRY(const auto provider, crypto::Sm4GcmProvider::create());
  MIFENG_TRY(auto sealer,
             sealed::Sealer::create(sender, {.segmentation = sealed::Segmentation::kFixed, .context = context}, random,
                                    *provider));
  out.header.assign(sealer.header().begin(), sealer.header().end());

  MIFENG_TRY(auto layer, PlainLayer::create(work / "segments.tar", LayerRole::kPayloadSegments));
  archive::TarWriter tar([&](ByteView bytes) { return layer.write(bytes); });
  for (const std::string_view path : kSegmentsFolders) MIFENG_CHECK(add_folder(tar, path));
  const auto length = sealed::fixed_stream_length(0, out.plaintext_size, exponent);
  MIFENG_CHECK(tar.add({std::string(kPayloadSegmentsPath), archive::TarEntry::Type::kFile, 0644, *length, {}}));
  Bytes segment(sealer.segment_size() + sealed::kSegmentOverhead);
  const auto seal_on = [&](ByteView bytes, sealed::Sealer::After after) -> Result<void> {
    do {
      MIFENG_TRY(const std::size_t size, sealer.next(bytes, after, segment));
      MIFENG_CHECK(tar.data(ByteView(segment).first(size)));
    } while (!bytes.empty());
    return ok();
  };
  std::uint64_t done = 0;
  const auto seal_piece = [&](ByteView bytes) -> Result<void> {
    MIFENG_CHECK(seal_on(bytes, sealed::Sealer::After::kMore));
    done += bytes.size();
    return progress ? progress(done, out.plaintext_size) : ok();
  };
  MIFENG_CHECK(archive::write_payload(folder, files, seal_piece));
  MIFENG_CHECK(seal_on({}, sealed::Sealer::After::kLast));
  MIFENG_CHECK(tar.finish());
  out.segments = layer.finish();
  return out;
}

Result<LayerFile> header_layer(ByteView header, const fs::path& work) {
  MIFENG_TRY(auto layer, PlainLayer::create(work / "header.tar", LayerRole::kPayloadHeader));
  archive::TarWriter tar([&](ByteView bytes) { return layer.write(bytes); });
  for (const std::string_view folder : kHeaderFolders) {
    MIFENG_CHECK(add_folder(tar, folder));
    if (folder == "mifeng/payload") MIFENG_CHECK(tar.add_file(kPayloadHeaderPath, header));
  }
  MIFENG_CHECK(tar.finish());
  return layer.finish();
}

}  // namespace mifeng::package
