// Batches that a crash broke off.
#pragma once

#include "mifeng/base/result.h"

namespace mifeng::deployments {

struct Context;

// Goes on with every batch that has items without a deployment and without an error.
Result<void> resume_batches(const Context& context);

}  // namespace mifeng::deployments
