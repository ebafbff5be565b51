// The payload's archive (spec/payload.md): a tar whose first entry says what the others must be, and its unpacking into
// a folder that may hold nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/archive/tar.h"
#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::archive {

inline constexpr std::string_view kPayloadManifestName = ".mifeng-payload.json";

struct PayloadFile {
  std::string path;
  std::uint64_t size = 0;
  bool executable = false;  // mode 0755, else 0644
  bool operator==(const PayloadFile&) const = default;
};

// Sorted by path (bytes), no path twice, none below another that is a file.
struct PayloadManifest {
  std::vector<PayloadFile> files;
  std::uint64_t total_size() const;
};

struct PayloadLimits {
  std::size_t manifest_bytes = 8 << 20;
  std::size_t files = 100'000;
  std::uint64_t total_size = std::uint64_t{1} << 40;
};

// kVerificationFailed "bad-payload".
Result<PayloadManifest> parse_payload_manifest(std::string_view json, const PayloadLimits& limits = {});
std::string serialize_payload_manifest(const PayloadManifest& manifest);

// The files below `folder`, which may hold folders, files and symlinks that stay inside it (written as what they point
// at). kInvalidArgument "bad-payload" for anything else in it.
Result<PayloadManifest> scan_payload(const std::filesystem::path& folder);
// The archive's length in bytes: what a sealed stream of it announces.
std::uint64_t payload_archive_size(const PayloadManifest& manifest);
// Writes the archive. The files must still be as they were scanned.
Result<void> write_payload(const std::filesystem::path& folder, const PayloadManifest& manifest, const Sink& sink);

// Unpacks below a folder descriptor as the bytes come. Folders are made 0750, files 0750 or 0640 (whoever has
// the group reads and does not change them), each new (O_EXCL), each part of a path opened without following links.
// Nothing may be used before finish() has succeeded, and a caller that gets an error removes the folder.
class PayloadUnpacker {
 public:
  // `folder_fd` stays the caller's, and outlives the unpacker.
  static Result<PayloadUnpacker> create(int folder_fd, const PayloadLimits& limits = {});
  PayloadUnpacker(PayloadUnpacker&&) noexcept;
  PayloadUnpacker& operator=(PayloadUnpacker&&) noexcept;
  ~PayloadUnpacker();

  // kVerificationFailed "bad-archive" | "bad-payload" (not as the manifest says), kResourceExhausted "disk-full".
  Result<void> feed(ByteView bytes);
  // The archive has ended and every file of the manifest was there.
  Result<void> finish();
  const PayloadManifest& manifest() const;  // empty until it was read

 private:
  struct State;
  explicit PayloadUnpacker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::archive
