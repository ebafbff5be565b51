// Where a gateway's nginx keeps sockets and what a request body spills: a folder in memory.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "mifeng/base/result.h"

namespace mifeng::gateway {

class RunFolder {
 public:
  // Below /dev/shm, named after the state folder, made anew (0700, or 0710 with `group`, which may reach what it knows
  // by name); what a run that was killed left there goes.
  // kConflict "run-folder-taken" where somebody else has made it.
  static Result<std::unique_ptr<RunFolder>> create(const std::filesystem::path& state, std::optional<::gid_t> group);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace mifeng::gateway
