// Calls to `podman system service` over its Unix socket: libpod's REST API, v4.0.0.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/json/value.h"
#include "mifeng/net/client.h"

namespace mifeng::cluster {

struct PodmanAnswer {
  int status = 0;
  json::Value body;     // null where there was none
  std::string message;  // of an error answer, else empty

  bool success() const { return status >= 200 && status < 300; }
  const json::Object* object() const { return body.if_object(); }
};

// How long an answer may take: at once, as long as a start, as a stop with its grace, as a pull, or as a quiet log.
enum class Patience { kQuick, kStart, kStop, kPull, kFollow };

class PodmanClient {
 public:
  static Result<PodmanClient> create(const std::filesystem::path& socket);

  // `path` below /v4.0.0/libpod, with its query. Any status is a success here; kUnavailable "engine-unavailable" when
  // the service does not answer, kTimeout "engine-slow" after the patience, kInternal "bad-engine-answer" for what is
  // not JSON.
  net::Task<PodmanAnswer> call(std::string method, std::string path, std::optional<json::Object> body,
                               Patience patience) const;
  // The answer as it comes. A status that is no success is an error: kNotFound, else kInternal, "engine-refused".
  net::Task<std::unique_ptr<net::ResponseStream>> stream(std::string method, std::string path, Patience patience) const;
  net::Task<std::unique_ptr<net::ResponseStream>> stream(std::string method, std::string path, Patience patience,
                                                         net::Headers headers) const;

 private:
  explicit PodmanClient(std::vector<net::HttpClient> clients) : clients_(std::move(clients)) {}
  const net::HttpClient& client(Patience patience) const { return clients_[static_cast<std::size_t>(patience)]; }
  std::vector<net::HttpClient> clients_;  // by Patience
};

// ?filters={"label":["a=b","c=d"]}, encoded.
std::string label_filter(const std::vector<std::string>& labels);

}  // namespace mifeng::cluster
