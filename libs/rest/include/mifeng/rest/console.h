// The console's files as mifengd serves them: read once, so that an address is looked up in a table and never becomes a
// path of the file system.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/net/http.h"

namespace mifeng::rest {

class Console {
 public:
  // All files below `folder` as tools/web/build leaves them: index.html, beside FILE perhaps FILE.gz, and in assets/
  // what has its content's digest in its name. kNotFound "no-console" without index.html; kResourceExhausted
  // "console-too-large" above 2,000 files or 64 MiB.
  static Result<Console> read(const std::filesystem::path& folder);

  // GET and HEAD of anything. What is none of the files is the page itself, which looks at the address: only below
  // /assets/ a missing file is 404, and so is any other method. Each page has a nonce of its own out of `random`, which
  // must outlive the handler.
  net::Handler handler(Random& random) const;

 private:
  struct File {
    std::string_view content_type;
    std::string plain;
    std::string gzip;       // empty: it does not get smaller
    bool for_good = false;  // under this name it never changes
  };
  struct Content {
    std::map<std::string, File, std::less<>> files;  // "/assets/index-3f2a.js"
    std::string page;                                // index.html with kNonce in it
  };
  std::shared_ptr<const Content> content_;  // shared with the handlers
};

}  // namespace mifeng::rest
