// Names of a package's parts, in their order, and what its readers share.
#pragma once

#include <array>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::package {

inline constexpr std::string_view kSignatureName = "mifeng-package.sig";
inline constexpr std::string_view kConfigName = "config.yaml";
inline constexpr std::array<std::string_view, 3> kDocumentNames{"documents/design.md", "documents/usage.md",
                                                                "documents/test.md"};
inline constexpr std::string_view kHeaderName = "payload.header";
inline constexpr std::string_view kLayoutName = "oci/oci-layout";
inline constexpr std::string_view kIndexName = "oci/index.json";
inline constexpr std::string_view kBlobPrefix = "oci/blobs/sha256/";

// What is there, at most out.size() bytes; 0 at the end.
Result<std::size_t> pread_some(int fd, std::uint64_t offset, MutableBytes out);

}  // namespace mifeng::package
