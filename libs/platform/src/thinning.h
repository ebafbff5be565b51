// What is kept for a time only.
#pragma once

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::platform {

struct Core;

// How far a gateway's clock may be off; its nonces are remembered for twice that.
inline constexpr UnixMillis kGatewayClockTolerance = 120'000;

// Erases nonces whose time has passed, and usage and ended instances that are older than PlatformOptions::keep_ms. The
// audit log is never thinned. Gives the number of rows.
Result<std::int64_t> thin_out(Core& core);

}  // namespace mifeng::platform
