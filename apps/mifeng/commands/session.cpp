// mifeng whoami, password, logout
#include <unistd.h>

#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "cli/output.h"
#include "cli/secret_text.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

// Nobody waits long to be signed out of a platform that is not there.
constexpr std::chrono::milliseconds kSignOutPatience = std::chrono::seconds(10);

const std::vector<Column> kColumns{
    {"NAME", "name"}, {"ROLES", "roles"}, {"VENDOR", "vendor_id"}, {"PLATFORM", "platform"}};

Result<int> who(const PlatformFlags& flags, const std::string& format, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto me, client.get("/session"));
  if (me.if_object() == nullptr)
    return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no person.");
  json::Object shown = *me.if_object();
  shown.set("platform", client.session().platform);
  MIFENG_CHECK(print_objects(console, std::move(shown), format, kColumns, "name"));
  return 0;
}

struct PasswordOptions {
  std::string old_file, new_file;
};

Result<int> change_password(const PlatformFlags& flags, const PasswordOptions& options, Console& console) {
  if (options.old_file.empty() != options.new_file.empty() && ::isatty(STDIN_FILENO) != 1)
    return Error(ErrorCode::kInvalidArgument, "usage",
                 std::string(tr("Without a terminal --old-password-file and --new-password-file go together.")));
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto old, read_password(console, options.old_file, tr("Your password now:")));
  MIFENG_TRY(const auto fresh, read_password(console, options.new_file, tr("New password (12 or more):")));
  const json::Value body = json::Object{{"old_password", old}, {"new_password", fresh}};
  MIFENG_CHECK(client.send("PUT", "/session/password", body));
  console.message(tr("The password is changed. Your other sessions have ended."));
  return 0;
}

Result<int> sign_out(Console& console) {
  MIFENG_TRY(const auto session, read_session());
  if (session.platform.empty()) {
    console.message(tr("Nobody was signed in."));
    return 0;
  }
  const auto client = PlatformClient::create(session, {.silence = kSignOutPatience});
  const Result<json::Value> ended = client ? client->send("DELETE", "/session") : Result<json::Value>(client.error());
  // Whatever the platform says: here the session is over.
  std::error_code failure;
  std::filesystem::remove(session_file(), failure);
  if (failure) return errno_error(failure.value(), "remove " + session_file().string());
  // One that had ended already is what was wanted.
  if (!ended && ended.error().code() != ErrorCode::kUnauthenticated)
    console.warning(
        say("{} could not be told, and lets the session run out by itself: {}", {session.platform, tr(ended.error())}));
  console.message(say("Signed out of {}.", {session.platform}));
  return 0;
}

}  // namespace

void add_whoami(Command& root) {
  Command command = root.add("whoami", "Who is signed in, where, and in which roles");
  auto flags = add_platform_flags(command);
  auto format = std::make_shared<std::string>();
  add_output_flag(command, *format);
  command.examples("  mifeng whoami");
  command.run([=](Console& console) { return who(*flags, *format, console); });
}

void add_password(Command& root) {
  Command command = root.add("password", "Change your own password; another's is reset by `mifeng person reset`");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<PasswordOptions>();
  command.text("--old-password-file", options->old_file, "file with the password now; else typed, or standard input")
      .text("--new-password-file", options->new_file, "file with the new one; else typed, or standard input")
      .examples(
          "  mifeng password\n"
          "  mifeng password --old-password-file old --new-password-file new");
  command.run([flags, options](Console& console) { return change_password(*flags, *options, console); });
}

void add_logout(Command& root) {
  Command command = root.add("logout", "End the session that `mifeng login` began, here and at the platform");
  command.examples("  mifeng logout");
  command.run(sign_out);
}

}  // namespace mifeng::cli
