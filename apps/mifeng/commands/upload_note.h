// What `push` keeps on this machine while it uploads, so that after a crash or a loss of power the next one goes on.
#pragma once

#include <sys/stat.h>

#include <string>

#include "mifeng/os/file.h"

namespace mifeng::cli {

// CACHE/uploads/<SM3 of the platform and the file's path>, for as long as an upload of it is not finished. Only a help:
// where it cannot be read or written the upload begins anew, and says nothing.
class UploadNote {
 public:
  // Holds the note while the object lives; another push of the same file at the same time goes without.
  static UploadNote take(const std::string& platform, const std::string& file, const struct ::stat& facts);

  // The upload that was begun for this very file; "" where there is none.
  const std::string& upload() const { return upload_; }
  // One that was begun for what the file held before; "" where there is none.
  const std::string& outdated() const { return outdated_; }
  void keep(const std::string& upload);
  void drop();

 private:
  UniqueFd fd_;
  std::string path_;
  std::string facts_;
  std::string upload_;
  std::string outdated_;
};

}  // namespace mifeng::cli
