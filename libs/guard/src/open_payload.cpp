#include "mifeng/guard/open_payload.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "mifeng/archive/payload.h"
#include "mifeng/os/file.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"

namespace mifeng::guard {

namespace {

constexpr std::size_t kReadSize = 256 << 10;

Error other_segments() {
  return Error(ErrorCode::kVerificationFailed, "other-segments",
               "the payload's segments in the image are not those that were submitted");
}

Error cancelled() { return Error(ErrorCode::kCancelled, "stopping", "the container is being stopped"); }

Result<void> unpack(ByteView header, SealedFile segments, const PayloadKey& key, int folder_fd,
                    crypto::Sm4GcmProvider& provider, PayloadProgress& progress) {
  MIFENG_TRY(const Bytes context, sealed::payload_context(key.vendor, key.model, key.version));
  sealed::Policy policy{.kind = sealed::Kind::kPayload,
                        .exponent_max = sealed::kExponentMax,
                        .signature = sealed::SignatureRule::kRequired,
                        .signer = key.vendor_key};
  sealed::Opener opener(std::move(policy), sealed::RootKey(key.root_key.clone()), context, provider);
  if (segments.size() != key.segments_size) return other_segments();
  crypto::Sha256 hash;
  MIFENG_TRY(archive::PayloadUnpacker unpacker, archive::PayloadUnpacker::create(folder_fd));
  const auto feed = [&](ByteView in) -> Result<void> {
    while (!in.empty()) {
      MIFENG_TRY(const ByteView plaintext, opener.next(in));
      MIFENG_CHECK(unpacker.feed(plaintext));
    }
    return ok();
  };
  MIFENG_CHECK(feed(header));
  Bytes buffer(kReadSize);
  while (true) {
    if (progress.cancel) return cancelled();
    MIFENG_TRY(const std::size_t got, segments.read(buffer));
    if (got == 0) break;
    hash.update(ByteView(buffer).first(got));
    MIFENG_CHECK(feed(ByteView(buffer).first(got)));
    progress.bytes += got;
  }
  MIFENG_CHECK(opener.finish());  // the final segment has verified
  // Whoever made the accepted header can make other segments for it, which would verify as well.
  if (hash.finish() != key.segments_sha256) return other_segments();
  return unpacker.finish();
}

void empty_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    std::filesystem::remove_all(entry.path(), ignored);
}

}  // namespace

PayloadKey payload_key(const messages::Grant& grant) {
  return {.vendor = grant.vendor,
          .model = grant.model,
          .version = grant.version,
          .vendor_key = grant.vendor_key,
          .root_key = grant.payload_root_key.clone(),
          .segments_size = grant.segments_size,
          .segments_sha256 = grant.segments_sha256};
}

Result<void> check_in_memory(const std::filesystem::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return errno_error(errno, "look at " + folder.string());
  if (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC) return ok();
  return Error(ErrorCode::kInvalidArgument, "not-in-memory",
               folder.string() +
                   " is not a file system in memory, and the model must not be written to a disk; mount "
                   "a tmpfs there");
}

Result<void> open_payload(ByteView header, SealedFile segments, const PayloadKey& key,
                          const std::filesystem::path& folder, crypto::Sm4GcmProvider& provider,
                          PayloadProgress& progress) {
  std::error_code error;
  if (!std::filesystem::is_empty(folder, error) || error)
    return Error(ErrorCode::kInvalidArgument, "folder-not-empty",
                 folder.string() + " has to be an empty folder before the payload is opened");
  UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd) return errno_error(errno, "open " + folder.string());
  auto unpacked = unpack(header, std::move(segments), key, folder_fd.get(), provider, progress);
  if (!unpacked) empty_folder(folder);
  return unpacked;
}

}  // namespace mifeng::guard
