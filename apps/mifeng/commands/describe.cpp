// mifeng describe
#include "cli/console.h"
#include "cli/language.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/things.h"

namespace mifeng::cli {
namespace {

// A line for each column, those of -o wide too.
Result<void> print_members(const json::Value& object, const std::vector<Column>& columns, Console& console) {
  std::vector<std::vector<std::string>> rows;
  for (const Column& column : columns) rows.push_back({tr(column.title), cell_of(object, column)});
  return console.table({}, rows);
}

// What belongs to a deployment: a table under its title, where there is any.
Result<void> print_part(const PlatformClient& client, const std::string& deployment, const std::string& word,
                        const std::string& title, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(word));
  Search search;
  search.name = deployment;
  auto part = look(client, *kind, search);
  if (!part) {  // an engine that is away keeps nothing else from being told
    console.warning(tr(part.error()));
    return ok();
  }
  if (part->value.if_array() == nullptr || part->value.if_array()->empty()) return ok();
  MIFENG_CHECK(console.print("\n" + title + "\n"));
  return print_objects(console, part->value, "table", kind->columns);
}

Result<int> describe(const PlatformFlags& flags, const std::string& word, const std::string& name, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(word));
  if (!kind->within.empty())
    return Error(ErrorCode::kInvalidArgument, "usage", say("{} belong to a deployment: describe that.", {kind->name}));
  if (!kind->of_cluster.empty())
    return Error(ErrorCode::kInvalidArgument, "usage", say("{} are a cluster's: describe that.", {kind->name}));
  MIFENG_TRY(const auto client, connect(flags));
  Search search;
  search.name = name;
  search.for_table = true;
  MIFENG_TRY(const auto found, look(client, *kind, search));
  MIFENG_CHECK(print_members(found.value, kind->columns, console));
  if (kind->name != "deployments") return 0;
  const std::string id = text_of(found.value, "id");
  MIFENG_CHECK(print_part(client, id, "units", tr("Units"), console));
  MIFENG_CHECK(print_part(client, id, "revisions", tr("Revisions"), console));
  MIFENG_CHECK(print_part(client, id, "events", tr("What the engine told lately"), console));
  return 0;
}

}  // namespace

void add_describe(Command& root) {
  Command command = root.add("describe", "All about one thing; of a deployment its units, revisions and events too");
  auto flags = add_platform_flags(command);
  auto kind = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  command.text("KIND", *kind, "as for `mifeng get`", Need::kRequired)
      .text("NAME", *name, "which, by id or name", Need::kRequired)
      .examples("  mifeng describe deployment digits\n  mifeng describe version acme/digits@1.2.0");
  command.run([=](Console& console) { return describe(*flags, *kind, *name, console); });
}

}  // namespace mifeng::cli
