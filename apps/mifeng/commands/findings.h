// What a look at a machine or a cluster found, as a table.
#pragma once

#include <vector>

#include "cli/console.h"
#include "mifeng/json/value.h"
#include "mifeng/stack/doctor.h"

namespace mifeng::cli {

// ClusterFindings of the API.
std::vector<stack::Finding> findings_of(const json::Value& answer);
// The exit status: 1 where something necessary is missing.
Result<int> print_findings(const std::vector<stack::Finding>& findings, Console& console);

}  // namespace mifeng::cli
