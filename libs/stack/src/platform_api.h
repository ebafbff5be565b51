// mifengd's REST API over its local socket, as the stack uses it: blocking, patient while mifengd starts again.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/stop_signal.h"
#include "mifeng/json/value.h"
#include "mifeng/net/client.h"

namespace mifeng::stack {

// Calls end at once when a signal has come: kCancelled "interrupted".
class PlatformApi {
 public:
  PlatformApi(std::filesystem::path socket, StopSignal& stop) : socket_(std::move(socket)), stop_(stop) {}

  // `path` below /api/v1. The answer's object; an error answer becomes an Error with its code, reason and message.
  // While mifengd cannot be reached it is tried again, at most 30 seconds.
  Result<json::Object> get(const std::string& path);
  Result<json::Object> post(const std::string& path, const json::Object& body);
  Result<json::Object> put(const std::string& path, const json::Object& body);
  Result<void> remove(const std::string& path);
  Result<json::Object> submit(const std::filesystem::path& package);

 private:
  Result<net::ClientResponse> send(const net::HttpClient& client, net::ClientRequest request);
  Result<json::Object> call(const std::string& method, const std::string& path, const json::Object* body,
                            const std::filesystem::path* upload);

  std::filesystem::path socket_;
  StopSignal& stop_;
};

// A string or an integer of an answer; kInternal "bad-answer" where it is missing.
Result<std::string> text_of(const json::Object& answer, std::string_view name);
Result<json::Object> object_of(const json::Object& answer, std::string_view name);

}  // namespace mifeng::stack
