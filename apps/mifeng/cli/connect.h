// How a command comes to the platform: what its flags, the environment and the session of `mifeng login` say.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cli/command.h"
#include "mifeng/client/answer.h"
#include "mifeng/client/platform_client.h"

namespace mifeng::cli {

using client::PlatformClient;
using client::Session;
using client::text_of;

// What a person gave on the command line; the session file of `mifeng login` says the rest.
struct PlatformFlags {
  std::string platform;  // http://..., https://... or unix:/...
  std::string ca_file;
  std::string pin;  // SM3 of the platform's certificate
  std::string token_file;
};
// Adds --platform, --ca, --pin and --token-file to a command, all of them settings (defaults.h).
std::shared_ptr<PlatformFlags> add_platform_flags(Command& command);

// ~/.config/mifeng/session.json (or below XDG_CONFIG_HOME), mode 0600.
std::filesystem::path session_file();
Result<void> save_session(const Session& session);
Result<Session> read_session();  // an empty one where nobody has signed in

// kInvalidArgument "no-platform" where neither a flag, the environment nor a session says where it is.
Result<Session> session_of(const PlatformFlags& flags);
// A client of it.
Result<PlatformClient> connect(const PlatformFlags& flags);

}  // namespace mifeng::cli
