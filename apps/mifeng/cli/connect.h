// How a command comes to the platform: what its flags, the environment and the session of `mifeng login` say.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
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
  std::int64_t timeout = 0;  // seconds
};
constexpr std::int64_t kUsualTimeout = 60;
// Of what the platform may have to work on for long before it answers: packages, clusters, batches.
constexpr std::int64_t kLongTimeout = 600;
// Adds --platform, --ca, --pin and --token-file to a command, all of them settings (defaults.h), and --timeout, which
// is `timeout` where it is not given; not that one where 0.
std::shared_ptr<PlatformFlags> add_platform_flags(Command& command, std::int64_t timeout = kUsualTimeout);

// ~/.config/mifeng/session.json (or below XDG_CONFIG_HOME), mode 0600.
std::filesystem::path session_file();
Result<void> save_session(const Session& session);
Result<Session> read_session();  // an empty one where nobody has signed in

// kInvalidArgument "no-platform" where neither a flag, the environment nor a session says where it is.
Result<Session> session_of(const PlatformFlags& flags);
// Who waits for `whom` is told so, with the time after which he does so no longer.
std::function<void(std::chrono::seconds)> telling_of(const std::string& whom, std::int64_t timeout);
// A client of it, which tells.
Result<PlatformClient> connect(const PlatformFlags& flags);
Result<PlatformClient> connect(const PlatformFlags& flags, const Session& session);

}  // namespace mifeng::cli
