// mifeng-gateway --state DIR [--join FILE] [--listen ADDRESS:PORT] ... (spec/processes.md)
#include <unistd.h>

#include <climits>
#include <csignal>
#include <iostream>

#include "mifeng/base/clock.h"
#include "mifeng/base/options.h"
#include "mifeng/gateway/gateway.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/os/release.h"

namespace {

using namespace mifeng;

constexpr const char* kHelp =
    "mifeng-gateway: the gateway, the only place where models' answers can be read.\n\n"
    "  --state DIR              keys (wrapped), the last snapshot, logs; made when missing\n"
    "  --master-key FILE        wraps the keys; made when missing (default: DIR/master.key; keep it elsewhere in "
    "production)\n"
    "  --join FILE              needed once: the join file that an administrator made\n"
    "  --listen ADDRESS:PORT    for callers (default 127.0.0.1:0; port 0 picks one); TLS where not on loopback\n"
    "  --tls-cert FILE, --tls-key FILE\n"
    "                           PEM; without them a certificate is made where one is needed\n"
    "  --nginx PATH             default /usr/sbin/nginx\n"
    "  --module PATH            default: ngx_http_mifeng.so beside this program\n"
    "  --template PATH          default: gateway.conf.in beside this program\n"
    "  --workers N              default: one a processor\n"
    "  --user NAME              of nginx' workers, where root starts the gateway (default mifeng, else nobody)\n"
    "  --access-log-max BYTES   of DIR/access.log; then it becomes access.log.1 (default 67108864)\n"
    "  --ready-fd N             write a line of JSON there once it serves\n";

void log_line(const std::string& line) {
  std::cerr << format_time(SystemClock().now_ms()) + " gateway: " + line + "\n";
}

int usage(const std::string& what) {
  std::cerr << "mifeng-gateway: " + what + "; see mifeng-gateway --help\n";
  return 2;
}

bool take_listen(const std::string& text, gateway::GatewayOptions& options) {
  const auto listen = parse_listen_address(text);
  if (!listen) return false;
  options.address = listen->address;
  options.port = listen->port;
  return true;
}

void tell_ready(int fd, const std::string& url) {
  const std::string line = "{\"url\":\"" + url + "\"}\n";
  if (::write(fd, line.data(), line.size()) < 0) log_line("nobody reads the ready line");
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (auto hardened = keyholder::harden_process(); !hardened) {
    log_line(hardened.error().message());
    return 1;
  }
  std::signal(SIGPIPE, SIG_IGN);
  keyholder::raise_descriptor_limit();
  gateway::GatewayOptions options;
  const std::filesystem::path beside = own_programs();
  options.nginx = "/usr/sbin/nginx";
  options.module = beside / "ngx_http_mifeng.so";
  options.nginx_template = beside / "gateway.conf.in";
  int ready_fd = -1;
  const auto listen = [&options](const std::string& value) { return take_listen(value, options); };
  const std::vector<Option> known = {
      path_option("--state", options.state),
      path_option("--master-key", options.master_key),
      path_option("--join", options.join),
      {"--listen", Option::Kind::kValue, listen, {}},
      path_option("--tls-cert", options.tls_certificate),
      path_option("--tls-key", options.tls_key),
      path_option("--nginx", options.nginx),
      path_option("--module", options.module),
      path_option("--template", options.nginx_template),
      number_option("--workers", options.workers, 1, INT_MAX),
      text_option("--user", options.user),
      number_option<std::uint64_t>("--access-log-max", options.access_log_max, 0, UINT64_MAX),
      number_option("--ready-fd", ready_fd, 3, INT_MAX),
      question_option("--help"),
      question_option("--version"),
  };
  const auto given = read_options({argv + 1, argv + argc}, known);
  if (!given) return usage(given.error().message());
  if (!given->question.empty()) {
    std::cout << (given->question == "--help" ? kHelp : MIFENG_VERSION "\n");
    return 0;
  }
  if (given->behind) return usage("unknown option --");
  if (options.state.empty()) return usage("--state is missing");
  if (options.master_key.empty()) options.master_key = options.state / "master.key";
  options.version = MIFENG_VERSION;
  options.log = log_line;
  if (ready_fd > 2) options.ready = [ready_fd](const std::string& url) { tell_ready(ready_fd, url); };
  return static_cast<int>(gateway::Gateway(std::move(options)).run());
}
