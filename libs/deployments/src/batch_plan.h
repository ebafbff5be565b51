// What would be made of wishes for many deployments.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "mifeng/deployments/batch_service.h"

namespace mifeng::deployments {

// Without id and times. Grows linearly with the items and with the ports of their clusters.
Result<BatchPlan> plan_batch(const Context& context, const BatchWishes& wishes);
// The first thing that differs in what an operator decided on, in a sentence; none where nothing does. What is free,
// and warnings, may differ.
std::optional<std::string> difference_between(const BatchPlan& before, const BatchPlan& after,
                                              const std::set<int>& without);

}  // namespace mifeng::deployments
