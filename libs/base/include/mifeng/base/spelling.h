// "Did you mean": what a person most likely wanted to type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mifeng {

// The nearest of `words` to `word`, as letters are left out, put in, changed or swapped with their neighbour; "" where
// none is near enough to be worth saying. Of two that are as near the first counts.
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace mifeng
