#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "mifeng/base/options.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/net/client.h"
#include "mifeng/net/loopback.h"

namespace mifeng::daemon {
namespace {

constexpr int kOutputKeysAtOnce = 32;

Error usage(const std::string& message) { return Error(ErrorCode::kInvalidArgument, "usage", message); }

Result<void> read_listen(const std::string& text, Options& options) {
  auto listen = parse_listen_address(text);
  if (!listen) return usage("--listen takes ADDRESS:PORT, such as 127.0.0.1:7080 or [::1]:0, not " + text + ".");
  options.listen_address = std::move(listen->address);
  options.listen_port = listen->port;
  return ok();
}

// Beside --listen on loopback, which this machine's own programs go on using.
Result<void> read_public(const std::string& text, Options& options) {
  if (text.empty()) return ok();
  auto listen = parse_listen_address(text);
  if (!listen || listen->port == 0 || listen->address == "0.0.0.0" || listen->address == "::")
    return usage("--public-listen takes an address of this machine and a port, such as 192.0.2.1:7080, not " + text +
                 ".");
  if (!net::is_loopback(options.listen_address))
    return usage(
        "--public-listen goes with a --listen on loopback; where that is not, other machines reach it already.");
  options.public_address = std::move(listen->address);
  options.public_port = listen->port;
  return ok();
}

// Where it is reached stands in what runs, and a change of it makes all of that anew: so it is no port that the system
// picks, and no address that means any.
Result<void> read_guard_door(const std::string& text, Options& options) {
  if (text.empty()) {
    if (!options.guard_url.empty()) return usage("--guard-url goes with --guard-listen.");
    return ok();
  }
  auto listen = parse_listen_address(text);
  if (!listen || listen->port == 0)
    return usage("--guard-listen takes ADDRESS:PORT, such as 192.0.2.1:7083, not " + text + ".");
  options.guard_address = std::move(listen->address);
  options.guard_port = listen->port;
  if (options.guard_url.empty()) {
    if (options.guard_address == "0.0.0.0" || options.guard_address == "::")
      return usage("--guard-listen " + text + " needs --guard-url: where guards of other machines reach it.");
    const bool v6 = options.guard_address.find(':') != std::string::npos;
    options.guard_url = "http://" + (v6 ? "[" + options.guard_address + "]" : options.guard_address) + ":" +
                        std::to_string(options.guard_port);
  }
  const std::string_view url = options.guard_url;
  const std::size_t authority = sizeof "http://" - 1;
  if (!url.starts_with("http://") || !parse_listen_address(url.substr(std::min(authority, url.size()))) ||
      url.find_first_of("/ ?#@", authority) != std::string_view::npos)
    return usage("--guard-url takes http://HOST:PORT, not " + options.guard_url + ".");
  return ok();
}

Result<void> read_range(const std::string& text, Options& options) {
  const std::size_t dash = text.find('-');
  const std::string_view view = text;
  if (dash != std::string::npos) {
    const auto first = parse_number(view.substr(0, dash), 1024, 65535);
    const auto last = parse_number(view.substr(dash + 1), first.value_or(65535), 65535);
    if (first && last) {
      options.port_first = *first;
      options.port_last = *last;
      return ok();
    }
  }
  return usage("--port-range takes FIRST-LAST within 1024 to 65535, not " + text + ".");
}

// Everything that is tried through the gateway goes there, so it is no more than an address.
Result<void> read_gateway(const Options& options) {
  if (options.gateway_url.empty()) {
    if (!options.gateway_ca.empty()) return usage("--gateway-ca goes with --gateway-url.");
    return ok();
  }
  const auto parsed = net::parse_url(options.gateway_url);
  if (!parsed || !std::holds_alternative<net::TcpEndpoint>(parsed->options.endpoint) || !parsed->base_path.empty())
    return usage("--gateway-url takes http://HOST:PORT or https://HOST:PORT, not " + options.gateway_url + ".");
  if (!options.gateway_ca.empty() && !parsed->options.tls)
    return usage("--gateway-ca goes with a --gateway-url that begins with https://.");
  return ok();
}

// A login, and an image that is to be what was sealed, cross no network in clear, unless somebody says that they may.
Result<void> read_registry(Options& options) {
  if (options.registry.empty()) {
    if (!options.registry_ca.empty() || !options.registry_user.empty() || !options.registry_password_file.empty())
      return usage("--registry-ca, --registry-user and --registry-password-file go with --registry.");
    return ok();
  }
  if (options.registry.find("//") != std::string::npos || options.registry.ends_with('/'))
    return usage("--registry takes HOST:PORT or HOST:PORT/PROJECT, without https:// before it, not " +
                 options.registry + ".");
  if (options.registry_user.empty() != options.registry_password_file.empty())
    return usage("--registry-user and --registry-password-file go together.");
  if (options.registry_plain_http && !options.registry_ca.empty())
    return usage("--registry-plain-http and --registry-ca contradict each other.");
  const bool here = net::is_loopback_authority(options.registry.substr(0, options.registry.find('/')));
  if (here && options.registry_ca.empty()) options.registry_plain_http = true;
  return ok();
}

Result<void> check(Options& options) {
  for (const auto& [option, path] : {std::pair{"--data", &options.data},
                                     {"--master-key", &options.master_key},
                                     {"--passphrase-file", &options.passphrase_file},
                                     {"--salt-file", &options.salt_file},
                                     {"--local-socket", &options.local_socket},
                                     {"--engine-socket", &options.engine_socket},
                                     {"--sockets", &options.sockets},
                                     {"--guard-image", &options.guard_image},
                                     {"--console", &options.console},
                                     {"--gateway-ca", &options.gateway_ca},
                                     {"--registry-ca", &options.registry_ca},
                                     {"--registry-password-file", &options.registry_password_file}}) {
    if (!path->empty() && !path->is_absolute())
      return usage(std::string(option) + " takes a path that begins with /, not " + path->string() + ".");
  }
  if (options.tls_cert.empty() != options.tls_key.empty())
    return usage("--tls-cert and --tls-key go together; give both, or none for a self-made certificate.");
  const bool hex = options.installation.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!options.installation.empty() && (options.installation.size() != 32 || !hex))
    return usage("--installation takes 32 hex digits.");
  if (!options.engine_socket.empty() && options.installation.empty())
    return usage("--engine-socket needs --installation: its containers carry that label.");
  if (options.output_key_lifetime == 0)
    options.output_key_lifetime = std::max(86'400, options.snapshot_lifetime_seconds);
  if (options.output_key_lifetime < options.snapshot_lifetime_seconds)
    return usage(
        "--output-key-lifetime must not be less than --snapshot-lifetime: a key is with the "
        "gateways that long before it is used.");
  // Of the 64 that a snapshot holds the rest is for keys that revoked gateways cost.
  if (options.output_key_lifetime < (options.lease_seconds + options.snapshot_lifetime_seconds) / kOutputKeysAtOnce)
    return usage(
        "--output-key-lifetime must be at least a 32nd of --lease and --snapshot-lifetime together: a former key "
        "is kept for as long as both, and gateways take 64.");
  const int sources = (options.master_key.empty() ? 0 : 1) + (options.master_key_env.empty() ? 0 : 1) +
                      (options.passphrase_file.empty() ? 0 : 1) + (options.passphrase_fd < 0 ? 0 : 1);
  if (sources != 1)
    return usage(
        "The master key comes from one of --master-key, --master-key-env, --passphrase-file, --passphrase-fd.");
  // A key beside what it wraps protects nothing when the folder is copied.
  for (const auto& [option, path] :
       {std::pair{"--master-key", &options.master_key}, {"--passphrase-file", &options.passphrase_file}}) {
    const auto relative =
        std::filesystem::weakly_canonical(*path).lexically_relative(std::filesystem::weakly_canonical(options.data));
    if (!path->empty() && !relative.empty() && *relative.begin() != "..")
      return usage(std::string(option) + " must lie outside --data: it protects what is in there.");
  }
  return ok();
}

}  // namespace

Result<bool> parse_options(int argc, char** argv, Options& options) {
  CLI::App app("The platform of Mifeng: models, deployments, routes, keys; REST API and console", "mifengd");
  app.set_version_flag("--version", "mifengd " MIFENG_VERSION);
  std::string listen = "127.0.0.1:7080";
  std::string range = "30000-32767";
  std::string guard_listen;
  std::string public_listen;
  app.add_option("--data", options.data, "folder of the database and the uploads; made when missing")->required();
  app.add_option("--master-key", options.master_key, "file of the master key; made when missing");
  app.add_option("--master-key-env", options.master_key_env,
                 "name of the variable that holds the master key as 64 hex digits; removed from the environment");
  app.add_option("--passphrase-file", options.passphrase_file, "file whose first line the master key is derived from");
  app.add_option("--passphrase-fd", options.passphrase_fd, "the same from an open descriptor, such as a pipe");
  app.add_option("--salt-file", options.salt_file, "of the passphrase; made when missing, default salt in --data");
  app.add_option("--listen", listen, "ADDRESS:PORT of the API; port 0 picks one")->capture_default_str();
  app.add_option("--public-listen", public_listen,
                 "ADDRESS:PORT of the same for other machines, over TLS; without it there is no such listener");
  app.add_option("--tls-cert", options.tls_cert, "certificate, with its chain (PEM)");
  app.add_option("--tls-key", options.tls_key, "its key (PEM)");
  app.add_option("--tls-names", options.tls_names, "names and addresses for a self-made certificate, with commas");
  app.add_option(
      "--guard-listen", guard_listen,
      "ADDRESS:PORT for guards on other machines, and for nobody else; without it there is no such listener");
  app.add_option("--guard-url", options.guard_url, "http://HOST:PORT where they reach it; default: that address");
  app.add_option("--gateway-url", options.gateway_url,
                 "http://HOST:PORT where gateways take callers' requests: models are tried through it");
  app.add_option("--gateway-ca", options.gateway_ca, "authority of its certificate (PEM), in place of the system's");
  app.add_option("--local-socket", options.local_socket, "the same API on a Unix socket, for the local administrator");
  app.add_option("--registry", options.registry,
                 "HOST:PORT of the image registry, or HOST:PORT/PROJECT; over TLS, unless it is this machine");
  app.add_option("--registry-ca", options.registry_ca, "authority of its certificate (PEM), beside the system's");
  app.add_option("--registry-user", options.registry_user, "who pushes, pulls and deletes there");
  app.add_option("--registry-password-file", options.registry_password_file,
                 "file whose first line is his password; read anew each time");
  app.add_flag("--registry-plain-http", options.registry_plain_http,
               "speak to it without TLS, although it is another machine");
  app.add_option("--engine-socket", options.engine_socket, "socket of `podman system service`");
  app.add_option("--installation", options.installation, "id of this installation, 32 hex digits");
  app.add_option("--sockets", options.sockets, "folder of the containers' sockets");
  app.add_option("--guard-image", options.guard_image,
                 "folder of the guards' image of this release (OCI layout); default ../guard-image beside the program");
  app.add_option("--console", options.console, "folder of the console's files; default ../console beside the program");
  app.add_option("--name", options.name, "of the platform, on its card")->capture_default_str();
  app.add_option("--port-range", range, "node ports of a new database")->capture_default_str();
  app.add_option("--lease", options.lease_seconds,
                 "seconds after which a model's container that did not renew is delisted; it renews five times in each")
      ->check(CLI::Range(5, 86'400))
      ->capture_default_str();
  app.add_option("--snapshot-lifetime", options.snapshot_lifetime_seconds,
                 "seconds that a gateway serves without hearing of the platform; then it answers nothing any more")
      ->check(CLI::Range(10, 30 * 86'400))
      ->capture_default_str();
  app.add_option("--output-key-lifetime", options.output_key_lifetime,
                 "seconds that answers are sealed to one output key; else a day, or a snapshot's lifetime if longer")
      ->check(CLI::Range(10, 366 * 86'400))
      ->envname("MIFENG_OUTPUT_KEY_LIFETIME");
  app.add_option("--delivery-key-grace", options.delivery_key_grace,
                 "seconds that a former delivery key stays which no version and no gateway needs")
      ->check(CLI::Range(0, 366 * 86'400))
      ->envname("MIFENG_DELIVERY_KEY_GRACE")
      ->capture_default_str();
  app.add_option("--token-days", options.token_days, "after which an API token ends at the latest")
      ->check(CLI::Range(1, 3660))
      ->envname("MIFENG_TOKEN_DAYS")
      ->capture_default_str();
  app.add_option("--vendor-quota", options.vendor_quota_gib, "GiB that one vendor's packages may take")
      ->check(CLI::Range(1, 1 << 20))
      ->envname("MIFENG_VENDOR_QUOTA")
      ->capture_default_str();
  app.add_option("--keep-days", options.keep_days, "of usage and ended instances; the audit log stays whole")
      ->check(CLI::Range(1, 3660))
      ->envname("MIFENG_KEEP_DAYS")
      ->capture_default_str();
  app.add_option(
         "--progress-deadline", options.progress_deadline,
         "seconds after which what is not ready has failed, where the config says nothing; else 600, in clusters 1800")
      ->check(CLI::Range(manifest::kProgressDeadlineMin, manifest::kProgressDeadlineMax))
      ->envname("MIFENG_PROGRESS_DEADLINE");
  app.add_option("--lame-duck", options.lame_duck,
                 "seconds that a guard in a cluster goes on serving after it was asked to stop")
      ->check(CLI::Range(0, 60))
      ->envname("MIFENG_CLUSTER_LAME_DUCK")
      ->capture_default_str();
  app.add_option("--log-level", options.log_level, "")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--ready-fd", options.ready_fd, "descriptor that gets one line of JSON once everything works");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return false;
    }
    return usage(std::string(error.what()) + ". See mifengd --help.");
  }
  MIFENG_CHECK(read_listen(listen, options));
  MIFENG_CHECK(read_public(public_listen, options));
  MIFENG_CHECK(read_guard_door(guard_listen, options));
  MIFENG_CHECK(read_range(range, options));
  MIFENG_CHECK(read_gateway(options));
  MIFENG_CHECK(read_registry(options));
  MIFENG_CHECK(check(options));
  return true;
}

}  // namespace mifeng::daemon
