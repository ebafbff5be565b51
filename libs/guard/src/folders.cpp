#include "mifeng/guard/folders.h"

#include <system_error>

#include "mifeng/guard/config.h"
#include "mifeng/os/file.h"
#include "mifeng/start/unit_lock.h"

namespace mifeng::guard {
namespace {

// Links are removed, not followed.
Result<void> empty(const std::filesystem::path& folder, const std::filesystem::path& kept) {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().filename() == kept) continue;
    std::error_code stays;
    std::filesystem::remove_all(entry->path(), stays);
    if (stays) return errno_error(stays.value(), "remove " + entry->path().string());
  }
  if (failed) return errno_error(failed.value(), "empty " + folder.string());
  return ok();
}

}  // namespace

Result<void> clear_folders(const Folders& folders, std::chrono::milliseconds patience) {
  // Until everything is empty no first process of a model comes beside us.
  MIFENG_TRY(const auto lock, start::UnitLock::wait_for_end_of_model(folders.guard / start::kLockName, patience));
  MIFENG_CHECK(empty(folders.app, {}));
  MIFENG_CHECK(empty(folders.run, {}));
  return empty(folders.guard, start::kLockName);
}

}  // namespace mifeng::guard
