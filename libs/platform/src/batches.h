// Batches that a crash broke off.
#pragma once

#include "mifeng/base/result.h"

namespace mifeng::platform {

struct Core;
// Goes on with every batch that has items without a deployment and without an error.
Result<void> resume_batches(Core& core);

}  // namespace mifeng::platform
