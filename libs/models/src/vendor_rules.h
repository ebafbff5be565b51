// What developer information has to look like, wherever it comes from.
#pragma once

#include "mifeng/models/vendor_service.h"

namespace mifeng::models {

Result<void> check_vendor(const VendorInput& input);

}  // namespace mifeng::models
