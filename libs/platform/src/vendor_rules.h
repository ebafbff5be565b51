// What developer information has to look like, wherever it comes from.
#pragma once

#include "mifeng/platform/vendor_service.h"

namespace mifeng::platform {

Result<void> check_vendor(const VendorInput& input);

}  // namespace mifeng::platform
