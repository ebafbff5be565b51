#include "mifeng/package/package_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "mifeng/archive/tar.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/crypto/statement.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"
#include "package_parts.h"

namespace mifeng::package {
namespace {

constexpr std::size_t kSignatureMax = 128;
constexpr std::size_t kImageJsonMax = 1 << 20;

Error bad_package(const std::string& sentence) {
  return Error(ErrorCode::kVerificationFailed, "bad-package", sentence);
}

std::string sm3_hex(std::string_view text) { return to_hex(crypto::sm3(as_bytes(text))); }

}  // namespace

// Walks the archive and files each entry under what the order of the format says it is.
class PackageScan final : public archive::TarHandler {
 public:
  PackageScan(PackageFile& file, const PackageLimits& limits)
      : file_(file), limits_(limits), reader_(*this, {80, limits.file_size, false}) {}

  Result<void> run() {
    Bytes buffer(archive::kTarBlock * 16);
    std::uint64_t at = 0;
    while (at < file_.file_size_) {
      // Small entries come whole, block by block; of a blob only where it lies.
      const std::size_t want =
          at % archive::kTarBlock == 0 ? archive::kTarBlock : archive::kTarBlock - at % archive::kTarBlock;
      MIFENG_TRY(const std::size_t got, pread_some(file_.file_.get(), at, MutableBytes(buffer).first(want)));
      if (got == 0) break;
      MIFENG_CHECK(reader_.feed(ByteView(buffer).first(got)));
      at += got;
      if (!in_blob_) continue;
      MIFENG_TRY(const std::uint64_t skipped, reader_.skip_content());
      at += skipped;
      if (at > file_.file_size_) return reader_.cut_at(file_.file_size_);
    }
    MIFENG_CHECK(reader_.finish());
    if (at != file_.file_size_) return bad_package("the file changed while it was read");
    return complete();
  }

  Result<void> entry(const archive::TarEntry& entry) override {
    if (entry.type != archive::TarEntry::Type::kFile || entry.mode != 0644)
      return bad_package("\"" + entry.path + "\" is not an ordinary file");
    MIFENG_CHECK(place(entry));
    in_blob_ = target_ == nullptr;
    if (in_blob_) {
      file_.blobs_.push_back({"sha256:" + entry.path.substr(kBlobPrefix.size()), reader_.offset(), entry.size});
    } else {
      target_->clear();
    }
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    if (target_ != nullptr) target_->append(as_text(bytes));
    return ok();
  }
  Result<void> end() override {
    const bool was_manifest = target_ == &file_.manifest_bytes_;
    target_ = nullptr;
    in_blob_ = false;
    ++next_;
    if (!was_manifest) return ok();
    MIFENG_TRY(file_.manifest_, parse_package_manifest(file_.manifest_bytes_));
    return ok();
  }

 private:
  // The next entry has to be the next part; a document that is not there is named.
  Result<void> place(const archive::TarEntry& entry) {
    const auto expect = [&](std::string_view path, std::uint64_t min, std::uint64_t max) -> Result<void> {
      if (entry.path != path) {
        if (path.starts_with("documents/")) return missing_document(path);
        return Error(ErrorCode::kVerificationFailed, next_ == 0 ? "bad-package" : "missing-part",
                     "\"" + entry.path.substr(0, 100) + "\" stands where " + std::string(path) + " has to be");
      }
      if (entry.size < min || entry.size > max)
        return bad_package(std::string(path) + " has " + std::to_string(entry.size) + " bytes; expected " +
                           (min == max ? std::to_string(min) : "at most " + std::to_string(max)));
      return ok();
    };
    const PackageManifest& manifest = file_.manifest_;
    const auto fixed = [&](std::string_view path, std::string* target, std::uint64_t size) {
      target_ = target;
      return expect(path, size, size);
    };
    switch (next_) {
      case 0: target_ = &file_.manifest_bytes_; return expect(kPackageManifestName, 1, limits_.manifest_size);
      case 1: target_ = &signature_; return expect(kSignatureName, 1, kSignatureMax);
      case 2:
        if (manifest.config.size > limits_.config_size) return bad_package("config.yaml is too large");
        return fixed(kConfigName, &file_.config_yaml_, manifest.config.size);
      case 3: return document(entry, 0, manifest.design.size, fixed);
      case 4: return document(entry, 1, manifest.usage.size, fixed);
      case 5: return document(entry, 2, manifest.test.size, fixed);
      case 6: return fixed(kHeaderName, &payload_header_, manifest.payload_header.size);
      case 7: return fixed(kLayoutName, &layout_, kOciLayout.size());
      case 8: target_ = &index_; return expect(kIndexName, 1, kImageJsonMax);
      case 9:
        return fixed(std::string(kBlobPrefix) + std::string(digest_hex(manifest.image_digest)), &file_.image_manifest_,
                     manifest.image_manifest_size);
      default: break;
    }
    const std::size_t index = next_ - 10;
    target_ = nullptr;
    if (index == 0)
      return expect(std::string(kBlobPrefix) + std::string(digest_hex(manifest.image_config.digest)),
                    manifest.image_config.size, manifest.image_config.size);
    if (index - 1 < manifest.layers.size()) {
      const Layer& layer = manifest.layers[index - 1];
      return expect(std::string(kBlobPrefix) + std::string(digest_hex(layer.digest)), layer.size, layer.size);
    }
    return bad_package("\"" + entry.path.substr(0, 100) + "\" does not belong into a package");
  }

  template <typename Fixed>
  Result<void> document(const archive::TarEntry&, std::size_t index, std::uint64_t size, const Fixed& fixed) {
    if (size > limits_.document_size)
      return bad_package(std::string(kDocumentNames[index]) + " is larger than " +
                         std::to_string(limits_.document_size) + " bytes");
    return fixed(kDocumentNames[index], &file_.documents_[index], size);
  }

