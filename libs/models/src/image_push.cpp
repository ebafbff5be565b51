#include "mifeng/models/image_push.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mifeng/base/phrase.h"
#include "mifeng/json/value.h"
#include "mifeng/os/file.h"

namespace mifeng::models {
namespace {

constexpr std::chrono::minutes kDeadline{30};
constexpr std::chrono::seconds kPatience{20};  // with a registry that says nothing

Error cannot_write(int error_number, const std::filesystem::path& path) {
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
    return Error(ErrorCode::kResourceExhausted, "disk-full",
                 phrase("The platform's disk for uploads is full; nothing was stored. Make room there, or ask its "
                        "administrator to, and submit again."));
  return errno_error(error_number, "write " + path.string());
}

Result<void> write_blob(const package::PackageFile& package, const package::Blob& blob,
                        const std::filesystem::path& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return cannot_write(errno, path);
  Bytes buffer(1 << 20);
  for (std::uint64_t offset = 0; offset < blob.size;) {
    MIFENG_TRY(const std::size_t got, package.read_blob(blob, offset, buffer));
    if (got == 0) break;
    for (std::size_t done = 0; done < got;) {
      const ::ssize_t wrote = ::write(file.get(), buffer.data() + done, got - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return cannot_write(errno, path);
      done += static_cast<std::size_t>(wrote);
    }
    offset += got;
  }
  return ok();
}

Result<void> write_text(const std::filesystem::path& path, const std::string& text) {
  return write_file_atomic(path, as_bytes(text), 0600);
}

}  // namespace

Result<void> push_layout(const std::filesystem::path& layout, const std::string& address, const RegistryAccess& access,
                         std::chrono::seconds deadline) {
  return run_skopeo(
      access, address,
      {"copy", "--quiet", "--preserve-digests", "--retry-times", "2", "oci:" + layout.string(), "docker://" + address},
      "dest-", deadline);
}

std::string image_address(const package::PackageFile& package, const std::string& registry) {
  return registry + "/" + package.manifest().image_name + "@" + package.manifest().image_digest;
}

Result<std::string> push_image(const package::PackageFile& package, const std::string& tag,
                               const PushOptions& options) {
  const std::string address = options.registry + "/" + package.manifest().image_name + ":" + tag;
  MIFENG_CHECK(await_registry(options.access, address, kPatience));
  MIFENG_TRY(const TempDir folder, TempDir::create(options.work_dir, "image-"));
  const std::filesystem::path blobs = folder.path() / "blobs" / "sha256";
  std::error_code failed;
  std::filesystem::create_directories(blobs, failed);
  if (failed) return cannot_write(failed.value(), blobs);
  const auto blob_path = [&](const std::string& digest) { return blobs / digest.substr(digest.find(':') + 1); };
  for (const auto& blob : package.blobs()) MIFENG_CHECK(write_blob(package, blob, blob_path(blob.digest)));
  const std::string& digest = package.manifest().image_digest;
  MIFENG_CHECK(write_text(blob_path(digest), package.image_manifest()));
  MIFENG_CHECK(write_text(folder.path() / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  json::Array manifests;
  manifests.emplace_back(json::Object{{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                                      {"digest", digest},
                                      {"size", package.image_manifest().size()}});
  MIFENG_CHECK(write_text(folder.path() / "index.json",
                          json::serialize(json::Object{{"schemaVersion", 2}, {"manifests", std::move(manifests)}})));
  MIFENG_CHECK(push_layout(folder.path(), address, options.access, kDeadline));
  return image_address(package, options.registry);
}

}  // namespace mifeng::models
