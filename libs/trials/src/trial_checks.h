// What may be asked of a trial, before anything is looked up.
#pragma once

#include "mifeng/base/result.h"
#include "mifeng/trials/trial.h"

namespace mifeng::trials {

// kInvalidArgument "bad-trial", "bad-path".
Result<void> check_request(const TrialRequest& request);

}  // namespace mifeng::trials
