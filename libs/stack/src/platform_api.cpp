#include "platform_api.h"

#include <array>
#include <optional>

#include "mifeng/net/runtime.h"

namespace mifeng::stack {
namespace {

constexpr std::array kCodes = {
    ErrorCode::kInvalidArgument, ErrorCode::kUnauthenticated,    ErrorCode::kPermissionDenied,  ErrorCode::kNotFound,
    ErrorCode::kConflict,        ErrorCode::kVerificationFailed, ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,
    ErrorCode::kTimeout,         ErrorCode::kCancelled,          ErrorCode::kInternal};

Error error_of(const net::ClientResponse& response, const std::string& doing) {
  auto body = json::parse_object(response.body);
  if (!body)
    return Error(ErrorCode::kInternal, "bad-answer",
                 doing + ": the platform answered with status " + std::to_string(response.status));
  const auto text = [&](std::string_view name) {
    const json::Value* value = body->find(name);
    return value != nullptr && value->if_string() != nullptr ? *value->if_string() : std::string();
  };
  ErrorCode code = ErrorCode::kInternal;
  for (const ErrorCode candidate : kCodes) {
    if (to_string(candidate) == text("code")) code = candidate;
  }
  return Error(code, text("reason"), text("message"));
}

}  // namespace

Result<net::ClientResponse> PlatformApi::send(const net::HttpClient& client, net::ClientRequest request) {
  std::optional<Result<net::ClientResponse>> answer;
  net::run_to_end([&]() -> boost::asio::awaitable<void> {
    std::function<boost::asio::awaitable<void>()> ask = [&]() -> boost::asio::awaitable<void> {
      auto value = co_await client.send(std::move(request));
      answer.emplace(std::move(value));
    };
    std::function<boost::asio::awaitable<void>()> watch = [&]() -> boost::asio::awaitable<void> {
      while (!stop_.requested()) co_await net::sleep_for(std::chrono::milliseconds(50));
    };
    co_await net::race(std::move(ask), std::move(watch));
  });
  MIFENG_CHECK(stop_.check());
  return std::move(*answer);
}

Result<json::Object> PlatformApi::call(const std::string& method, const std::string& path, const json::Object* body,
                                       const std::filesystem::path* upload) {
  net::ClientOptions options;
  options.endpoint = net::UnixEndpoint{socket_};
  options.connect_timeout = std::chrono::seconds(5);
  options.idle_timeout = std::chrono::minutes(2);  // a large package is verified before it is answered
  MIFENG_TRY(const net::HttpClient client, net::HttpClient::create(std::move(options)));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    net::ClientRequest request(method, "/api/v1" + path);
    if (body != nullptr) {
      request.body = json::serialize(*body);
      request.headers.set("Content-Type", "application/json");
    }
    if (upload != nullptr) {
      request.body = net::UploadFile{*upload, {}};
      request.headers.set("Content-Type", "application/vnd.mifeng.package");
    }
    auto response = send(client, std::move(request));
    if (!response && response.error().reason() == "interrupted") return response.error();
    if (!response) {
      // Everything that the stack asks for can be asked for twice.
      if (response.error().code() != ErrorCode::kUnavailable || std::chrono::steady_clock::now() > deadline)
        return response.error().with_context("ask the platform");
      if (stop_.wait(std::chrono::milliseconds(200))) return stop_.check().error();
      continue;
    }
    if (response->status == 503 && std::chrono::steady_clock::now() < deadline) {
      if (stop_.wait(std::chrono::milliseconds(200))) return stop_.check().error();
      continue;
    }
    if (response->status < 200 || response->status >= 300) return error_of(*response, method + " " + path);
    if (response->body.empty()) return json::Object{};
    json::ParseLimits limits;
    limits.bytes = 16 << 20;
    return json::parse_object(response->body, limits);
  }
}

Result<json::Object> PlatformApi::get(const std::string& path) { return call("GET", path, nullptr, nullptr); }
Result<json::Object> PlatformApi::post(const std::string& path, const json::Object& body) {
  return call("POST", path, &body, nullptr);
}
Result<json::Object> PlatformApi::put(const std::string& path, const json::Object& body) {
  return call("PUT", path, &body, nullptr);
}
Result<void> PlatformApi::remove(const std::string& path) {
  MIFENG_CHECK(call("DELETE", path, nullptr, nullptr));
  return ok();
}
Result<json::Object> PlatformApi::submit(const std::filesystem::path& package) {
  return call("POST", "/packages", nullptr, &package);
}

Result<std::string> text_of(const json::Object& answer, std::string_view name) {
  const json::Value* value = answer.find(name);
  if (value == nullptr || value->if_string() == nullptr)
    return Error(ErrorCode::kInternal, "bad-answer", "the platform's answer has no " + std::string(name));
  return *value->if_string();
}

Result<json::Object> object_of(const json::Object& answer, std::string_view name) {
  const json::Value* value = answer.find(name);
  if (value == nullptr || value->if_object() == nullptr)
    return Error(ErrorCode::kInternal, "bad-answer", "the platform's answer has no " + std::string(name));
  return *value->if_object();
}

}  // namespace mifeng::stack
