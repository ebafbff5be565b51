// /mifeng/package.json in the image: what the guard knows before it has a grant (spec/payload.md).
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/messages/card.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {

inline constexpr std::string_view kImageFactsPath = "mifeng/package.json";
inline constexpr std::string_view kPayloadHeaderPath = "mifeng/payload/header";
inline constexpr std::string_view kPayloadSegmentsPath = "mifeng/payload/segments";

Result<std::string> image_facts_json(const PackageManifest& manifest, const std::vector<messages::PlatformCard>& cards);
// That what stands in the image says the same as the signed manifest. kVerificationFailed "bad-package".
Result<void> check_image_facts(std::string_view json, const PackageManifest& manifest);

}  // namespace mifeng::package
