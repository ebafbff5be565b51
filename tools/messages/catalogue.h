// The catalogue of messages for people (spec/messages/README.md): read, and held to its rules.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng {

struct Message {
  std::string group;
  std::string english;
  std::string chinese;
};
// One file of the catalogue.
struct MessageTable {
  std::string name;              // of the file, without .json
  std::vector<Message> entries;  // in the order of the file
};

// Every table of the folder. kInvalidArgument "bad-catalogue", whose message has a line for each mistake:
// "FILE:LINE: \"KEY\": what is wrong".
Result<std::vector<MessageTable>> read_catalogue(const std::filesystem::path& folder);

}  // namespace mifeng
