// Calls to a cluster's API server: JSON in and out, refusals in the server's words.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/turns.h"
#include "mifeng/json/value.h"
#include "transfers.h"

namespace mifeng::kubernetes {

struct Answer {
  int status = 0;
  json::Value body;     // null where there was none
  std::string message;  // of a refusal ("Status" objects), else empty
  std::string reason;   // the same: "NotFound", "Conflict", "Invalid", "Expired"
  // Of a refusal: "FieldValueInvalid spec.ports[0].nodePort: provided port is already allocated"
  std::vector<std::string> causes;

  bool success() const { return status >= 200 && status < 300; }
  const json::Object* object() const { return body.if_object(); }
};

// What a refusal is to us. kNotFound "not-found", kPermissionDenied "forbidden" (401 and 403), kConflict "conflict",
// kResourceExhausted "quota", kUnavailable "expired" (410) and "api-unavailable" (429, 5xx), else kInvalidArgument
// "cluster-refused".
Error error_of(const Answer& answer, const std::string& doing);

// Any thread, any event loop.
class ApiServer {
 public:
  static Result<std::unique_ptr<ApiServer>> create(Login login);

  // Any status is a success here. What the server is too busy for (429, 503) is asked again as it says, at most four
  // times, and so is what it refuses (403) just after it was away. kUnavailable "api-unavailable", kTimeout "api-slow",
  // kVerificationFailed "bad-tls-certificate"; kInternal "bad-api-answer" for what is not JSON.
  net::Task<Answer> call(std::string method, std::string target, std::optional<json::Value> body = std::nullopt,
                         std::string content_type = "application/json") const;
  // Server-side apply of one object at its place, with fields that the server must know.
  net::Task<Answer> apply(std::string target, std::string manager, json::Value object, bool force = true) const;
  // An answer that goes on: a watch, a log. A refusal is an error.
  net::Task<std::unique_ptr<Transfer>> open(std::string target, std::chrono::milliseconds patience) const;

 private:
  explicit ApiServer(std::unique_ptr<Transfers> transfers) : transfers_(std::move(transfers)) {}
  std::unique_ptr<Transfers> transfers_;
  // An API server that has just started knows of no rights for a moment, and refuses what it is to allow.
  bool may_have_just_started() const;

  // When it was last found away, by the steady clock; 0: never.
  mutable std::atomic<std::int64_t> away_ms_{0};
  mutable cluster::Turns turns_{8};  // more at once gains nothing (measured), and a server is not ours alone
};

// Lines of a stream. Never holds more than `max` bytes of one that has not ended.
class LineReader {
 public:
  explicit LineReader(std::size_t max) : max_(max) {}
  // False: a line is too long.
  bool feed(std::string_view piece, std::vector<std::string>& lines);
  std::string rest() { return std::exchange(rest_, {}); }

 private:
  std::size_t max_;
  std::string rest_;
};

}  // namespace mifeng::kubernetes
