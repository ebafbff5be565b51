// From a model project to a .mfpkg: runs the language's pack, makes the layers, seals the payload, signs, writes.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/card.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {

struct PackOptions {
  std::filesystem::path project;  // the folder of mifeng.yaml
  std::filesystem::path packs;    // the folder of language packs
  std::filesystem::path cache;    // made where missing; may be removed at any time
  std::string base;               // in the place of mifeng.yaml's `base`; a relative path is below the current folder
  std::filesystem::path output;   // appears whole, or not at all
  std::vector<messages::PlatformCard> cards;      // 1..16 platforms to seal for
  const crypto::Sm2PrivateKey* signer = nullptr;  // the vendor's
  std::string created_by = "mifeng";
  bool again = false;          // also where nothing has changed since `output` was made
  StopSignal* stop = nullptr;  // where the work may be interrupted
};

// What a person who waits sees.
class PackListener {
 public:
  virtual ~PackListener() = default;
  virtual void step(std::string_view what) = 0;  // a new part of the work begins: a phrase(), as all of ours are
  virtual void note(std::string_view what) = 0;  // about the part that was begun
  virtual void line(std::string_view text) = 0;  // of the language's pack, as it wrote it
  virtual void progress(std::string_view what, std::uint64_t done, std::uint64_t total) = 0;
  // A tool that was started works, and has said nothing for that long; about once a second.
  virtual void waiting(std::chrono::seconds) {}
};

struct PackResult {
  PackageManifest manifest;
  bool was_current = false;  // nothing had changed since the package was made; it was left as it is
};

// kInvalidArgument: what mifeng.yaml and deployment.yaml may be refused for, "missing-document", "missing-file",
// "bad-card", "unknown-language", "bad-base", "bad-package" (a layer that no platform takes); kNotFound "no-such-base";
// kInternal "build-failed" with the last lines that the pack said; kCancelled "interrupted" after a signal: what was
// started has then ended, and of what was made nothing is left but finished layers and dependencies in the cache.
Result<PackResult> pack(const PackOptions& options, Random& random, PackListener& listener);

}  // namespace mifeng::package
