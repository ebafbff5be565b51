// mifeng-gateway --state DIR [--join FILE] [--listen ADDRESS:PORT] ... (spec/processes.md)
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <functional>
#include <iostream>
#include <map>

#include "mifeng/base/clock.h"
#include "mifeng/gateway/gateway.h"
#include "mifeng/keyholder/process.h"

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

template <typename Integer>
bool parse(const std::string& text, Integer& into) {
  const char* end = text.data() + text.size();
  return !text.empty() && std::from_chars(text.data(), end, into).ptr == end;
}

bool parse_listen(const std::string& text, gateway::GatewayOptions& options) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !parse(text.substr(colon + 1), options.port)) return false;
  options.address = text.substr(0, colon);
  if (options.address.size() > 2 && options.address.front() == '[' && options.address.back() == ']')
    options.address = options.address.substr(1, options.address.size() - 2);
  return !options.address.empty();
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
  const std::filesystem::path beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  options.nginx = "/usr/sbin/nginx";
  options.module = beside / "ngx_http_mifeng.so";
  options.nginx_template = beside / "gateway.conf.in";
  int ready_fd = -1;
  const std::map<std::string, std::function<bool(const std::string&)>> known = {
      {"--state",
       [&](const std::string& v) {
         options.state = v;
         return true;
       }},
      {"--master-key",
       [&](const std::string& v) {
         options.master_key = v;
         return true;
       }},
      {"--join",
       [&](const std::string& v) {
         options.join = v;
         return true;
       }},
      {"--listen", [&](const std::string& v) { return parse_listen(v, options); }},
      {"--tls-cert",
       [&](const std::string& v) {
         options.tls_certificate = v;
         return true;
       }},
      {"--tls-key",
       [&](const std::string& v) {
         options.tls_key = v;
         return true;
       }},
      {"--nginx",
       [&](const std::string& v) {
         options.nginx = v;
         return true;
       }},
      {"--module",
       [&](const std::string& v) {
         options.module = v;
         return true;
       }},
      {"--template",
       [&](const std::string& v) {
         options.nginx_template = v;
         return true;
       }},
      {"--workers", [&](const std::string& v) { return parse(v, options.workers) && options.workers > 0; }},
      {"--user",
       [&](const std::string& v) {
         options.user = v;
         return !v.empty();
       }},
      {"--access-log-max", [&](const std::string& v) { return parse(v, options.access_log_max); }},
      {"--ready-fd", [&](const std::string& v) { return parse(v, ready_fd) && ready_fd > 2; }}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "--version") {
      std::cout << (name == "--help" ? kHelp : MIFENG_VERSION "\n");
      return 0;
    }
    const auto option = known.find(name);
    if (option == known.end()) return usage("unknown option " + name);
    if (i + 1 == argc) return usage(name + " needs a value");
    if (!option->second(argv[++i])) return usage(name + " cannot be \"" + argv[i] + "\"");
  }
  if (options.state.empty()) return usage("--state is missing");
  if (options.master_key.empty()) options.master_key = options.state / "master.key";
  options.version = MIFENG_VERSION;
  options.log = log_line;
  if (ready_fd > 2) options.ready = [ready_fd](const std::string& url) { tell_ready(ready_fd, url); };
  return static_cast<int>(gateway::Gateway(std::move(options)).run());
}
