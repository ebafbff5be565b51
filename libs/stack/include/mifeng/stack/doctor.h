// `mifeng doctor`: what this machine lacks for `mifeng up`, or for packing alone, and how to get it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/stack/up.h"

namespace mifeng::stack {

// The texts are phrases (mifeng/base/phrase.h), names and paths.
struct Finding {
  enum class State { kFine, kWarning, kMissing };
  State state = State::kFine;
  std::string what;    // "podman", "disk space"
  std::string detail;  // what was found
  std::string remedy;  // what to do; empty where all is fine
};

// Looks, and changes nothing. `options` as for run_up.
std::vector<Finding> examine(const UpOptions& options);

// What `mifeng pack` needs, of a vendor who runs nothing: no root, no engine, no registry.
struct PackPlaces {
  std::filesystem::path packs;  // the folder of language packs
  std::filesystem::path cache;  // need not be there yet
};
std::vector<Finding> examine_packing(const PackPlaces& places);

}  // namespace mifeng::stack
