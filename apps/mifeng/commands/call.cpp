// mifeng call
#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "cli/secret_text.h"
#include "commands/call_data.h"
#include "commands/commands.h"
#include "mifeng/crypto/fingerprint.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kDataMax = std::size_t{64} << 20;
constexpr std::size_t kRefusalMax = 64 * 1024;
constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(10);  // a model may think for a while

struct CallOptions {
  std::string path, data, type = "application/json", gateway = "http://127.0.0.1:7081", ca, pin, key_file;
  bool raw = false;
};

ErrorCode code_of(int status) {
  switch (status) {
    case 401: return ErrorCode::kUnauthenticated;
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 408:
    case 504: return ErrorCode::kTimeout;
    default: return status / 100 == 4 ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
  }
}

// Of a gateway its reason (spec/errors.md: {"error": {"reason", "message"}}); of the model its words on standard error,
// and the status.
Error refusal_of(int status, const std::string& body, Console& console) {
  if (const auto object = json::parse_object(body)) {
    const json::Value* error = object->find("error");
    const std::string reason = error == nullptr ? "" : text_of(*error, "reason");
    if (!reason.empty()) return Error(code_of(status), reason, text_of(*error, "message"));
  }
  if (!body.empty()) console.message(body.ends_with('\n') ? body.substr(0, body.size() - 1) : body);
  return Error(code_of(status), "refused-by-model", say("The model answered {}.", {std::to_string(status)}));
}

Result<int> call(const CallOptions& options, Console& console) {
  if (options.key_file == "-" && options.data == "@-")
    return Error(ErrorCode::kInvalidArgument, "usage",
                 std::string(tr("Standard input is either the key or the data, not both.")));
  if (options.raw) console.show_raw();
  MIFENG_TRY(auto where, net::parse_url(options.gateway));
  if (where.options.tls) {
    where.options.tls->ca_file = options.ca;
    where.options.tls->pinned_sm3 = crypto::bare_fingerprint(options.pin);
  }
  where.options.idle_timeout = kPatience;
  MIFENG_TRY(const auto client, net::HttpClient::create(where.options));
  net::ClientRequest request(options.data.empty() ? "GET" : "POST",
                             where.base_path + (options.path.starts_with('/') ? "" : "/") + options.path);
  if (!options.key_file.empty()) {
    const auto key = read_password(console, options.key_file == "-" ? "" : options.key_file, tr("API key:"));
    if (!key && key.error().reason() == "no-password")
      return Error(ErrorCode::kInvalidArgument, "no-key", say("There is no API key in {}.", {options.key_file}));
    if (!key) return key.error();
    request.headers.add("Authorization", "Bearer " + *key);
  }
  if (!options.data.empty()) {
    MIFENG_TRY(request.body, data_of(options.data, kDataMax));
    request.headers.add("Content-Type", options.type);
  }
  std::string refusal;
  MIFENG_TRY(const int status, client.stream_now(std::move(request), [&](int code, ByteView piece) -> Result<void> {
    if (code / 100 == 2) return console.write(piece);
    if (refusal.size() < kRefusalMax) refusal += as_text(piece);
    return ok();
  }));
  if (status / 100 != 2) return refusal_of(status, refusal, console);
  return 0;
}

}  // namespace

void add_call(Command& root) {
  Command command = root.add("call", "Call a model through the gateway, with an API key of your own");
  auto options = std::make_shared<CallOptions>();
  command
      .text("MODEL", options->path, "access prefix of its route and the path behind it, such as /digits/predict",
            Need::kRequired)
      .text("-d,--data", options->data, "what to send: @FILE, @- for standard input, or the text itself; else a GET")
      .text("--content-type", options->type, "of what is sent; default application/json")
      .text(
          "--key-file", options->key_file,
          "file with the API key, as `mifeng caller add --key-file` makes it; - for standard input; else none is sent")
      .setting("key_file")
      .text("--gateway", options->gateway, "its address; default http://127.0.0.1:7081, as `mifeng up` has it")
      .setting("gateway")
      .text("--gateway-ca", options->ca, "certificate (PEM) to trust for https")
      .flag("--raw", options->raw, "to a terminal too, as it was written: control sequences in it act there")
      .text("--gateway-pin", options->pin, "SM3 of the gateway's certificate, instead of --gateway-ca")
      .examples(
          "  mifeng call /digits/predict -d @image.json --key-file ward-7.key\n"
          "  echo '{\"numbers\": [1, 2, 3]}' | mifeng call /wheat/predict -d @- --key-file ward-7.key");
  command.run([options](Console& console) { return call(*options, console); });
}

}  // namespace mifeng::cli