  static Error missing_document(std::string_view path) {
    const std::string name(path.substr(10, path.size() - 13));
    return Error(ErrorCode::kInvalidArgument, "missing-document",
                 "the " + name + " document (" + std::string(path) + ") is missing from the package");
  }

  Result<void> complete() {
    const PackageManifest& manifest = file_.manifest_;
    if (next_ >= 3 && next_ < 6) return missing_document(kDocumentNames[next_ - 3]);
    if (next_ != 11 + manifest.layers.size())
      return Error(ErrorCode::kVerificationFailed, "missing-part", "the package ends before its last part");
    file_.signature_ = to_bytes(signature_);
    file_.payload_header_ = to_bytes(payload_header_);

    const auto digest = [](std::string_view path, std::string_view text, const std::string& sm3) -> Result<void> {
      if (sm3_hex(text) == sm3) return ok();
      return Error(ErrorCode::kVerificationFailed, "wrong-digest",
                   std::string(path) + " is not what the manifest names (its SM3 is another)");
    };
    MIFENG_CHECK(digest(kConfigName, file_.config_yaml_, manifest.config.sm3));
    MIFENG_CHECK(digest(kDocumentNames[0], file_.documents_[0], manifest.design.sm3));
    MIFENG_CHECK(digest(kDocumentNames[1], file_.documents_[1], manifest.usage.sm3));
    MIFENG_CHECK(digest(kDocumentNames[2], file_.documents_[2], manifest.test.sm3));
    MIFENG_CHECK(digest(kHeaderName, payload_header_, manifest.payload_header.sm3));
    if (layout_ != kOciLayout || index_ != image_index_json(manifest))
      return bad_package("the image's index is not what the manifest describes");
    if (file_.image_manifest_ != image_manifest_json(manifest) ||
        sha256_digest(as_bytes(file_.image_manifest_)) != manifest.image_digest)
      return Error(ErrorCode::kVerificationFailed, "wrong-digest",
                   "the image's manifest is not what the package's manifest describes");

    Bytes config(static_cast<std::size_t>(manifest.image_config.size));
    MIFENG_TRY(const std::size_t got, file_.read_blob(file_.blobs_.front(), 0, config));
    if (got != config.size() || sha256_digest(config) != manifest.image_config.digest)
      return Error(ErrorCode::kVerificationFailed, "wrong-digest", "the image's configuration has another digest");
    MIFENG_CHECK(check_image_config(as_text(config), manifest));

    auto parsed = manifest::parse_deployment_config(file_.config_yaml_, kConfigName, manifest::ConfigKind::kPackage);
    if (!parsed) return Error(ErrorCode::kVerificationFailed, "bad-package", parsed.error().message());
    file_.config_ = std::move(*parsed);
    if (file_.config_.model_name != manifest.model.name || file_.config_.model_version != manifest.model.version)
      return bad_package("config.yaml names another model or version than the manifest");
    if (file_.config_.image != manifest.image_name + "@" + manifest.image_digest)
      return bad_package("config.yaml names another image than the manifest");
    return ok();
  }

  PackageFile& file_;
  const PackageLimits& limits_;
  archive::TarReader reader_;
  std::size_t next_ = 0;           // which part comes next
  std::string* target_ = nullptr;  // where its bytes go
  bool in_blob_ = false;
  std::string signature_, payload_header_, layout_, index_;
};

std::string_view to_string(Document document) {
  switch (document) {
    case Document::kDesign: return "design";
    case Document::kUsage: return "usage";
    case Document::kTest: return "test";
  }
  return "";
}

Result<std::size_t> pread_some(int fd, std::uint64_t offset, MutableBytes out) {
  for (;;) {
    const ::ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<::off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return errno_error(errno, "read the package");
  }
}

Result<PackageFile> PackageFile::open(const std::filesystem::path& path, const PackageLimits& limits) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error(errno, "open " + path.string());
  return open(std::move(file), limits);
}

Result<PackageFile> PackageFile::open(UniqueFd file, const PackageLimits& limits) {
  struct ::stat facts {};
  if (::fstat(file.get(), &facts) != 0) return errno_error(errno, "look at the package");
  if (!S_ISREG(facts.st_mode)) return bad_package("a package is an ordinary file");
  if (static_cast<std::uint64_t>(facts.st_size) > limits.file_size)
    return Error(ErrorCode::kResourceExhausted, "package-too-large",
                 "the package is larger than " + std::to_string(limits.file_size) + " bytes");
  PackageFile package;
  package.file_ = std::move(file);
  package.file_size_ = static_cast<std::uint64_t>(facts.st_size);
  MIFENG_CHECK(PackageScan(package, limits).run());
  return package;
}

Result<std::size_t> PackageFile::read_blob(const Blob& blob, std::uint64_t offset, MutableBytes out) const {
  if (offset >= blob.size) return std::size_t{0};
  const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), blob.size - offset));
  return pread_some(file_.get(), blob.offset + offset, out.first(left));
}

Result<void> PackageFile::verify_signature(const crypto::Sm2PublicKey& vendor_key) const {
  auto verified = crypto::verify_statement(vendor_key, kPackagePurpose, as_bytes(manifest_bytes_), signature_);
  if (verified) return ok();
  return Error(ErrorCode::kVerificationFailed, "bad-signature",
               "the package's manifest is not signed by the key with fingerprint " + vendor_key.fingerprint());
}

Result<void> PackageFile::verify(const crypto::Sm2PublicKey& vendor_key, const Progress& progress) const {
  MIFENG_CHECK(verify_signature(vendor_key));
  MIFENG_CHECK(verify_contents(progress));
  return ok();
}

}  // namespace mifeng::package
