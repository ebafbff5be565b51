// What the files say where neither a flag nor the environment does. A flag beats MIFENG_*, which beats ./mifeng.yaml
// (its `defaults`), which beats the user's own files, which beat /etc/mifeng/config.yaml.
//
// What decides whom to trust (ca, pin, token_file) stands in the user's and the machine's file only, and holds only for
// the platform that the same file names: a project's folder may come from somebody else.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::cli {

struct DefaultsFile {
  std::string from;  // as people know it: its path
  std::map<std::string, std::string> values;
};

class Defaults {
 public:
  // Where the files are; tests give their own.
  struct Places {
    std::filesystem::path project;  // mifeng.yaml
    std::filesystem::path session;  // of `mifeng login`, which names a platform too
    std::filesystem::path user;     // config.yaml, which only its owner may read
    std::filesystem::path machine;  // config.yaml
  };
  static Places places();

  // A file that is not there says nothing. kInvalidArgument with file, line and column for what is wrong in one;
  // kPermissionDenied "config-readable-by-others" for the user's file with another mode than 0600 (or less).
  static Result<Defaults> load(const Places& where);

  struct Found {
    std::string value;
    std::string from;
  };
  // `platform` is the one that was settled on, by whatever means; empty while it is `platform` that is looked for.
  std::optional<Found> find(const std::string& name, const std::string& platform) const;

 private:
  std::vector<DefaultsFile> files_;  // the strongest first
};

// Every setting there is, in the order of `mifeng settings`.
const std::vector<std::string>& setting_names();
// "token_file" -> "MIFENG_TOKEN_FILE".
std::string environment_name(const std::string& setting);

}  // namespace mifeng::cli
