// mifeng up, mifeng doctor
#include "mifeng/stack/up.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "commands/findings.h"
#include "commands/pack_places.h"
#include "commands/up_listener.h"
#include "mifeng/net/loopback.h"
#include "mifeng/os/release.h"
#include "mifeng/stack/doctor.h"

namespace mifeng::cli {
namespace {

struct UpArguments {
  bool once = false;
  std::string data;
  std::string master_key;
  std::string examples;
  std::vector<std::string> only;
  std::string packs;
  std::string guard;
  std::string cache;
  std::int64_t platform_port = 0;
  std::int64_t gateway_port = 0;
  std::int64_t registry_port = 0;
  std::int64_t lease = 0;
  std::int64_t snapshot_lifetime = 0;
  std::string port_range;
  std::string listen;
  std::string guard_listen, guard_url;
  std::int64_t restart_pause = 0;
  std::string kubeconfig;
  stack::UpRegistry registry;
  std::string registry_ca, registry_password_file;
  stack::UpCluster cluster;
};

stack::UpOptions up_options(const UpArguments& arguments) {
  stack::UpOptions options;
  options.once = arguments.once;
  if (!arguments.data.empty()) options.data = std::filesystem::absolute(arguments.data);
  if (!arguments.master_key.empty()) options.master_key = std::filesystem::absolute(arguments.master_key);
  options.programs = own_programs();
  options.packs = packs_folder(arguments.packs);
  options.guard = guard_image(arguments.guard);
  if (arguments.examples != "none") options.examples = examples_folder(arguments.examples);
  options.copy_examples = arguments.examples.empty() && is_packaged();
  options.only = arguments.only;
  options.cache = cache_folder(arguments.cache);
  options.platform_port = static_cast<std::uint16_t>(arguments.platform_port);
  options.registry_port = static_cast<std::uint16_t>(arguments.registry_port);
  options.gateway_port = static_cast<std::uint16_t>(arguments.gateway_port);
  options.lease_seconds = static_cast<int>(arguments.lease);
  options.snapshot_lifetime_seconds = static_cast<int>(arguments.snapshot_lifetime);
  options.port_range = arguments.port_range;
  options.listen = arguments.listen;
  options.guard_listen = arguments.guard_listen;
  options.guard_url = arguments.guard_url;
  options.restart_pause_seconds = static_cast<int>(arguments.restart_pause);
  options.registry = arguments.registry;
  if (!arguments.registry_ca.empty()) options.registry.ca = std::filesystem::absolute(arguments.registry_ca);
  if (!arguments.registry_password_file.empty())
    options.registry.password_file = std::filesystem::absolute(arguments.registry_password_file);
  options.cluster = arguments.cluster;
  if (!arguments.kubeconfig.empty()) options.cluster.kubeconfig = std::filesystem::absolute(arguments.kubeconfig);
  return options;
}

Result<void> check_registry(const UpArguments& arguments) {
  const bool any = !arguments.registry_ca.empty() || !arguments.registry.user.empty() ||
                   !arguments.registry_password_file.empty() || arguments.registry.plain_http;
  if (arguments.registry.address.empty() && any)
    return Error(ErrorCode::kInvalidArgument, "usage", tr("--registry-ca and its like go with --registry."));
  if (arguments.registry.user.empty() != arguments.registry_password_file.empty())
    return Error(ErrorCode::kInvalidArgument, "usage", tr("--registry-user and --registry-password-file go together."));
  return ok();
}

// One address, since it stands in the certificates and in what is told to others.
Result<void> check_listen(const std::string& address) {
  std::array<unsigned char, 16> bytes{};
  const bool is_address = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
                          ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
  const bool any = std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; });
  if (address.empty() || (is_address && !any && !net::is_loopback(address))) return ok();
  return Error(
      ErrorCode::kInvalidArgument, "usage",
      say("--listen takes the address of this machine that others reach, such as 192.0.2.10, not {}.", {address}));
}

Result<int> run_up(const UpArguments& arguments, Console& console) {
  MIFENG_CHECK(check_registry(arguments));
  MIFENG_CHECK(check_listen(arguments.listen));
  stack::UpListener listener = up_listener(console);
  listener.result = [&](std::string_view line) {
    (void)console.print(tr_phrase(line) + "\n");
    std::fflush(stdout);
  };
  return stack::run_up(up_options(arguments), listener);
}

// Of a cluster, by the platform that has its login.
Result<int> run_cluster_doctor(const PlatformFlags& flags, const std::string& cluster, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto answer, client.get("/clusters/" + net::percent_encode(cluster) + "/check"));
  return print_findings(findings_of(answer), console);
}

