// mifeng get, delete
#include "commands/get.h"

#include <optional>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/kinds.h"

namespace mifeng::cli {
namespace {

struct GetOptions {
  std::string kind, id, text, cluster, format;
  std::int64_t limit = 200;
};

Result<json::Value> get_one(const PlatformClient& client, const Kind& kind, const std::string& id) {
  if (!kind.single)
    return Error(ErrorCode::kInvalidArgument, "usage", say("mifeng get {} takes no id; it lists all.", {kind.name}));
  if (kind.name == "deployments") {
    MIFENG_TRY(const auto found, find_deployment(client, id));
    return client.get("/deployments/" + found);
  }
  if (kind.name == "models") {
    MIFENG_TRY(auto version, find_version(client, id));
    return json::Value(std::move(version));
  }
  return client.get(kind.path + "/" + net::percent_encode(id));
}

// Its units, revisions or events.
Result<json::Value> get_within(const PlatformClient& client, const Kind& kind, const std::string& deployment) {
  if (deployment.empty())
    return Error(ErrorCode::kInvalidArgument, "usage",
                 say("Of which deployment? mifeng get {} DEPLOYMENT", {kind.name}));
  MIFENG_TRY(const auto id, find_deployment(client, deployment));
  if (kind.within == "units") {
    MIFENG_TRY(const auto answer, client.get("/deployments/" + id));
    const json::Value* units = answer.if_object() == nullptr ? nullptr : answer.if_object()->find("units");
    if (units != nullptr && units->if_array() != nullptr) return *units;
    return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no deployment.");
  }
  MIFENG_TRY(const auto answer, client.get("/deployments/" + id + "/" + kind.within));
  MIFENG_TRY(const json::Array* items, items_of(answer));
  return json::Value(*items);
}

Result<json::Value> get_list(const PlatformClient& client, const Kind& kind, const GetOptions& options) {
  json::Array all;
  for (std::int64_t page = 1;; ++page) {
    std::string path = kind.path;
    if (kind.paged) path += "?page_size=200&page=" + std::to_string(page);
    if (!options.cluster.empty()) path += "?cluster=" + net::percent_encode(options.cluster);
    if (!options.text.empty()) path += (kind.paged ? "&text=" : "?text=") + net::percent_encode(options.text);
    MIFENG_TRY(const auto answer, client.get(path));
    MIFENG_TRY(const json::Array* items, items_of(answer));
    for (const json::Value& item : *items) {
      if (static_cast<std::int64_t>(all.size()) >= options.limit) return json::Value(std::move(all));
      // Thousands of free ports say nothing.
      if (kind.name == "ports" && options.format == "table" && text_of(item, "state") == "free") continue;
      all.push_back(item);
    }
    if (!kind.paged || items->size() < 200) return json::Value(std::move(all));
  }
}

Result<int> get(const PlatformFlags& flags, const GetOptions& options, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(options.kind));
  if (!options.cluster.empty() && kind->name != "ports")
    return Error(ErrorCode::kInvalidArgument, "usage", std::string(tr("--cluster is for ports.")));
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  const auto look = [&] {
    if (!kind->within.empty()) return get_within(client, *kind, options.id);
    return options.id.empty() ? get_list(client, *kind, options) : get_one(client, *kind, options.id);
  };
  MIFENG_TRY(const auto value, look());
  MIFENG_CHECK(print_objects(console, value, options.format, kind->columns, kind->name_member));
  return 0;
}

// What a person calls it may be its name.
Result<std::string> id_of(const PlatformClient& client, const Kind& kind, const std::string& name) {
  if (kind.name == "deployments") return find_deployment(client, name);
  if (kind.name == "routes") return find_route(client, name);
  const bool version = kind.name == "models" && name.find('@') != std::string::npos;
  if (!version && kind.name != "people" && kind.name != "callers") return name;
  MIFENG_TRY(const auto found, version                 ? find_version(client, name)
                               : kind.name == "people" ? find_person(client, name)
                                                       : find_caller(client, name));
  return text_of(found, "id");
}

Result<int> remove(const PlatformFlags& flags, const std::string& word, const std::vector<std::string>& ids,
                   bool claims, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(word));
  if (claims && kind->name != "deployments")
    return Error(ErrorCode::kInvalidArgument, "usage", std::string(tr("--claims is for deployments.")));
  if (!kind->deletable) return Error(ErrorCode::kInvalidArgument, "usage", say("{} cannot be deleted.", {kind->name}));
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  std::size_t failed = 0;
  std::optional<Error> last;
  for (const std::string& name : ids) {
    auto id = id_of(client, *kind, name);
    Result<json::Value> done = json::Value();
    if (id) done = client.send("DELETE", kind->path + "/" + net::percent_encode(*id) + (claims ? "?claims=true" : ""));
    if (id && done) {
      console.message(say("Deleted {}.", {name}));
      continue;
    }
    last = id ? done.error() : id.error();
    ++failed;
    if (ids.size() > 1) console.error(*last);
  }
  if (ids.size() == 1 && last) return *last;
  return failed == 0 ? 0 : kExitPartOfBatchFailed;
}

}  // namespace

Result<int> show_kind(const PlatformFlags& flags, const std::string& kind, const std::string& id,
                      const std::string& format, Console& console) {
  GetOptions options;
  options.kind = kind;
  options.id = id;
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
      .text("KIND", options->kind,
            "models, deployments, units, revisions, events, routes, clusters, ports, vendors, callers, gateways, keys, "
            "...",
            Need::kRequired)
      .text("ID", options->id, "one of them; of units, revisions and events the deployment")
      .text("--text", options->text, "only those that hold this text (models, deployments, routes, vendors, images)")
      .text("--cluster", options->cluster, "of ports: those of this cluster; else of local")
      .number("--limit", options->limit, 1, 1'000'000, "at most so many");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng get models\n  mifeng get deployment digits -o yaml\n  mifeng get units digits\n"
      "  mifeng get events digits\n  mifeng get ports");
  command.run([=](Console& console) { return get(*flags, *options, console); });
}

void add_delete(Command& root) {
  Command command = root.add("delete", "Delete deployments, routes, callers, ...");
  auto flags = add_platform_flags(command);
  auto kind = std::make_shared<std::string>();
  auto ids = std::make_shared<std::vector<std::string>>();
  auto claims = std::make_shared<bool>(false);
  command.text("KIND", *kind, "deployment, route, caller, gateway, vendor, model, person, token", Need::kRequired)
      .texts("ID", *ids, "which", Need::kRequired)
      .flag("--claims", *claims,
            "of a deployment: also the volumes that its config claims, where no other deployment uses them")
      .examples("  mifeng delete deployment digits\n  mifeng delete deployment digits --claims");
  command.run([=](Console& console) { return remove(*flags, *kind, *ids, *claims, console); });
}

}  // namespace mifeng::cli
