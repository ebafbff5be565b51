// mifeng whoami, logout
#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "cli/output.h"
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

void add_logout(Command& root) {
  Command command = root.add("logout", "End the session that `mifeng login` began, here and at the platform");
  command.examples("  mifeng logout");
  command.run(sign_out);
}

}  // namespace mifeng::cli
