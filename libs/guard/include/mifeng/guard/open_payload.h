// The payload: opened with the granted root key, unpacked into memory, used only once all of it has verified.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>

#include "mifeng/base/result.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/guard/sealed_file.h"
#include "mifeng/messages/grant.h"

namespace mifeng::guard {

inline constexpr std::uint64_t kSegmentsSizeMax = std::uint64_t{1} << 41;  // spec/payload.md: at most 2^40 of plaintext

// Whether a file system keeps nothing on a disk: tmpfs or ramfs. kInvalidArgument "not-in-memory".
Result<void> check_in_memory(const std::filesystem::path& folder);

// What a grant says about the payload; a copy, for the thread that opens it.
struct PayloadKey {
  std::string vendor, model, version;
  crypto::Sm2PublicKey vendor_key;
  Secret<16> root_key;
  std::uint64_t segments_size = 0;
  crypto::Sha256Digest segments_sha256{};
};
PayloadKey payload_key(const messages::Grant& grant);

// Between the thread that opens the payload and whoever waits for it.
struct PayloadProgress {
  std::atomic<bool> cancel = false;      // set by the one that waits
  std::atomic<std::uint64_t> bytes = 0;  // of the segments: read, verified and unpacked
};

// Whether something that counts upwards has stood still for too long.
class Standstill {
 public:
  using Time = std::chrono::steady_clock::time_point;
  Standstill(std::chrono::milliseconds patience, Time now) : patience_(patience), since_(now) {}
  // The count at `now`: whether it has been the same for the whole of `patience`.
  bool lasts(std::uint64_t count, Time now) {
    if (count != count_) {
      count_ = count;
      since_ = now;
    }
    return now - since_ >= patience_;
  }

 private:
  std::chrono::milliseconds patience_;
  Time since_;
  std::uint64_t count_ = 0;
};

// Opens header and segments under the grant's context, root key and vendor key, and unpacks what comes out below
// `folder`, which must be empty. On any error the folder is emptied again. kVerificationFailed "other-segments"
// where they are not what was submitted, the class of failure of the stream, "bad-archive", "bad-payload";
// kResourceExhausted "disk-full" where the memory file system is too small; "payload-changed" of the file; kCancelled
// once `progress.cancel` is set. Blocks; runs in a thread of its own.
Result<void> open_payload(ByteView header, SealedFile segments, const PayloadKey& key,
                          const std::filesystem::path& folder, crypto::Sm4GcmProvider& provider,
                          PayloadProgress& progress);

}  // namespace mifeng::guard
