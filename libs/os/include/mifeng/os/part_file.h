// What is half-made: it is locked as long as its maker lives, so that whoever comes next can tell what a killed process
// left behind and take it away. A file system without flock(2) keeps what was left.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng {

// A file that appears at `path` whole, or not at all.
class PartFile {
 public:
  // Makes ".NAME.XXXXXX.part" beside `path`, mode 0600, after removing those of the same NAME that nobody holds.
  static Result<PartFile> create(const std::filesystem::path& path);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();  // removes it unless it was committed

  int fd() const { return fd_.get(); }
  // Sets the mode, syncs the file and renames it over `path`.
  Result<void> commit(::mode_t mode);
  // Whether a file of this name is half-made: to be left out where a folder's content is looked at.
  static bool is_name(std::string_view name);

 private:
  PartFile(std::filesystem::path path, std::string temporary, UniqueFd fd);
  std::filesystem::path path_;
  std::string temporary_;
  UniqueFd fd_;
};

// A folder that goes with the object, or with the next one of the same prefix after its maker was killed.
class WorkFolder {
 public:
  // PARENT/PREFIXXXXXXX, mode 0700, after removing those of the same prefix that nobody holds.
  static Result<WorkFolder> create(const std::filesystem::path& parent, const std::string& prefix);
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  WorkFolder(TempDir folder, UniqueFd lock) : lock_(std::move(lock)), folder_(std::move(folder)) {}
  UniqueFd lock_;  // before the folder: it is let go of last
  TempDir folder_;
};

}  // namespace mifeng
