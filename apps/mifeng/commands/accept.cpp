// mifeng accept, withdraw
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/kinds.h"

namespace mifeng::cli {
namespace {

Result<int> accept(const PlatformFlags& flags, const std::string& name, const std::string& refusal,
                   const std::string& format, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto version, find_version(client, name));
  const std::string path = "/models/" + text_of(version, "id");
  const json::Value reason = json::Object{{"reason", refusal}};
  MIFENG_TRY(const auto decided, refusal.empty() ? client.send("POST", path + "/acceptance")
                                                 : client.send("POST", path + "/refusal", reason));
  MIFENG_CHECK(print_objects(console, decided, format, version_columns()));
  return 0;
}

Result<int> withdraw(const PlatformFlags& flags, const std::string& name, const std::string& why,
                     const std::string& format, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto version, find_version(client, name));
  const json::Value reason = json::Object{{"reason", why}};
  MIFENG_TRY(const auto answer, client.send("POST", "/models/" + text_of(version, "id") + "/withdrawal", reason));
  if (format == "json" || format == "yaml") {
    MIFENG_CHECK(print_objects(console, answer, format, {}));
    return 0;
  }
  const json::Object* object = answer.if_object();
  const json::Value* withdrawn = object == nullptr ? nullptr : object->find("version");
  const json::Value* having = object == nullptr ? nullptr : object->find("deployment_ids");
  if (withdrawn == nullptr || having == nullptr || having->if_array() == nullptr)
    return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no version.");
  MIFENG_CHECK(print_objects(console, *withdrawn, format, version_columns()));
  std::string names;
  for (const json::Value& id : *having->if_array())
    if (const std::string* text = id.if_string()) names += (names.empty() ? "" : ", ") + *text;
  if (!names.empty()) console.message(say("These deployments have it and go on: {}.", {names}));
  return 0;
}

}  // namespace

void add_accept(Command& root) {
  Command command = root.add("accept", "Take delivery of a version, or refuse it");
  auto flags = add_platform_flags(command);
  auto name = std::make_shared<std::string>();
  auto refusal = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("VERSION", *name, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .text("--refuse", *refusal, "refuse it, for this reason");
  add_output_flag(command, *format);
  command.examples("  mifeng accept acme/digits@1.2.0\n  mifeng accept acme/digits@1.2.0 --refuse 'no test data'");
  command.run([=](Console& console) { return accept(*flags, *name, *refusal, *format, console); });
}

void add_withdraw(Command& root) {
  Command command = root.add("withdraw", "Deploy an accepted version no more; what runs of it goes on");
  auto flags = add_platform_flags(command);
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("VERSION", *name, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .text("--reason", *reason, "why; it is kept with the version", Need::kRequired);
  add_output_flag(command, *format);
  command.examples("  mifeng withdraw acme/digits@1.2.0 --reason 'wrong on rotated images'");
  command.run([=](Console& console) { return withdraw(*flags, *name, *reason, *format, console); });
}

}  // namespace mifeng::cli
