// What `mifeng batch` is to deploy, as a body of POST /batches/plans.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/connect.h"

namespace mifeng::cli {

struct BatchFlags {
  std::string source;    // a file, "-" for standard input; for `apply` the id of a plan as well
  std::string packages;  // folder
  std::string vendor, function, language, name, text;
  bool all = false;
  std::vector<std::string> except;
  std::string as, route, cluster;
  std::vector<std::string> callers;
  std::int64_t replicas = -1;
  bool open = false, allow_network = false;
};
void add_batch_flags(Command& command, BatchFlags& flags, const std::string& what_source_is);

// kInvalidArgument "usage", "bad-yaml", "bad-batch-file".
Result<json::Object> plan_request(const PlatformClient& client, const BatchFlags& flags);

}  // namespace mifeng::cli
