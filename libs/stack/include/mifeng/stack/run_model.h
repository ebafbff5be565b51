// `mifeng run`: one model of a vendor's on his own machine, sealed as at a customer's, on an installation that is
// thrown away afterwards.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/stack/up.h"

namespace mifeng::stack {

// A user as whom a model is packed, where root runs it for him: the vendor's commands and compilers are his own
// business.
struct PackAs {
  ::uid_t user = 0;
  ::gid_t group = 0;
  std::vector<::gid_t> groups;  // all of them
  std::string home;
};

struct ModelRequest {
  std::string path;                 // below the route's prefix, "/predict"
  std::optional<std::string> body;  // JSON, then a POST; else a GET
};

struct RunModelOptions {
  UpOptions up;  // programs, packs, guard, cache and port_range count; the rest is the throw-away installation's own
  std::filesystem::path project;              // the folder of mifeng.yaml
  std::optional<ModelRequest> request;        // else the first of the project's calls.jsonl; else whether it is ready
  std::optional<PackAs> pack_as;              // who packs, where it is not root himself
  bool stay = false;                          // go on until a signal comes, instead of ending after the call
  std::filesystem::path parent = "/var/tmp";  // of the installation's folder; where one was killed, what it left goes
};

// Packs, submits, accepts, deploys and calls once; the answer as the gateway opened it goes to `listener.result`. 0
// where the model answered with a status below 400, and as calls.jsonl has it; else 1. kPermissionDenied "not-root",
// and whatever packing and deploying fail with. Nothing of it is left when it returns.
Result<int> run_model(const RunModelOptions& options, const UpListener& listener);

}  // namespace mifeng::stack
