// mifeng delete
#include <optional>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "commands/things.h"

namespace mifeng::cli {
namespace {

Result<int> remove(const PlatformFlags& flags, const std::string& word, const std::vector<std::string>& ids,
                   bool claims, Console& console) {
  MIFENG_TRY(const Kind* kind, find_kind(word));
  if (claims && kind->name != "deployments")
    return Error(ErrorCode::kInvalidArgument, "usage", std::string(tr("--claims is for deployments.")));
  if (!kind->deletable) return Error(ErrorCode::kInvalidArgument, "usage", say("{} cannot be deleted.", {kind->name}));
  MIFENG_TRY(const auto client, connect(flags));
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
