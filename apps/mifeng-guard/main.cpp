// mifeng-guard [--root DIR] [--run DIR] [--app DIR] [--nginx FILE] [--module FILE] [--template FILE]
//              [--health-port N] -- PROGRAM [ARGUMENT...]
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "mifeng/base/clock.h"
#include "mifeng/guard/guard.h"
#include "mifeng/keyholder/process.h"

namespace {

using namespace mifeng;

void log_line(const std::string& line) { std::cerr << format_time(SystemClock().now_ms()) + " guard: " + line + "\n"; }

int usage(const std::string& what) {
  log_line(what);
  log_line(
      "usage: mifeng-guard [--root DIR] [--run DIR] [--app DIR] [--nginx FILE] [--module FILE] [--template FILE] "
      "[--health-port N] -- PROGRAM [ARGUMENT...]");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (auto hardened = keyholder::harden_process(); !hardened) {
    log_line(hardened.error().message());
    return 1;
  }
  std::signal(SIGPIPE, SIG_IGN);
  keyholder::raise_descriptor_limit();
  guard::Folders folders;
  guard::GuardOptions options;
  std::vector<std::string> command;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--") {
      command.assign(argv + i + 1, argv + argc);
      break;
    }
    if (name == "--version") {
      std::cout << MIFENG_VERSION << "\n";
      return 0;
    }
    if (i + 1 == argc) return usage(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--root") {
      folders.root = value;
    } else if (name == "--run") {
      folders.run = value;
    } else if (name == "--app") {
      folders.app = value;
    } else if (name == "--nginx") {
      options.nginx = value;
    } else if (name == "--module") {
      options.module = value;
    } else if (name == "--template") {
      options.nginx_template = value;
    } else if (name == "--health-port") {
      const char* end = value.data() + value.size();
      if (std::from_chars(value.data(), end, options.health_port).ptr != end)
        return usage("--health-port takes a port");
    } else {
      return usage("unknown option " + name);
    }
  }
  if (options.nginx.empty()) options.nginx = folders.root / "sbin/nginx";
  if (options.module.empty()) options.module = folders.root / "modules/ngx_http_mifeng.so";
  if (options.nginx_template.empty()) options.nginx_template = folders.root / "etc/guard.conf.in";
  options.version = MIFENG_VERSION;
  options.log = log_line;

  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  // From here on no library finds a word of the deployment config, or of the image, where it looks for its own settings
  // (OPENSSL_CONF names code to load). The model gets its variables from what was read.
  ::clearenv();
  auto config = guard::read_config(environment, command, std::move(folders));
  if (!config) {
    log_line(config.error().message());
    return 1;
  }
  options.config = std::move(*config);
  return static_cast<int>(guard::Guard(std::move(options)).run());
}
