// The life of the model's first process (spec/start.md): payload over, wait for the guard's word, keep the model, end
// with the guard.
#pragma once

#include <functional>
#include <string>

#include "mifeng/start/options.h"

namespace mifeng::start {

// Returns when the guard has gone, or the engine wants an end before there was one; everything that the model started
// has ended by then, where we are the first process of a namespace. The error says why it could not go on.
Result<void> keep_model(const StartOptions& options, const std::function<void(const std::string&)>& log);

}  // namespace mifeng::start
