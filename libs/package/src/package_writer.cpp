#include "mifeng/package/package_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mifeng/archive/tar.h"
#include "mifeng/base/phrase.h"
#include "mifeng/crypto/statement.h"
#include "mifeng/os/file.h"
#include "mifeng/os/part_file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"
#include "package_parts.h"

namespace mifeng::package {
namespace {

Result<void> write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ::ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno_error(errno, "write the package");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return ok();
}

std::string blob_path(const std::string& digest) { return std::string(kBlobPrefix) + std::string(digest_hex(digest)); }

Result<void> copy_blob(archive::TarWriter& tar, const Layer& layer, const std::filesystem::path& path,
                       PackListener& listener, StopSignal* stop) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(errno, "open " + path.string());
  MIFENG_CHECK(tar.add({blob_path(layer.digest), archive::TarEntry::Type::kFile, 0644, layer.size, {}}));
  Bytes buffer(1 << 20);
  DigestHasher digest;
  for (std::uint64_t at = 0; at < layer.size;) {
    MIFENG_TRY(const std::size_t got, pread_some(fd.get(), at, buffer));
    if (got == 0) return Error(ErrorCode::kInternal, "changed", path.string() + " became shorter while it was packed");
    digest.update(ByteView(buffer).first(got));
    MIFENG_CHECK(tar.data(ByteView(buffer).first(got)));
    at += got;
    listener.progress(phrase("writing"), at, layer.size);
    MIFENG_CHECK(check(stop));
  }
  if (digest.digest() != layer.digest)
    return Error(ErrorCode::kInternal, "changed", path.string() + " in the cache is damaged; remove it and pack again");
  return ok();
}

}  // namespace

Result<void> write_package(const PackageParts& parts, const crypto::Sm2PrivateKey& signer,
                           const std::filesystem::path& path, PackListener& listener, StopSignal* stop) {
  const std::string manifest = serialize(parts.manifest);
  MIFENG_TRY(const Bytes signature, crypto::sign_statement(signer, kPackagePurpose, as_bytes(manifest)));
  MIFENG_TRY(PartFile part, PartFile::create(path));
  archive::TarWriter tar([&](ByteView bytes) { return write_all(part.fd(), bytes); });
  MIFENG_CHECK(tar.add_file(kPackageManifestName, as_bytes(manifest)));
  MIFENG_CHECK(tar.add_file(kSignatureName, signature));
  MIFENG_CHECK(tar.add_file(kConfigName, as_bytes(parts.config_yaml)));
  for (std::size_t i = 0; i < kDocumentNames.size(); ++i)
    MIFENG_CHECK(tar.add_file(kDocumentNames[i], as_bytes(parts.documents[i])));
  MIFENG_CHECK(tar.add_file(kHeaderName, parts.payload_header));
  MIFENG_CHECK(tar.add_file(kLayoutName, as_bytes(kOciLayout)));
  MIFENG_CHECK(tar.add_file(kIndexName, as_bytes(image_index_json(parts.manifest))));
  MIFENG_CHECK(tar.add_file(blob_path(parts.manifest.image_digest), as_bytes(parts.image_manifest)));
  MIFENG_CHECK(tar.add_file(blob_path(parts.manifest.image_config.digest), as_bytes(parts.image_config)));
  for (std::size_t i = 0; i < parts.layers.size(); ++i)
    MIFENG_CHECK(copy_blob(tar, parts.manifest.layers[i], parts.layers[i], listener, stop));
  MIFENG_CHECK(tar.finish());
  return part.commit(0644);
}

}  // namespace mifeng::package