void add_ports(Command& command, const std::shared_ptr<UpArguments>& arguments) {
  command.number("--platform-port", arguments->platform_port, 1, 65535, "port of the platform (REST API) on 127.0.0.1")
      .number("--gateway-port", arguments->gateway_port, 1, 65535, "port of the gateway on 127.0.0.1")
      .number("--registry-port", arguments->registry_port, 1, 65535, "port of the image registry on 127.0.0.1");
}

void add_places(Command& command, const std::shared_ptr<UpArguments>& arguments) {
  command.text("--data", arguments->data, "folder of all that is kept; default /var/lib/mifeng for root")
      .setting("data")
      .text("--packs", arguments->packs, "folder of the language packs; default the one beside this program")
      .setting("packs")
      .text("--guard", arguments->guard, "folder of the guards' image; default the one beside this program")
      .setting("guard");
}

}  // namespace

void add_up(Command& root) {
  auto arguments = std::make_shared<UpArguments>();
  Command command = root.add("up", "Run a whole installation on this machine, with the example models");
  add_places(command, arguments);
  add_ports(command, arguments);
  command.flag("--once", arguments->once, "call every example, print one line of JSON, and take all down again")
      .text("--examples", arguments->examples, "folder of model projects to deploy; `none` for none")
      .texts("--only", arguments->only, "of the examples, the folder with this name; again for more")
      .text("--master-key", arguments->master_key, "file of the master key; default below ~/.config/mifeng")
      .text("--cache", arguments->cache, "folder that packing keeps base images and builds in")
      .setting("cache")
      .number("--lease", arguments->lease, 5, 86'400,
              "seconds until a model that does not renew is delisted; default 300")
      .number("--snapshot-lifetime", arguments->snapshot_lifetime, 10, 30 * 86'400,
              "seconds that the gateway goes on without the platform; default 86400")
      .text("--listen", arguments->listen,
            "address of this machine where others reach platform and gateway, over TLS; default nobody does")
      .text("--port-range", arguments->port_range, "FIRST-LAST: node ports of a new installation; default 30000-32767")
      .text("--guard-listen", arguments->guard_listen, "ADDRESS:PORT for guards on other machines; default none")
      .text("--guard-url", arguments->guard_url, "http://HOST:PORT where they reach it; default that address")
      .number("--restart-pause", arguments->restart_pause, 1, 3600,
              "longest pause, in seconds, before a program that keeps ending is started again; default 10")
      .text("--registry", arguments->registry.address,
            "HOST:PORT[/PROJECT] of an image registry that is there; default one of its own")
      .text("--registry-ca", arguments->registry_ca, "authority of its certificate (PEM), beside the system's")
      .text("--registry-user", arguments->registry.user, "who pushes there, and as whom an added cluster pulls")
      .text("--registry-password-file", arguments->registry_password_file,
            "file whose first line is his password; read anew each time")
      .flag("--registry-plain-http", arguments->registry.plain_http,
            "speak to it without TLS, although it is another machine")
      .text("--kubeconfig", arguments->kubeconfig, "of a Kubernetes cluster, which is added as `kubernetes`")
      .text("--cluster-registry", arguments->cluster.registry,
            "HOST:PORT of the platform's images, as the cluster's nodes see it")
      .examples(
          "  sudo mifeng up                          until Ctrl-C\n"
          "  sudo mifeng up --once                   exit status 0 only if every answer was right\n"
          "  sudo mifeng up --data /srv/mifeng --examples none\n"
          "  sudo mifeng up --listen 192.0.2.10      prints what others compare before they sign in");
  command.run([arguments](Console& console) { return run_up(*arguments, console); });
}

void add_doctor(Command& root) {
  auto arguments = std::make_shared<UpArguments>();
  auto cluster = std::make_shared<std::string>();
  auto pack = std::make_shared<bool>(false);
  Command command = root.add("doctor", "Say what this machine lacks for `mifeng up`, or a cluster, and how to get it");
  add_places(command, arguments);
  add_ports(command, arguments);
  command.flag("--pack", *pack, "only what `mifeng pack` needs, which is less, and no root");
  command.text("--cache", arguments->cache, "folder for base images, dependencies and finished layers")
      .setting("cache");
  command.text("--cluster", *cluster, "id of a Kubernetes cluster of the platform: what is there, and each right");
  auto flags = add_platform_flags(command, kLongTimeout);
  command.examples(
      "  mifeng doctor                           exit status 1 if something is missing\n"
      "  mifeng doctor --pack                    where models are packed and none is run\n"
      "  mifeng doctor --cluster east            the same of a cluster, by the platform that has it");
  command.run([=](Console& console) {
    if (*pack) {
      const stack::PackPlaces places{packs_folder(arguments->packs), cache_folder(arguments->cache)};
      return print_findings(stack::examine_packing(places), console);
    }
    return cluster->empty() ? print_findings(stack::examine(up_options(*arguments)), console)
                            : run_cluster_doctor(*flags, *cluster, console);
  });
}

}  // namespace mifeng::cli
