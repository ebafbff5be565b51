// The platform's own image, in which every guard runs, and of which every model's container gets its first process.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::package {

// `folder` as tools/guard-folder makes it. The image holds it as /mifeng but for start/mifeng-start, which is
// /mifeng-start, and the empty folders on which a guard's mounts lie: /app, /tmp, /mifeng/{guard,model,platform,run}.
// One layer, user 65532:65532, entry point /mifeng/bin/mifeng-guard, a PATH, nothing else. The same content gives the
// same digest. `out` is an OCI layout in the end, in the place of what was there, or what it was. Gives the manifest's
// digest. kInvalidArgument "bad-guard-folder" names what is missing or stands in the way; else as file.h.
Result<std::string> write_guard_image(const std::filesystem::path& folder, const std::filesystem::path& out);

struct OciImage;
// Writes the image's mifeng-start as `file` (0755), which is then whole or as it was. kVerificationFailed "bad-image"
// where there is none.
Result<void> take_start_program(const OciImage& image, const std::filesystem::path& file);

}  // namespace mifeng::package
