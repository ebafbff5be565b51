#include "cli/platform_client.h"

#include <algorithm>
#include <cstdlib>

#include "cli/language.h"
#include "mifeng/base/file.h"
#include "mifeng/json/fields.h"

namespace mifeng::cli {
namespace {

constexpr ErrorCode kCodes[] = {
    ErrorCode::kInvalidArgument, ErrorCode::kUnauthenticated,    ErrorCode::kPermissionDenied,  ErrorCode::kNotFound,
    ErrorCode::kConflict,        ErrorCode::kVerificationFailed, ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,
    ErrorCode::kTimeout,         ErrorCode::kCancelled};

Error error_of(int status, const std::string& body) {
  if (auto object = json::parse_object(body)) {
    const std::string code = text_of(*object, "code");
    ErrorCode known = ErrorCode::kInternal;
    for (const ErrorCode candidate : kCodes) {
      if (to_string(candidate) == code) known = candidate;
    }
    if (!code.empty()) return Error(known, text_of(*object, "reason"), text_of(*object, "message"));
  }
  return Error(ErrorCode::kUnavailable, "bad-answer",
               say("The server answered {} and no reason; is this a Mifeng platform?", {std::to_string(status)}));
}

}  // namespace

std::shared_ptr<PlatformFlags> add_platform_flags(Command& command) {
  auto flags = std::make_shared<PlatformFlags>();  // shared with the command's action
  command.text("--platform", flags->platform, "address: http://HOST:PORT, https://HOST:PORT or unix:/PATH")
      .setting("platform");
  command.text("--ca", flags->ca_file, "certificate (PEM) to trust for https").setting("ca");
  command.text("--pin", flags->pin, "SM3 of the platform's certificate, instead of --ca").setting("pin");
  command.text("--token-file", flags->token_file, "file with an API token, instead of `mifeng login`")
      .setting("token_file");
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

Result<PlatformClient> PlatformClient::connect(const PlatformFlags& flags) {
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
  return connect(session);
}

Result<PlatformClient> PlatformClient::connect(const Session& session, std::chrono::milliseconds patience) {
  MIFENG_TRY(auto parsed, net::parse_url(session.platform));
  if (parsed.options.tls) {
    parsed.options.tls->ca_file = session.ca_file;
    parsed.options.tls->pinned_sm3 = session.pin;
  }
  // Verifying a large package takes a while, during which nothing is sent.
  parsed.options.idle_timeout = patience;
  parsed.options.connect_timeout = std::min(parsed.options.connect_timeout, patience);
  MIFENG_TRY(auto client, net::HttpClient::create(parsed.options));
  return PlatformClient(std::move(client), parsed.base_path + "/api/v1", session);
}

net::ClientRequest PlatformClient::request(const std::string& method, const std::string& path) const {
  net::ClientRequest made(method, base_ + path);
  if (!session_.token.empty()) made.headers.add("Authorization", "Bearer " + session_.token);
  return made;
}

Result<std::string> PlatformClient::exchange(net::ClientRequest request) const {
  MIFENG_TRY(auto response, client_.send_now(std::move(request), stop_fd_));
  if (response.status / 100 != 2) return error_of(response.status, response.body);
  return std::move(response.body);
}

Result<std::string> PlatformClient::get_text(const std::string& path) const { return exchange(request("GET", path)); }

Result<json::Value> PlatformClient::get(const std::string& path) const { return send("GET", path); }

Result<json::Value> PlatformClient::send(const std::string& method, const std::string& path,
                                         const json::Value* body) const {
  auto made = request(method, path);
  if (body != nullptr) {
    made.body = json::serialize(*body);
    made.headers.add("Content-Type", "application/json");
  }
  MIFENG_TRY(const auto text, exchange(std::move(made)));
  if (text.empty()) return json::Value();
  return json::parse(text, {.bytes = 32 << 20});
}

Result<json::Value> PlatformClient::send_bytes(const std::string& method, const std::string& path,
                                               std::string bytes) const {
  auto made = request(method, path);
  made.body = std::move(bytes);
  made.headers.add("Content-Type", "application/octet-stream");
  MIFENG_TRY(const auto text, exchange(std::move(made)));
  return json::parse(text);
}

Result<void> PlatformClient::follow(const std::string& path,
                                    const std::function<Result<void>(ByteView)>& on_piece) const {
  std::string refusal;
  auto status = client_.stream_now(request("GET", path), [&](int code, ByteView piece) -> Result<void> {
    if (code == 200) return on_piece(piece);
    if (refusal.size() < 65'536) refusal += as_text(piece);
    return ok();
  });
  if (!status) return std::move(status).error();
  if (*status != 200) return error_of(*status, refusal);
  return ok();
}

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Object* members = object.if_object();
  const json::Value* value = members == nullptr ? nullptr : members->find(name);
  if (value == nullptr || value->is_null()) return "";
  if (const std::string* text = value->if_string()) return *text;
  return json::serialize(*value);
}

}  // namespace mifeng::cli
