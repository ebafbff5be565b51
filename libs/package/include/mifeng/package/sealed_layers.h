// The two layers of an image that are different for every pack: the payload's header and its segments.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "mifeng/base/random.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

inline constexpr std::string_view kPayloadHeaderPath = "mifeng/payload/header";
inline constexpr std::string_view kPayloadSegmentsPath = "mifeng/payload/segments";
// What else stands in each, in the order of their entries: folders, empty but for the above.
inline constexpr std::array<std::string_view, 7> kHeaderFolders{
    "app", "mifeng", "mifeng/guard", "mifeng/model", "mifeng/payload", "mifeng/start", "tmp"};
inline constexpr std::array<std::string_view, 2> kSegmentsFolders{"mifeng", "mifeng/payload"};

struct SealedPayload {
  Bytes header;
  std::uint64_t plaintext_size = 0;
  LayerFile segments;
};

// Seals the archive of `folder` under the context of the manifest's vendor, model and version, straight into a layer in
// `work`. Memory: one segment.
Result<SealedPayload> seal_payload(const std::filesystem::path& folder, const PackageManifest& manifest,
                                   const std::vector<crypto::Sm2PublicKey>& recipients,
                                   const crypto::Sm2PrivateKey& signer, const std::filesystem::path& work,
                                   Random& random,
                                   const std::function<Result<void>(std::uint64_t, std::uint64_t)>& progress);

// /mifeng/payload/header and the empty folders on which a container's mounts lie.
Result<LayerFile> header_layer(ByteView header, const std::filesystem::path& work);

}  // namespace mifeng::package
