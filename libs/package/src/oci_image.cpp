#include "mifeng/package/oci_image.h"

#include <fcntl.h>
#include <unistd.h>

#include "base_image_json.h"
#include "mifeng/os/file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"
#include "package_parts.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 1 << 18;

class Layout {
 public:
  explicit Layout(const fs::path& folder) : folder_(folder) {}

  Error bad(const std::string& sentence) const {
    return Error(ErrorCode::kVerificationFailed, "bad-image-folder",
                 "the image in " + folder_.string() + ": " + sentence);
  }

  Result<OciBlob> blob(const BaseBlob& named) const {
    OciBlob blob{named.media_type, named.digest, named.size, folder_ / "blobs/sha256" / digest_hex(named.digest)};
    const UniqueFd fd(::open(blob.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return bad("the blob " + blob.digest + " is missing, or cannot be read");
    DigestHasher digest;
    Bytes buffer(kPiece);
    std::uint64_t at = 0;
    for (;;) {
      MIFENG_TRY(const std::size_t got, pread_some(fd.get(), at, buffer));
      if (got == 0) break;
      at += got;
      if (at > blob.size) break;
      digest.update(ByteView(buffer).first(got));
    }
    if (at != blob.size || digest.digest() != blob.digest)
      return bad("the blob " + blob.digest + " has other content than its digest says");
    return blob;
  }

 private:
  const fs::path& folder_;
};

}  // namespace

Result<OciImage> read_oci_image(const fs::path& folder) {
  const Layout layout(folder);
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return Error(ErrorCode::kNotFound, "no-such-image", "there is no folder " + folder.string());
  const auto version = read_text_file(folder / "oci-layout", 4096);
  const auto index = read_text_file(folder / "index.json", kBaseJsonMax);
  if (!version || !index) return layout.bad("it has no " + std::string(version ? "index.json" : "oci-layout"));
  if (*version != kOciLayout) return layout.bad("its oci-layout is not that of version 1.0.0");
  const auto entries = parse_base_index(*index);
  if (!entries) return layout.bad(entries.error().message());
  if (entries->size() != 1 || entries->front().blob.media_type != kImageManifest)
    return layout.bad("its index does not name one manifest alone");

  OciImage image;
  if (entries->front().blob.size > kBaseJsonMax) return layout.bad("its manifest is larger than 1 MiB");
  MIFENG_TRY(const OciBlob manifest, layout.blob(entries->front().blob));
  MIFENG_TRY(image.manifest, read_text_file(manifest.path, kBaseJsonMax));
  // Held against its digest again: these are the bytes that are handed on.
  if (sha256_digest(as_bytes(image.manifest)) != manifest.digest) return layout.bad("its manifest changes");
  image.manifest_media_type = manifest.media_type;
  image.digest = manifest.digest;
  const auto parts = parse_base_manifest(image.manifest);
  if (!parts) return layout.bad(parts.error().message());
  MIFENG_TRY(image.config, layout.blob(parts->config));
  for (const BaseBlob& named : parts->layers) {
    MIFENG_TRY(OciBlob layer, layout.blob(named));
    image.layers.push_back(std::move(layer));
  }
  return image;
}

}  // namespace mifeng::package
