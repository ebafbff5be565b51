// What the platform has of a kind, and one of it by what a person calls it: for get, describe and delete.
#pragma once

#include <optional>

#include "cli/connect.h"
#include "commands/kinds.h"

namespace mifeng::cli {

struct Search {
  std::string name;  // one of them; of what belongs to a deployment the deployment. Empty: all
  std::string text, cluster;
  std::int64_t limit = 200;
  bool for_table = false;  // then what only a table shows is added, and thousands of free ports are left out
};

struct Found {
  json::Value value;               // an object where one was asked for, else a list
  bool more = false;               // the limit left some out
  std::optional<Error> missing{};  // why some deployments or clusters could not be asked; others were
};

// What is shown of these clusters is older than a minute: their ids, with as of when it holds ("" for never). Empty
// where who asks may not see clusters.
struct StaleCluster {
  std::string id, seen;
};
std::vector<StaleCluster> stale_clusters(const PlatformClient& client);

Result<Found> look(const PlatformClient& client, const Kind& kind, const Search& search);
// The id of one, from its id or its name.
Result<std::string> id_of(const PlatformClient& client, const Kind& kind, const std::string& name);
// Gives deployments the members "port" and "prefix", for their table. Routes that may not be read are left out.
void add_places(const PlatformClient& client, json::Value& deployments);

}  // namespace mifeng::cli
