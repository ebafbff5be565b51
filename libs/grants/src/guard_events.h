// What a guard reports of itself: a closed list of classes (spec/grant.md, Renewal). A guard stands beside a model that
// may have taken it over, so nothing that it says becomes a word of the audit log.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "mifeng/messages/grant.h"

namespace mifeng::grants {

// Counts by class, those of 0 left out; what is none of the list counts as "other". A sum stays at its greatest value.
std::map<std::string_view, std::uint64_t> summed_events(const std::vector<messages::EventCount>& events);

}  // namespace mifeng::grants
