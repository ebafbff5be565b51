// mifeng get
#include "commands/get.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/things.h"

namespace mifeng::cli {
namespace {

constexpr auto kLookAgain = std::chrono::seconds(1);

struct GetOptions {
  Search search;
  std::string kind, format;
  bool watch = false;
};

bool is_table(const std::string& format) { return format == "table" || format == "wide"; }

// Again and again, whenever something of it is another; until a signal ends the program or nobody reads any more.
Result<int> watch(const PlatformClient& client, const Kind& kind, const GetOptions& options, json::Value shown,
                  Console& console) {
  for (;;) {
    std::this_thread::sleep_for(kLookAgain);
    MIFENG_TRY(auto found, look(client, kind, options.search));
    if (found.value == shown) continue;
    shown = std::move(found.value);
    if (options.format != "json") {
      MIFENG_CHECK(console.print(options.format == "yaml" ? "---\n" : "\n"));
    }
    MIFENG_CHECK(print_objects(console, shown, options.format, kind.columns, kind.name_member));
  }
}

// Of what clusters tell: that it is not as of now.
void warn_of_stale(const PlatformClient& client, const Kind& kind, const Search& search, Console& console) {
  static constexpr std::array<std::string_view, 7> kOfClusters{"clusters", "nodes",       "capacity", "events",
                                                               "units",    "deployments", "ports"};
  if (!search.for_table || std::find(kOfClusters.begin(), kOfClusters.end(), kind.name) == kOfClusters.end()) return;
  for (const StaleCluster& one : stale_clusters(client)) {
    if (!search.cluster.empty() && search.cluster != one.id) continue;
    console.warning(one.seen.empty()
                        ? say("The cluster {} has not been seen since the platform was started.", {one.id})
                        : say("What is shown of the cluster {} is as it was seen at {}.", {one.id, one.seen}));
  }
}

Result<int> get(const PlatformFlags& flags, GetOptions options, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(options.kind));
  if (!options.search.cluster.empty() && kind->name != "ports" && kind->name != "events" && kind->of_cluster.empty())
    return Error(ErrorCode::kInvalidArgument, "usage",
                 std::string(tr("--cluster is for ports, nodes, capacity and events.")));
  MIFENG_TRY(const auto client, connect(flags));
  options.search.for_table = is_table(options.format);
  MIFENG_TRY(auto found, look(client, *kind, options.search));
  MIFENG_CHECK(print_objects(console, found.value, options.format, kind->columns, kind->name_member));
  if (found.more) console.message(say("Not all: --limit {} left some out.", {std::to_string(options.search.limit)}));
  warn_of_stale(client, *kind, options.search, console);
  if (found.missing) console.warning(say("Not all could be asked: {}", {tr(*found.missing)}));
  if (options.watch) return watch(client, *kind, options, std::move(found.value), console);
  return 0;
}

}  // namespace

Result<int> show_kind(const PlatformFlags& flags, const std::string& kind, const std::string& id,
                      const std::string& format, Console& console) {
  GetOptions options;
  options.kind = kind;
  options.search.name = id;
  options.format = format;
  return get(flags, options, console);
}

void add_list(Command& group, const std::string& kind, const std::string& summary, const std::string& example) {
  Command command = group.add("list", summary);
  auto flags = add_platform_flags(command);
  auto format = std::make_shared<std::string>();
  add_output_flag(command, *format);
  command.examples(example);
  command.run([=](Console& console) { return show_kind(*flags, kind, "", *format, console); });
}

void add_get(Command& root) {
  Command command = root.add("get", "List models, deployments, routes, ports, ... or show one");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<GetOptions>();
  command
      .text(
          "KIND", options->kind,
          "models, deployments, units, revisions, events, routes, clusters, nodes, capacity, ports, vendors, callers, "
          "gateways, keys, ...",
          Need::kRequired)
      .text("NAME", options->search.name, "one of them, by id or name; of units, revisions and events the deployment")
      .text("--text", options->search.text,
            "only those that hold this text (models, deployments, routes, vendors, images)")
      .text("--cluster", options->search.cluster,
            "of ports, nodes, capacity and events: those of this cluster; of ports else of local")
      .number("--limit", options->search.limit, 1, 1'000'000, "at most so many")
      .flag("-w,--watch", options->watch, "go on, and print it again whenever it has changed");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng get models\n  mifeng get deployment digits -o yaml\n  mifeng get units digits\n"
      "  mifeng get events --cluster east\n  mifeng get capacity\n  mifeng get deployments -w\n  mifeng get version "
      "acme/digits@1.2.0 -o yaml");
  command.run([=](Console& console) { return get(*flags, *options, console); });
}

}  // namespace mifeng::cli
