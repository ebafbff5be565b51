// mifeng caller
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/secret_text.h"
#include "commands/commands.h"
#include "commands/get.h"
#include "mifeng/base/bounds.h"
#include "mifeng/client/answer.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kColumns{
    {"ID", "id"}, {"NAME", "name"}, {"ENABLED", "enabled"}, {"KEY CHANGED", "key_changed_ms"}};

struct CallerOptions {
  std::string name, key_file, format, key;
  std::int64_t days = 0;
};

const std::vector<Column> kKeyColumns{
    {"ID", "id"}, {"NAME", "name"}, {"CREATED", "created_ms"}, {"EXPIRES", "expires_ms"}};

// The id of a key of the caller from its id or its name.
Result<std::string> find_key(const json::Object& caller, const std::string& name) {
  for (const json::Value& key : client::list_of(caller, "keys"))
    if (text_of(key, "id") == name || text_of(key, "name") == name) return text_of(key, "id");
  return Error(ErrorCode::kNotFound, "not-found", say("The caller {} has no key {}.", {text_of(caller, "name"), name}));
}

Result<int> give_key(Console& console, const json::Value& answer, const std::string& file) {
  const json::Value* caller = answer.if_object() == nullptr ? nullptr : answer.if_object()->find("caller");
  if (caller != nullptr)
    console.message(say("API key of {} ({}), shown this once.", {text_of(*caller, "name"), text_of(*caller, "id")}));
  MIFENG_CHECK(give_secret(console, text_of(answer, "key"), file));
  return 0;
}

Result<int> set_enabled(const PlatformFlags& flags, const CallerOptions& options, bool enabled, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto caller, find_caller(client, options.name));
  const json::Value body = json::Object{{"enabled", enabled}};
  MIFENG_TRY(const auto changed, client.change("PUT", "/callers/" + text_of(caller, "id") + "/enabled", caller, body));
  MIFENG_CHECK(print_objects(console, changed, options.format, kColumns));
  return 0;
}

void add_enabling(Command& group, const std::string& name, const std::string& summary, bool enabled) {
  Command command = group.add(name, summary);
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<CallerOptions>();
  command.text("CALLER", options->name, "name or id", Need::kRequired);
  add_output_flag(command, options->format);
  command.examples("  mifeng caller " + name + " ward-7");
  command.run([=](Console& console) { return set_enabled(*flags, *options, enabled, console); });
}

// Keys overlap: an application gets the next one before its last one ends.
void add_key_commands(Command& group) {
  Command list = group.add("keys", "The API keys of a caller, and when they end");
  auto list_flags = add_platform_flags(list);
  auto listed = std::make_shared<CallerOptions>();
  list.text("CALLER", listed->name, "name or id", Need::kRequired);
  add_output_flag(list, listed->format);
  list.examples("  mifeng caller keys ward-7");
  list.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*list_flags));
    MIFENG_TRY(const auto caller, find_caller(client, listed->name));
    const json::Value keys = client::list_of(caller, "keys");
    MIFENG_CHECK(print_objects(console, keys, listed->format, kKeyColumns));
    return 0;
  });

  Command add = group.add("add-key", "One more API key for a caller; those it has stay");
  auto add_flags = add_platform_flags(add);
  auto added = std::make_shared<CallerOptions>();
  add.text("CALLER", added->name, "name or id", Need::kRequired)
      .text("NAME", added->key, "what the key is called", Need::kRequired)
      .number("--days", added->days, 1, bounds::kCallerKeyDaysMax, "after which it ends by itself; else it does not")
      .text("--key-file", added->key_file, "new file for the API key; else standard output")
      .examples("  mifeng caller add-key ward-7 2027 --days 365 --key-file ward-7-2027.key");
  add.run([=](Console& console) -> Result<int> {
    MIFENG_CHECK(refuse_existing_secret(added->key_file));
    MIFENG_TRY(const auto client, connect(*add_flags));
    MIFENG_TRY(const auto caller, find_caller(client, added->name));
    const json::Value body = json::Object{{"name", added->key}, {"lifetime_ms", added->days * 24 * 3600 * 1000}};
    MIFENG_TRY(const auto answer, client.change("POST", "/callers/" + text_of(caller, "id") + "/keys", caller, body));
    return give_key(console, answer, added->key_file);
  });

  Command end = group.add("end-key", "End one API key of a caller; the others stay");
  auto end_flags = add_platform_flags(end);
  auto ended = std::make_shared<CallerOptions>();
  end.text("CALLER", ended->name, "name or id", Need::kRequired)
      .text("KEY", ended->key, "name or id of the key", Need::kRequired)
      .examples("  mifeng caller end-key ward-7 1");
  end.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*end_flags));
    MIFENG_TRY(const auto caller, find_caller(client, ended->name));
    MIFENG_TRY(const auto key, find_key(caller, ended->key));
    MIFENG_CHECK(client.change("DELETE", "/callers/" + text_of(caller, "id") + "/keys/" + key, caller));
    console.message(say("The key {} of {} has ended.", {ended->key, text_of(caller, "name")}));
    return 0;
  });
}

}  // namespace

void add_caller(Command& root) {
  Command group = root.add("caller", "Callers of models, and their API keys");
  group.alias("callers");
  add_list(group, "callers", "All callers", "  mifeng caller list");

  Command command = group.add("add", "Add a caller; prints the API key");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<CallerOptions>();
  command.text("NAME", options->name, "who calls", Need::kRequired)
      .text("--key-file", options->key_file, "new file for the API key; else standard output")
      .examples("  KEY=$(mifeng caller add ward-7)\n  mifeng caller add ward-7 --key-file ward-7.key");
  command.run([=](Console& console) -> Result<int> {
    MIFENG_CHECK(refuse_existing_secret(options->key_file));
    MIFENG_TRY(const auto client, connect(*flags));
    const json::Value body = json::Object{{"name", options->name}};
    MIFENG_TRY(const auto answer, client.send("POST", "/callers", body));
    return give_key(console, answer, options->key_file);
  });

  Command renew = group.add("key", "A new API key for a caller; all its others end");
  auto renew_flags = add_platform_flags(renew);
  auto renewed = std::make_shared<CallerOptions>();
  renew.text("CALLER", renewed->name, "name or id", Need::kRequired)
      .text("--key-file", renewed->key_file, "new file for the API key; else standard output")
      .examples("  mifeng caller key ward-7 --key-file ward-7.key");
  renew.run([=](Console& console) -> Result<int> {
    MIFENG_CHECK(refuse_existing_secret(renewed->key_file));
    MIFENG_TRY(const auto client, connect(*renew_flags));
    MIFENG_TRY(const auto caller, find_caller(client, renewed->name));
    MIFENG_TRY(const auto answer, client.change("POST", "/callers/" + text_of(caller, "id") + "/key", caller));
    return give_key(console, answer, renewed->key_file);
  });

  add_key_commands(group);
  add_enabling(group, "revoke", "Refuse a caller's API key at every gateway", false);
  add_enabling(group, "enable", "Let a revoked caller call again, with the same key", true);
  group.examples(
      "  mifeng caller add ward-7 --key-file ward-7.key\n  mifeng caller revoke ward-7\n"
      "  mifeng delete caller ca-1");
}

}  // namespace mifeng::cli
