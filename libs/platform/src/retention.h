// What is kept for a time only.
#pragma once

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/trust/context.h"

namespace mifeng::platform {

// Erases nonces whose time has passed, and usage and ended instances that are older than `keep_ms`. The audit log stays
// whole. Gives the number of rows.
Result<std::int64_t> erase_aged_rows(const trust::Context& context, UnixMillis keep_ms);

}  // namespace mifeng::platform
