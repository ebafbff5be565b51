// mifeng login
#include <unistd.h>

#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "cli/secret_text.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

struct LoginOptions {
  std::string name = "admin";
  std::string password_file;
  std::string new_password_file;
};

Result<int> login(const PlatformFlags& flags, const LoginOptions& options, Console& console) {
  MIFENG_TRY(Session session, session_of(flags));
  session.token.clear();
  MIFENG_TRY(auto client, connect(flags, session));
  MIFENG_TRY(const auto password, read_password(console, options.password_file,
                                                say("Password of {} at {}:", {options.name, session.platform})));
  const json::Value body = json::Object{{"name", options.name}, {"password", password}};
  MIFENG_TRY(const auto answer, client.send("POST", "/session", body));
  session.token = text_of(answer, "token");
  const json::Value* person = answer.if_object()->find("person");
  if (person != nullptr && text_of(*person, "must_change_password") == "true") {
    MIFENG_TRY(const auto changed, connect(flags, session));
    const bool can_ask = !options.new_password_file.empty() || ::isatty(STDIN_FILENO) == 1;
    if (!can_ask)
      return Error(ErrorCode::kPermissionDenied, "must-change-password",
                   tr("This first password must be changed: give --new-password-file (12 characters or more)."));
    MIFENG_TRY(const auto fresh,
               read_password(console, options.new_password_file, tr("It must be changed. New password (12 or more):")));
    const json::Value change = json::Object{{"old_password", password}, {"new_password", fresh}};
    MIFENG_CHECK(changed.send("PUT", "/session/password", change));
  }
  MIFENG_CHECK(save_session(session));
  console.message(say("Signed in at {} as {}.", {session.platform, options.name}));
  return 0;
}

}  // namespace

void add_login(Command& root) {
  Command command = root.add("login", "Sign in at a platform; the session is kept in a file of mode 0600");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<LoginOptions>();
  command.text("--name", options->name, "whom to sign in")
      .text("--password-file", options->password_file, "file with the password; else typed, or standard input")
      .text("--new-password-file", options->new_password_file, "file with the password that replaces a first one")
      .examples("  mifeng login --platform http://127.0.0.1:7080 --name li");
  command.run([flags, options](Console& console) { return login(*flags, *options, console); });
}

}  // namespace mifeng::cli
