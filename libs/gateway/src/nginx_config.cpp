#include "nginx_config.h"

#include <unistd.h>

#include <thread>

#include "mifeng/keyholder/nginx.h"
#include "mifeng/net/loopback.h"
#include "mifeng/net/tls.h"
#include "mifeng/os/file.h"

namespace mifeng::gateway {

namespace {

constexpr std::size_t kTemplateSizeMax = 1 << 20;
constexpr const char* kBodyMax = "16m";  // of bodies that are bound into the answer

Result<net::ServerTls> certificate(const GatewayOptions& options, const Clock& clock) {
  if (options.tls_certificate && options.tls_key)
    return net::ServerTls{.certificate = *options.tls_certificate, .key = *options.tls_key};
  if (options.tls_certificate || options.tls_key)
    return Error(ErrorCode::kInvalidArgument, "half-a-certificate", "give both --tls-cert and --tls-key, or neither");
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  std::vector<std::string> names{host, "localhost", "127.0.0.1"};
  if (options.address != "0.0.0.0" && options.address != "::") names.push_back(options.address);
  return net::self_made_certificate(options.state, names, clock);
}

}  // namespace

bool uses_tls(const GatewayOptions& options) {
  return options.tls_certificate.has_value() || options.tls_key.has_value() || !net::is_loopback(options.address);
}

Result<std::string> nginx_configuration(const GatewayOptions& options, const keyholder::ListenSocket& socket,
                                        const std::filesystem::path& run_folder, const std::optional<WorkerUser>& user,
                                        const Clock& clock) {
  MIFENG_TRY(const std::string text, read_text_file(options.nginx_template, kTemplateSizeMax));
  std::string listen = "listen " + socket.name();
  if (uses_tls(options)) {
    MIFENG_TRY(const net::ServerTls tls, certificate(options, clock));
    MIFENG_TRY(const std::string certificate_path, keyholder::plain_path(tls.certificate));
    MIFENG_TRY(const std::string key_path, keyholder::plain_path(tls.key));
    listen += " ssl http2;\n    ssl_certificate \"" + certificate_path + "\";\n    ssl_certificate_key \"" + key_path +
              "\";\n    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_session_cache shared:tls:4m;";
  } else {
    listen += ";";
  }
  MIFENG_TRY(const std::string module, keyholder::plain_path(options.module));
  MIFENG_TRY(const std::string prefix, keyholder::plain_path(run_folder));
  MIFENG_TRY(const std::string access_log,
             keyholder::plain_path(std::filesystem::absolute(options.state) / "access.log"));
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  return keyholder::fill_template(
      text, {{"MODULE", module},
             {"PREFIX", prefix},
             {"USER", user ? "user " + user->name + " " + user->group + ";" : ""},
             {"WORKERS", std::to_string(options.workers > 0 ? static_cast<unsigned>(options.workers) : processors)},
             {"LINK", prefix + "/key.sock"},
             {"LISTEN", listen},
             {"BODY_MAX", kBodyMax},
             {"ACCESS_LOG", access_log},
             {"INCLUDE", ""}});
}

}  // namespace mifeng::gateway
