// What developer information has to look like, wherever it comes from.
#pragma once

#include "mifeng/models/vendor_service.h"
#include "mifeng/store/models.h"

namespace mifeng::models {

Result<void> check_vendor(const VendorInput& input);

// A vendor's row as it begins: a number that stands in a package alone is vouched for by nobody.
enum class Telephone { kKnown, kToBeConfirmed };
store::VendorRow new_vendor(const VendorInput& input, Telephone telephone, const trust::Actor& actor, UnixMillis now);
// A key that waits from now on, for an administrator.
void propose(store::VendorRow& row, const std::string& pem, const trust::Actor& actor, UnixMillis now);

}  // namespace mifeng::models
