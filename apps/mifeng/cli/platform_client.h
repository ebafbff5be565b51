// The platform's API, as commands call it: where it is, who we are, and errors as they came.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "cli/command.h"
#include "mifeng/base/stop_signal.h"
#include "mifeng/json/value.h"
#include "mifeng/net/client.h"

namespace mifeng::cli {

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
struct Session {
  std::string platform;
  std::string ca_file;
  std::string pin;
  std::string token;
};
Result<void> save_session(const Session& session);
Result<Session> read_session();  // an empty one where nobody has signed in

class PlatformClient {
 public:
  // kInvalidArgument "no-platform" where neither a flag, the environment nor a session says where it is.
  static Result<PlatformClient> connect(const PlatformFlags& flags);
  // `patience`: how long nothing may happen.
  static Result<PlatformClient> connect(const Session& session,
                                        std::chrono::milliseconds patience = std::chrono::minutes(10));

  // From now on a signal ends whatever waits for the platform: kCancelled "interrupted". `stop` must outlive this.
  void stop_by(const StopSignal& stop) { stop_fd_ = stop.fd(); }

  // `path` is below /api/v1. An error body becomes the error that the platform gave.
  Result<json::Value> get(const std::string& path) const;
  Result<json::Value> send(const std::string& method, const std::string& path, const json::Value* body = nullptr) const;
  // The body as it is, for files.
  Result<std::string> get_text(const std::string& path) const;
  // For uploads.
  Result<json::Value> send_bytes(const std::string& method, const std::string& path, std::string bytes) const;
  // Piece by piece, until it ends or `on_piece` fails.
  Result<void> follow(const std::string& path, const std::function<Result<void>(ByteView)>& on_piece) const;

  const Session& session() const { return session_; }

 private:
  PlatformClient(net::HttpClient client, std::string base, Session session)
      : client_(std::move(client)), base_(std::move(base)), session_(std::move(session)) {}
  Result<std::string> exchange(net::ClientRequest request) const;
  net::ClientRequest request(const std::string& method, const std::string& path) const;

  net::HttpClient client_;
  std::string base_;
  Session session_;
  int stop_fd_ = -1;
};

// A member of an object as text; "" where it is not there.
std::string text_of(const json::Value& object, std::string_view name);

}  // namespace mifeng::cli
