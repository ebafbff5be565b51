// The kinds of things that `mifeng get` and `mifeng delete` know.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace mifeng::cli {

struct Kind {
  std::string name;
  std::string path;
  bool paged;
  bool single;  // GET path/ID gives one
  bool deletable;
  std::vector<Column> columns;
  std::string name_member = "id";
  std::string within{};      // what of one deployment, whose id is given then; empty where it stands alone
  std::string of_cluster{};  // what of one cluster; empty where it is none of a cluster's own
};

// By its plural, singular or short word: "deployments", "deployment", "dep". kInvalidArgument "unknown-kind".
Result<const Kind*> find_kind(const std::string& word);
std::vector<std::string> kind_names();  // the plurals
const std::vector<Column>& cluster_columns();
const std::vector<Column>& version_columns();

}  // namespace mifeng::cli
