// What a command sends to a model.
#pragma once

#include <string>

#include "mifeng/base/result.h"

namespace mifeng::cli {

// "@FILE", "@-" for standard input, or the text itself. kResourceExhausted "data-too-large" above `max` bytes of a
// file.
Result<std::string> data_of(const std::string& given, std::size_t max);

}  // namespace mifeng::cli
