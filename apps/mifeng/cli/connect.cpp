#include "cli/connect.h"

#include <cstdlib>

#include "cli/console.h"
#include "cli/language.h"
#include "mifeng/base/bounds.h"
#include "mifeng/json/fields.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {

std::shared_ptr<PlatformFlags> add_platform_flags(Command& command, std::int64_t timeout) {
  auto flags = std::make_shared<PlatformFlags>();  // shared with the command's action
  flags->timeout = timeout;
  command.text("--platform", flags->platform, "address: http://HOST:PORT, https://HOST:PORT or unix:/PATH")
      .setting("platform");
  command.text("--ca", flags->ca_file, "certificate (PEM) to trust for https").setting("ca");
  command.text("--pin", flags->pin, "SM3 of the platform's certificate, instead of --ca").setting("pin");
  command.text("--token-file", flags->token_file, "file with an API token, instead of `mifeng login`")
      .setting("token_file");
  if (timeout > 0)
    command.number("--timeout", flags->timeout, 1, bounds::kWaitSecondsMax,
                   "seconds without a word from the platform before it is given up");
  return flags;
}

std::filesystem::path session_file() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') return std::filesystem::path(config) / "mifeng/session.json";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "/root" : home) / ".config/mifeng/session.json";
}

Result<Session> read_session() {
  Session session;
  auto text = read_text_file(session_file(), 64 * 1024);
  if (!text && text.error().code() == ErrorCode::kNotFound) return session;
  if (!text) return std::move(text).error();
  auto object = json::parse_object(*text);
  if (!object) return object.error().with_context(session_file().string());
  json::Fields fields(*object);
  session.platform = fields.string("platform");
  session.ca_file = fields.optional_string("ca_file").value_or("");
  session.pin = fields.optional_string("pin").value_or("");
  session.token = fields.string("token");
  if (auto read = fields.finish(); !read) return read.error().with_context(session_file().string());
  return session;
}

Result<void> save_session(const Session& session) {
  const auto path = session_file();
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) return errno_error(failure.value(), "make " + path.parent_path().string());
  const std::string text = json::serialize_pretty(json::Object{
      {"platform", session.platform}, {"ca_file", session.ca_file}, {"pin", session.pin}, {"token", session.token}});
  return write_file_atomic(path, as_bytes(text), 0600);
}

Result<Session> session_of(const PlatformFlags& flags) {
  MIFENG_TRY(Session session, read_session());
  // A token is for the platform that gave it and for no other.
  if (!flags.platform.empty() && flags.platform != session.platform) session = Session{flags.platform, {}, {}, {}};
  if (!flags.ca_file.empty()) session.ca_file = flags.ca_file;
  if (!flags.pin.empty()) session.pin = flags.pin;
  if (!flags.token_file.empty()) {
    MIFENG_TRY(session.token, read_text_file(flags.token_file, 4096));
    while (!session.token.empty() && (session.token.back() == '\n' || session.token.back() == '\r'))
      session.token.pop_back();
  }
  if (session.platform.empty())
    return Error(ErrorCode::kInvalidArgument, "no-platform",
                 tr("Which platform? Sign in with `mifeng login --platform URL`, or give --platform."));
  return session;
}

std::function<void(std::chrono::seconds)> telling_of(const std::string& whom, std::int64_t timeout) {
  return [whom, timeout](std::chrono::seconds passed) {
    Console* const console = Console::of_this_process();
    if (console == nullptr) return;
    if (passed.count() == 0) return console->progress_end();
    const std::string words = say("No answer from {} for {} s; it is waited for {} s (--timeout).",
                                  {whom, std::to_string(passed.count()), std::to_string(timeout)});
    // Where nobody looks on, as in a log, a line soon and then one for each minute.
    if (console->messages_are_on_terminal())
      console->passing(words);
    else if (passed.count() == 2 || passed.count() % 60 == 0)
      console->message(words);
  };
}

Result<PlatformClient> connect(const PlatformFlags& flags) {
  MIFENG_TRY(const Session session, session_of(flags));
  return connect(flags, session);
}

Result<PlatformClient> connect(const PlatformFlags& flags, const Session& session) {
  MIFENG_TRY(auto client, PlatformClient::create(session, {.silence = std::chrono::seconds(flags.timeout)}));
  client.tell_waiting(telling_of(session.platform, flags.timeout));
  return client;
}

}  // namespace mifeng::cli
