#include "mifeng/client/platform_client.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "mifeng/base/phrase.h"
#include "mifeng/client/answer.h"
#include "mifeng/client/waiting.h"
#include "mifeng/crypto/fingerprint.h"

namespace mifeng::client {
namespace {

constexpr std::size_t kAnswerMax = 16 << 20;
constexpr std::size_t kAnswerValuesMax = 1'000'000;  // a plan of thousands of deployments has that many
constexpr std::size_t kRefusalMax = 64 << 10;
constexpr std::chrono::milliseconds kPause{200};

// Of a platform that did not answer, what a person can look at; any other error as it is.
Error absence_of(const Error& error, const std::string& platform, std::chrono::milliseconds silence) {
  if (error.reason() == "cannot-connect")
    return Error(
        ErrorCode::kUnavailable, "cannot-connect",
        phrase("nobody answers for the platform at {}; see that it runs (`mifeng up`, mifengd) and that this is "
               "its address",
               platform));
  if (error.reason() == "no-answer")
    return Error(
        ErrorCode::kTimeout, "no-answer",
        phrase("the platform at {} takes connections and has said nothing for {} s; see its log, or wait longer "
               "(--timeout)",
               platform, std::chrono::duration_cast<std::chrono::seconds>(silence).count()));
  return error;
}

Error error_of(int status, const std::string& body) {
  if (const auto answer = json::parse(body)) {
    if (const std::string code = text_of(*answer, "code"); !code.empty())
      return Error(error_code_of(code).value_or(ErrorCode::kInternal), text_of(*answer, "reason"),
                   text_of(*answer, "message"));
  }
  return Error(ErrorCode::kUnavailable, "bad-answer",
               phrase("The server answered {} and no reason; is this a Mifeng platform?", status));
}

}  // namespace

Result<PlatformClient> PlatformClient::create(const Session& session, const Patience& patience) {
  MIFENG_TRY(auto parsed, net::parse_url(session.platform));
  if (parsed.options.tls) {
    parsed.options.tls->ca_file = session.ca_file;
    parsed.options.tls->pinned_sm3 = crypto::bare_fingerprint(session.pin);
  }
  parsed.options.idle_timeout = patience.silence;
  parsed.options.connect_timeout = std::min(parsed.options.connect_timeout, patience.silence);
  MIFENG_TRY(auto client, net::HttpClient::create(parsed.options));
  parsed.options.idle_timeout = patience.stillness;
  MIFENG_TRY(auto follower, net::HttpClient::create(parsed.options));
  return PlatformClient(std::move(client), std::move(follower), parsed.base_path + "/api/v1", session, patience);
}

net::ClientRequest PlatformClient::request(const std::string& method, const std::string& path) const {
  net::ClientRequest made(method, base_ + path);
  made.max_response_bytes = kAnswerMax;
  if (!session_.token.empty()) made.headers.add("Authorization", "Bearer " + session_.token);
  return made;
}

Result<std::string> PlatformClient::exchange(const net::ClientRequest& request) const {
  const auto deadline = std::chrono::steady_clock::now() + patience_.absence;
  const Waiting waiting(tell_);
  for (;;) {
    MIFENG_CHECK(check(stop_));
    auto response = client_.send_now(request, stop_ == nullptr ? -1 : stop_->fd());
    const bool away = response ? response->status == 503 : response.error().code() == ErrorCode::kUnavailable;
    if (!away || std::chrono::steady_clock::now() >= deadline) {
      if (!response) return absence_of(response.error(), session_.platform, patience_.silence);
      if (response->status / 100 != 2) return error_of(response->status, response->body);
      return std::move(response->body);
    }
    if (stop_ == nullptr) {
      std::this_thread::sleep_for(kPause);
    } else {
      (void)stop_->wait(kPause);
    }
  }
}

Result<json::Value> PlatformClient::exchange_json(const net::ClientRequest& request) const {
  MIFENG_TRY(const auto text, exchange(request));
  if (text.empty()) return json::Value();
  return json::parse(text, {.bytes = kAnswerMax, .values = kAnswerValuesMax});
}

Result<std::string> PlatformClient::get_text(const std::string& path) const { return exchange(request("GET", path)); }

Result<json::Value> PlatformClient::get(const std::string& path) const { return send("GET", path); }

Result<json::Value> PlatformClient::send(const std::string& method, const std::string& path) const {
  return exchange_json(request(method, path));
}

Result<json::Value> PlatformClient::send(const std::string& method, const std::string& path,
                                         const json::Value& body) const {
  auto made = request(method, path);
  made.body = json::serialize(body);
  made.headers.add("Content-Type", "application/json");
  return exchange_json(made);
}

namespace {

void add_if_match(net::ClientRequest& request, const json::Value& seen) {
  // An older platform tells none.
  if (const std::string etag = text_of(seen, "etag"); !etag.empty())
    request.headers.add("If-Match", "\"" + etag + "\"");
}

}  // namespace

Result<json::Value> PlatformClient::change(const std::string& method, const std::string& path, const json::Value& seen,
                                           const json::Value& body) const {
  auto made = request(method, path);
  add_if_match(made, seen);
  made.body = json::serialize(body);
  made.headers.add("Content-Type", "application/json");
  return exchange_json(made);
}

Result<json::Value> PlatformClient::change(const std::string& method, const std::string& path,
                                           const json::Value& seen) const {
  auto made = request(method, path);
  add_if_match(made, seen);
  return exchange_json(made);
}

Result<json::Value> PlatformClient::send_bytes(const std::string& method, const std::string& path,
                                               std::string bytes) const {
  auto made = request(method, path);
  made.body = std::move(bytes);
  made.headers.add("Content-Type", "application/octet-stream");
  return exchange_json(made);
}

Result<json::Value> PlatformClient::send_package(const std::string& path, const std::filesystem::path& package) const {
  auto made = request("POST", path);
  made.body = net::UploadFile{package, {}};
  made.headers.add("Content-Type", "application/vnd.mifeng.package");
  return exchange_json(made);
}

Result<void> PlatformClient::stream(const std::string& path, Streaming how,
                                    const std::function<Result<void>(ByteView)>& on_piece) const {
  const bool whole = how == Streaming::kWhole;
  std::optional<Waiting> waiting;
  if (whole) waiting.emplace(tell_);
  std::string refusal;
  auto status = (whole ? client_ : follower_).stream_now(request("GET", path), [&](int code, ByteView piece) {
    waiting.reset();
    if (code == 200) return on_piece(piece);
    if (refusal.size() < kRefusalMax) refusal += as_text(piece);
    return Result<void>(ok());
  });
  if (!status) return absence_of(status.error(), session_.platform, whole ? patience_.silence : patience_.stillness);
  if (*status != 200) return error_of(*status, refusal);
  return ok();
}

}  // namespace mifeng::client
