// Layers of an image, made of folders: the same content gives the same bytes, whatever the times, owners and order on
// disk are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/package/package_file.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {

struct LayerFile {
  Layer layer;
  std::filesystem::path path;  // of the blob
};

struct TreeLayer {
  LayerRole role = LayerRole::kBase;
  std::filesystem::path folder;
  std::filesystem::path cache;  // finished blobs are kept in CACHE/layers by the digest of their tar
  StopSignal* stop = nullptr;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};  // bytes of files; twice: digest, then blob
};

// Owner 0:0, time 0, folders 0755, files 0755 or 0644 by their owner's execute bit, links as they are; sockets, pipes
// and devices are left out. gzip without a time, zlib's level 6. kInvalidArgument "bad-entry" for a name that an
// archive may not hold; kCancelled after a signal; else as file.h.
Result<LayerFile> build_layer(const TreeLayer& tree);

// "sha256:<hex>" over names, kinds, modes and contents below `folder`; what `leave_out` accepts (a path relative to the
// folder) is not looked at. The same for two copies of a folder.
Result<std::string> digest_tree(const std::filesystem::path& folder,
                                const std::function<bool(const std::string&)>& leave_out = {},
                                StopSignal* stop = nullptr);

}  // namespace mifeng::package
