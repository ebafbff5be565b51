// Reading a .mfpkg: what stands in it, and whether it is what its vendor signed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sha256.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/file.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {

struct PackageLimits {
  std::uint64_t file_size = std::uint64_t{200} << 30;
  std::size_t manifest_size = 256 * 1024;
  std::size_t document_size = 4 << 20;
  std::size_t config_size = 256 * 1024;
};

// Part of the package's file; OCI blobs are uploaded from there without another copy.
struct Blob {
  std::string digest;  // "sha256:<hex>"
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

enum class Document { kDesign, kUsage, kTest };
std::string_view to_string(Document document);  // "design", "usage", "test"

// Called with bytes done and in all; may be empty.
using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

// The file of the payload's segments in the image: what a guard has to be handed.
struct SegmentsFacts {
  std::uint64_t size = 0;
  crypto::Sha256Digest sha256{};
};

// Memory does not grow with the package. Not thread-safe; every read is a pread, so the descriptor may be shared.
class PackageFile {
 public:
  // Walks the archive, reads its small parts and holds them against the manifest: names, order, sizes, SM3 digests,
  // config against manifest (model, version, image), OCI layout, image config. No blob is hashed and no signature is
  // checked yet. kVerificationFailed "bad-package" | "bad-archive" | "wrong-digest" | "missing-document" (the message
  // names it) | "missing-part"; kNotFound "no-such-file".
  static Result<PackageFile> open(const std::filesystem::path& path, const PackageLimits& limits = {});
  static Result<PackageFile> open(UniqueFd file, const PackageLimits& limits = {});

  const PackageManifest& manifest() const { return manifest_; }
  const std::string& manifest_bytes() const { return manifest_bytes_; }
  const Bytes& signature() const { return signature_; }
  const std::string& config_yaml() const { return config_yaml_; }
  const manifest::DeploymentConfig& config() const { return config_; }
  const std::string& document(Document document) const { return documents_[static_cast<std::size_t>(document)]; }
  // The sealed stream's header, the same bytes as in the image. Whether it was sealed for this vendor, model and
  // version is for the holder of the delivery key to find out.
  const Bytes& payload_header() const { return payload_header_; }
  const std::string& image_manifest() const { return image_manifest_; }  // the OCI manifest's exact bytes
  const std::vector<Blob>& blobs() const { return blobs_; }              // image config and layers, not the manifest
  std::uint64_t file_size() const { return file_size_; }

  // Up to out.size() bytes of a blob from `offset`; 0 at its end.
  Result<std::size_t> read_blob(const Blob& blob, std::uint64_t offset, MutableBytes out) const;

  // The signature over the manifest, by `vendor_key` (not by the key that stands in the package, which proves nothing).
  // kVerificationFailed "bad-signature".
  Result<void> verify_signature(const crypto::Sm2PublicKey& vendor_key) const;
  // SHA-256 of every blob, of what every layer unpacks to, and that header and segments in the image are the payload of
  // the manifest. Reads the whole file once, and gives what it saw of the segments. kVerificationFailed "wrong-digest".
  Result<SegmentsFacts> verify_contents(const Progress& progress = {}) const;
  // Both.
  Result<void> verify(const crypto::Sm2PublicKey& vendor_key, const Progress& progress = {}) const;

 private:
  PackageFile() = default;
  friend class PackageScan;
  UniqueFd file_;
  std::uint64_t file_size_ = 0;
  PackageManifest manifest_;
  std::string manifest_bytes_;
  Bytes signature_;
  std::string config_yaml_;
  manifest::DeploymentConfig config_;
  std::string documents_[3];
  Bytes payload_header_;
  std::string image_manifest_;
  std::string image_config_;
  std::vector<Blob> blobs_;
};

}  // namespace mifeng::package
