// mifeng person, mifeng token
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/secret_text.h"
#include "commands/commands.h"
#include "commands/get.h"
#include "commands/things.h"

namespace mifeng::cli {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;
const std::vector<std::string> kRoles{"administrator", "vendor", "operator", "auditor", "caller"};
const std::vector<Column> kPersonColumns{
    {"ID", "id"}, {"NAME", "name"}, {"ROLES", "roles"}, {"VENDOR", "vendor_id"}, {"ENABLED", "enabled"}};

struct PersonOptions {
  std::string name, display_name, vendor, password_file, format;
  std::vector<std::string> roles;
};

Result<json::Array> roles_of(const std::vector<std::string>& given) {
  json::Array roles;
  for (const std::string& role : given) {
    if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end())
      return Error(ErrorCode::kInvalidArgument, "bad-role",
                   say("\"{}\" is no role; there are administrator, vendor, operator, auditor and caller.", {role}));
    roles.emplace_back(role);
  }
  return roles;
}

// The object on standard error, so that standard output holds the secret alone.
Result<int> give_password(Console& console, const json::Value& answer, const std::string& file) {
  const json::Value* person = answer.if_object() == nullptr ? nullptr : answer.if_object()->find("person");
  if (person != nullptr)
    console.message(say("First password of {}, shown this once; it must be changed at the first sign-in.",
                        {text_of(*person, "name")}));
  MIFENG_CHECK(give_secret(console, text_of(answer, "password"), file));
  return 0;
}

Result<int> add_one_person(const PlatformFlags& flags, const PersonOptions& options, Console& console) {
  MIFENG_CHECK(refuse_existing_secret(options.password_file));
  MIFENG_TRY(auto roles, roles_of(options.roles));
  MIFENG_TRY(const auto client, connect(flags));
  json::Object person{{"name", options.name}, {"roles", std::move(roles)}};
  if (!options.display_name.empty()) person.set("display_name", options.display_name);
  if (!options.vendor.empty()) person.set("vendor_id", options.vendor);
  const json::Value body = std::move(person);
  MIFENG_TRY(const auto answer, client.send("POST", "/people", body));
  return give_password(console, answer, options.password_file);
}

Result<int> enable(const PlatformFlags& flags, const PersonOptions& options, bool enabled, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto person, find_person(client, options.name));
  json::Object input;
  for (const char* member : {"name", "display_name", "roles", "vendor_id"}) {
    if (const json::Value* value = person.find(member)) input.set(member, *value);
  }
  input.set("enabled", enabled);
  const json::Value body = std::move(input);
  MIFENG_TRY(const auto changed, client.send("PUT", "/people/" + text_of(person, "id"), body));
  MIFENG_CHECK(print_objects(console, changed, options.format, kPersonColumns));
  return 0;
}

void add_enabling(Command& group, const std::string& name, const std::string& summary, bool enabled) {
  Command command = group.add(name, summary);
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<PersonOptions>();
  command.text("PERSON", options->name, "name or id", Need::kRequired);
  add_output_flag(command, options->format);
  command.examples("  mifeng person " + name + " li");
  command.run([=](Console& console) { return enable(*flags, *options, enabled, console); });
}

struct TokenOptions {
  std::string name, file;
  std::vector<std::string> roles;
  std::int64_t days = 30;
};

Result<int> add_one_token(const PlatformFlags& flags, const TokenOptions& options, Console& console) {
  MIFENG_CHECK(refuse_existing_secret(options.file));
  MIFENG_TRY(auto roles, roles_of(options.roles));
  MIFENG_TRY(const auto client, connect(flags));
  const json::Value body =
      json::Object{{"name", options.name}, {"roles", std::move(roles)}, {"lifetime_ms", options.days * kMsPerDay}};
  MIFENG_TRY(const auto answer, client.send("POST", "/tokens", body));
  const json::Value* info = answer.if_object() == nullptr ? nullptr : answer.if_object()->find("info");
  console.message(say("API token {}, shown this once.", {info == nullptr ? options.name : text_of(*info, "id")}));
  MIFENG_CHECK(give_secret(console, text_of(answer, "token"), options.file));
  return 0;
}

}  // namespace

void add_person(Command& root) {
  Command group = root.add("person", "People: who may sign in, and in which roles");
  group.alias("people");
  add_list(group, "people", "All people", "  mifeng person list");

  Command command = group.add("add", "Add a person; prints the first password");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<PersonOptions>();
  command.text("NAME", options->name, "what is typed at sign-in", Need::kRequired)
      .texts("--role", options->roles, "administrator, vendor, operator, auditor or caller; again for more",
             Need::kRequired)
      .text("--vendor", options->vendor, "id of the vendor, for the role vendor")
      .text("--display-name", options->display_name, "name shown")
      .text("--password-file", options->password_file, "new file for the first password; else standard output")
      .examples("  mifeng person add li --role vendor --vendor acme --password-file li.password");
  command.run([=](Console& console) { return add_one_person(*flags, *options, console); });

  add_enabling(group, "disable", "Nobody signs in as this person any more; sessions end", false);
  add_enabling(group, "enable", "Let a disabled person sign in again", true);

  Command reset = group.add("reset", "Give a new first password; sessions and API tokens end");
  auto reset_flags = add_platform_flags(reset);
  auto whom = std::make_shared<PersonOptions>();
  reset.text("PERSON", whom->name, "name or id", Need::kRequired)
      .text("--password-file", whom->password_file, "new file for the first password; else standard output")
      .examples("  mifeng person reset li --password-file li.password");
  reset.run([=](Console& console) -> Result<int> {
    MIFENG_CHECK(refuse_existing_secret(whom->password_file));
    MIFENG_TRY(const auto client, connect(*reset_flags));
    MIFENG_TRY(const auto person, find_person(client, whom->name));
    MIFENG_TRY(const auto answer, client.send("POST", "/people/" + text_of(person, "id") + "/password"));
    return give_password(console, answer, whom->password_file);
  });
  group.examples("  mifeng person add li --role operator\n  mifeng person list\n  mifeng delete person li");
}

void add_token(Command& root) {
  Command group = root.add("token", "API tokens, for programs that act for you");
  group.alias("tokens");
  add_list(group, "tokens", "Your API tokens; for an administrator all", "  mifeng token list");

  Command command = group.add("add", "Make an API token; prints it");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<TokenOptions>();
  command.text("NAME", options->name, "what it is for", Need::kRequired)
      .texts("--role", options->roles, "one of your roles; again for more", Need::kRequired)
      .number("--days", options->days, 0, 3660, "until it ends; 0 for as long as the platform allows")
      .text("--secret-file", options->file, "new file for the token; else standard output")
      .examples("  mifeng token add ci --role vendor --days 90 --secret-file ci.token");
  command.run([=](Console& console) { return add_one_token(*flags, *options, console); });

  Command revoke = group.add("revoke", "End an API token");
  auto revoke_flags = add_platform_flags(revoke);
  auto id = std::make_shared<std::string>();
  revoke.text("TOKEN", *id, "name or id", Need::kRequired).examples("  mifeng token revoke ci");
  revoke.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*revoke_flags));
    MIFENG_TRY(const Kind* kind, find_kind("tokens"));
    MIFENG_TRY(const auto token, id_of(client, *kind, *id));
    MIFENG_CHECK(client.send("DELETE", "/tokens/" + net::percent_encode(token)));
    console.message(say("Ended {}.", {*id}));
    return 0;
  });
  group.examples("  mifeng token add ci --role vendor\n  mifeng token list\n  mifeng token revoke ci");
}

}  // namespace mifeng::cli
