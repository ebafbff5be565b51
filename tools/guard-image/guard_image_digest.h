// Which image guards run in: that of this build, beside the programs in ../guard-image as an OCI layout.
#pragma once

#include <string_view>

namespace mifeng {

// "sha256:<hex>" of its manifest. Its value is in a source file that mifeng-guard-image writes, so that another guard
// costs mifengd a link and no compilation.
extern const std::string_view kGuardImageDigest;

}  // namespace mifeng
