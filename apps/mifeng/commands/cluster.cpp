// mifeng cluster
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/get.h"
#include "commands/kinds.h"

namespace mifeng::cli {
namespace {

struct SetOptions {
  std::string id, name, name_space, format;
  std::vector<std::string> nodes;
};

std::string path_of(const std::string& id) { return "/clusters/" + net::percent_encode(id); }

// What was not given stays as it is.
Result<int> set(const PlatformFlags& flags, const SetOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto there, client.get(path_of(options.id)));
  const json::Value* nodes = there.if_object() == nullptr ? nullptr : there.if_object()->find("node_addresses");
  json::Object body{
      {"name", options.name.empty() ? text_of(there, "name") : options.name},
      {"default_namespace", options.name_space.empty() ? text_of(there, "default_namespace") : options.name_space}};
  if (!options.nodes.empty()) {
    body.set("node_addresses", json::Array(options.nodes.begin(), options.nodes.end()));
  } else if (nodes != nullptr) {
    body.set("node_addresses", *nodes);
  }
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto cluster, client.send("PUT", path_of(options.id), sent));
  MIFENG_CHECK(print_objects(console, cluster, options.format, cluster_columns()));
  return 0;
}

}  // namespace

void add_cluster(Command& root) {
  Command group = root.add("cluster", "Clusters: where units run");
  group.alias("clusters");
  add_list(group, "clusters", "All clusters", "  mifeng cluster list");

  Command get = group.add("get", "One cluster, with what is free in it");
  auto get_flags = add_platform_flags(get);
  auto get_id = std::make_shared<std::string>();
  auto get_format = std::make_shared<std::string>();
  get.text("CLUSTER", *get_id, "its id", Need::kRequired);
  add_output_flag(get, *get_format);
  get.examples("  mifeng cluster get local -o yaml");
  get.run([=](Console& console) { return show_kind(*get_flags, "clusters", *get_id, *get_format, console); });

  Command change = group.add("set", "Set a cluster's name, namespace and node addresses");
  auto set_flags = add_platform_flags(change);
  auto options = std::make_shared<SetOptions>();
  change.text("CLUSTER", options->id, "its id", Need::kRequired)
      .text("--name", options->name, "for people")
      .text("--namespace", options->name_space, "where its units are made, in a cluster that has namespaces")
      .texts("--node-address", options->nodes, "where gateways reach its node ports; again for more, replacing all");
  add_output_flag(change, options->format);
  change.examples("  mifeng cluster set local --node-address 192.0.2.10");
  change.run([=](Console& console) { return set(*set_flags, *options, console); });

  Command sweep = group.add("sweep", "Let units that the database does not know be removed after all");
  auto sweep_flags = add_platform_flags(sweep);
  auto sweep_id = std::make_shared<std::string>();
  auto sweep_format = std::make_shared<std::string>();
  sweep.text("CLUSTER", *sweep_id, "its id", Need::kRequired);
  add_output_flag(sweep, *sweep_format);
  sweep.examples(
      "  mifeng cluster sweep local\n\n"
      "After a backup was restored, units may run that are newer than the database; they stay until this is said.");
  sweep.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*sweep_flags));
    MIFENG_TRY(const auto cluster, client.send("POST", path_of(*sweep_id) + "/sweep"));
    MIFENG_CHECK(print_objects(console, cluster, *sweep_format, cluster_columns()));
    return 0;
  });
  group.examples("  mifeng cluster list\n  mifeng cluster get local -o yaml");
}

}  // namespace mifeng::cli
