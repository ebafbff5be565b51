// mifeng-guard [--root DIR] [--run DIR] [--shared DIR] [--model DIR] [--app DIR] [--nginx FILE] [--module FILE]
//              [--template FILE] [--health-port N]
// mifeng-guard [--root DIR] --copy-start DIR
// mifeng-guard --rehearse [--health-port N]
// mifeng-guard --idle
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "mifeng/base/clock.h"
#include "mifeng/base/options.h"
#include "mifeng/guard/guard.h"
#include "mifeng/guard/rehearsal.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/os/file.h"

namespace {

using namespace mifeng;

constexpr std::size_t kStartMax = 64 << 20;

void log_line(const std::string& line) { std::cerr << format_time(SystemClock().now_ms()) + " guard: " + line + "\n"; }

// Alone, and at once: whoever reads the container's log looks for exactly this line.
void print_line(const std::string& line) {
  const std::string whole = line + "\n";
  (void)!::write(STDOUT_FILENO, whole.data(), whole.size());
}

int usage(const std::string& what) {
  log_line(what);
  log_line(
      "usage: mifeng-guard [--root DIR] [--run DIR] [--shared DIR] [--model DIR] [--app DIR] [--nginx FILE] "
      "[--module FILE] [--template FILE] [--health-port N]\n"
      "       mifeng-guard [--root DIR] --copy-start DIR   copies mifeng-start into a folder of the pod's, and ends\n"
      "       mifeng-guard --rehearse [--health-port N]    without a model: reaches the platform, and is reached\n"
      "       mifeng-guard --idle                          in the place of its model: waits for SIGTERM");
  return 2;
}

// For a pod, where the model's container gets its first process from the guards' image: that image has it beside
// /mifeng.
int copy_start(const std::filesystem::path& root, const std::filesystem::path& folder) {
  const auto program = read_file(root.parent_path() / "mifeng-start", kStartMax);
  // Whole or not at all, and in the place of one that is there: an engine may run us again.
  const auto written = program ? write_file_atomic(folder / "mifeng-start", *program, 0755) : program.error();
  if (written) return 0;
  log_line("cannot copy mifeng-start: " + written.error().message());
  return 1;
}

int idle() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  // Who is the first process of a container hears of no signal that it does not ask for.
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  int which = 0;
  return ::sigwait(&ends, &which);
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
  std::filesystem::path nginx, module, nginx_template, start_copy;
  std::uint16_t health_port = 15020;
  bool rehearses = false, idles = false;
  const std::vector<Option> known = {
      path_option("--root", folders.root),
      path_option("--run", folders.run),
      path_option("--shared", folders.guard),
      path_option("--model", folders.model),
      path_option("--app", folders.app),
      path_option("--nginx", nginx),
      path_option("--module", module),
      path_option("--template", nginx_template),
      path_option("--copy-start", start_copy),
      number_option<std::uint16_t>("--health-port", health_port, 0, 65535, "takes a port"),
      flag_option("--rehearse", rehearses),
      flag_option("--idle", idles),
      question_option("--version"),
  };
  const auto given = read_options({argv + 1, argv + argc}, known);
  if (!given) return usage(given.error().message());
  if (!given->question.empty()) {
    std::cout << MIFENG_VERSION << "\n";
    return 0;
  }
  if (given->behind) return usage("no command goes here; mifeng-start takes the model's");

  if (!start_copy.empty()) return copy_start(folders.root, start_copy);
  if (idles) return idle();

  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  // From here on no library finds a word of the container's environment where it looks for its own settings
  // (OPENSSL_CONF names code to load).
  ::clearenv();
  if (rehearses) {
    auto rehearsal = guard::read_rehearsal(environment);
    const auto done = rehearsal ? guard::rehearse({std::move(*rehearsal), health_port, log_line}) : rehearsal.error();
    if (!done) log_line(done.error().message());
    return done ? 0 : 1;
  }
  auto config = guard::read_config(environment, std::move(folders));
  if (!config) {
    log_line(config.error().message());
    return 1;
  }
  const std::filesystem::path root = config->folders.root;
  guard::GuardOptions options{.config = std::move(*config),
                              .version = MIFENG_VERSION,
                              .health_port = health_port,
                              .nginx = nginx.empty() ? root / "sbin/nginx" : nginx,
                              .module = module.empty() ? root / "modules/ngx_http_mifeng.so" : module,
                              .nginx_template = nginx_template.empty() ? root / "etc/guard.conf.in" : nginx_template,
                              .log = log_line,
                              .print = print_line};
  return static_cast<int>(guard::Guard(std::move(options)).run());
}
