// Room on a disk for those who have to go on writing when it is full.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>

#include "mifeng/base/result.h"

namespace mifeng {

// A file that holds the room, and is emptied when there is hardly any left. What others write into the same file system
// is theirs: the room is there once, and taken again when they have made some. Thread-safe.
class DiskReserve {
 public:
  // The file is made where it is missing; what of `bytes` the disk has no room for is taken later. kInternal with the
  // system's words where the folder cannot be written to.
  static Result<std::unique_ptr<DiskReserve>> create(const std::filesystem::path& file, std::int64_t bytes);

  // For whoever is about to write: gives the room back when less than an eighth of it is free. One statvfs(3) where it
  // is not needed.
  void make_room();
  // Takes it again where twice as much is free.
  void restore();
  // What those for whom it is not may write in `folder`: what is free there, and on the reserve's own disk less what is
  // missing of it. 0 where nobody can tell.
  std::int64_t room_for_others(const std::filesystem::path& folder) const;

 private:
  DiskReserve(std::filesystem::path file, std::int64_t bytes) : file_(std::move(file)), bytes_(bytes) {}
  std::int64_t held_locked() const;

  const std::filesystem::path file_;
  const std::int64_t bytes_;
  mutable std::mutex mutex_;
};

}  // namespace mifeng
