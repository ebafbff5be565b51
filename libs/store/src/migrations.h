// Numbered changes of the tables, applied in order and once.
#pragma once

#include "mifeng/store/database.h"

namespace mifeng::store {

int newest_schema_version();
Result<int> applied_schema_version(Transaction& tx);
Result<void> migrate(Transaction& tx);

}  // namespace mifeng::store
