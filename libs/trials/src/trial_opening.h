// What came from a unit, taken apart: the sealed stream, its header, the opened answer. The same checks as a gateway's,
// in the same order (spec/sealed-format.md; libs/keyholder, key_socket_keys.cpp).
#pragma once

#include "trial_exchange.h"
#include "trial_goal.h"

namespace mifeng::trials {

// Fills in seal, fields, opened, instance_id and the claims in `context`, as far as it gets. The error is why the
// answer is refused: kVerificationFailed or kInvalidArgument with a class of spec/errors.md; anything else is ours.
Result<void> open_answer(const Goal& goal, const Exchange& answer, crypto::Sm4GcmProvider& provider, Trial& trial);

}  // namespace mifeng::trials
