// The platform's REST API as its own programs call it: blocking, with errors as the platform gave them.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "mifeng/json/value.h"
#include "mifeng/net/client.h"
#include "mifeng/os/stop_signal.h"

namespace mifeng::client {

// Where a platform is, and who asks it.
struct Session {
  std::string platform;  // http://HOST:PORT, https://HOST:PORT or unix:/PATH
  std::string ca_file;   // PEM, for https
  std::string pin;       // SM3 of the platform's certificate, instead of ca_file
  std::string token;     // empty: none is sent
};

struct Patience {
  // Without a byte either way. Verifying a large package takes a while, during which nothing is sent.
  std::chrono::milliseconds silence = std::chrono::minutes(10);
  // The same of what is followed, where nothing may happen for a while.
  std::chrono::milliseconds stillness = std::chrono::minutes(10);
  // How long a platform that cannot be reached, or answers 503, is asked again. Only for a program that asks for
  // nothing that could not be asked for twice: an answer may have been on its way when the connection broke.
  std::chrono::milliseconds absence{0};
};

// What is streamed ends by itself without a pause (kWhole), or has pauses as long as nothing happens (kFollowed).
enum class Streaming { kWhole, kFollowed };

class PlatformClient {
 public:
  // kInvalidArgument "bad-url" | "bad-certificate".
  static Result<PlatformClient> create(const Session& session, const Patience& patience = {});

  // From now on a signal ends whatever waits for the platform: kCancelled "interrupted". `stop` must outlive this.
  void stop_by(StopSignal& stop) { stop_ = &stop; }

  // What tells the person who waits for an answer that it is waited for: called from another thread after two seconds,
  // and each second from then on, with how long it has been; and with 0 once that is over, if it was called at all.
  void tell_waiting(std::function<void(std::chrono::seconds)> tell) { tell_ = std::move(tell); }

  // `path` is below /api/v1. Another status than 2xx becomes the error that its body says, kUnavailable "bad-answer"
  // where it says none. An empty body is null.
  Result<json::Value> get(const std::string& path) const;
  Result<json::Value> send(const std::string& method, const std::string& path) const;
  Result<json::Value> send(const std::string& method, const std::string& path, const json::Value& body) const;
  // To change what was read: `seen` is the object as it was then, and kConflict "changed-meanwhile" is what somebody
  // else has changed since.
  Result<json::Value> change(const std::string& method, const std::string& path, const json::Value& seen,
                             const json::Value& body) const;
  Result<json::Value> change(const std::string& method, const std::string& path, const json::Value& seen) const;
  // The body as it is, for files.
  Result<std::string> get_text(const std::string& path) const;
  // For uploads.
  Result<json::Value> send_bytes(const std::string& method, const std::string& path, std::string bytes) const;
  Result<json::Value> send_package(const std::string& path, const std::filesystem::path& package) const;
  // Piece by piece, until it ends or `on_piece` fails. Asked once, whatever the absence that is allowed.
  Result<void> stream(const std::string& path, Streaming how,
                      const std::function<Result<void>(ByteView)>& on_piece) const;

  const Session& session() const { return session_; }

 private:
  PlatformClient(net::HttpClient client, net::HttpClient follower, std::string base, Session session, Patience patience)
      : client_(std::move(client)),
        follower_(std::move(follower)),
        base_(std::move(base)),
        session_(std::move(session)),
        patience_(patience) {}
  net::ClientRequest request(const std::string& method, const std::string& path) const;
  Result<std::string> exchange(const net::ClientRequest& request) const;
  Result<json::Value> exchange_json(const net::ClientRequest& request) const;

  net::HttpClient client_;
  net::HttpClient follower_;
  std::string base_;
  Session session_;
  Patience patience_;
  StopSignal* stop_ = nullptr;
  std::function<void(std::chrono::seconds)> tell_;
};

}  // namespace mifeng::client
