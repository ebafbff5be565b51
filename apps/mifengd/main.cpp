// mifengd: the platform as a process. Flags and wiring; what it does stands in libs/platform and libs/rest.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "cluster_joiner.h"
#include "guard_image_digest.h"
#include "master_key.h"
#include "mifeng/cluster/podman.h"
#include "mifeng/json/value.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/kubernetes/kubernetes.h"
#include "mifeng/net/loopback.h"
#include "mifeng/net/server.h"
#include "mifeng/os/release.h"
#include "mifeng/package/guard_image.h"
#include "mifeng/package/oci_image.h"
#include "mifeng/platform/platform.h"
#include "mifeng/rest/api.h"
#include "mifeng/rest/console.h"
#include "mifeng/rest/unit_sockets.h"
#include "options.h"

namespace mifeng::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopGrace = 6000ms;  // requests that run may end within it; the whole stop takes 10 s at most
constexpr auto kHousekeeping = 5000ms;
constexpr int kClusterDeadline = 1800;  // seconds: a cluster's nodes pull large images first

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

// None on loopback, unless it was asked for; with a listener for other machines that one alone has it.
Result<std::optional<net::ServerTls>> listener_tls(const Options& options, const std::string& address,
                                                   const Clock& clock) {
  const bool for_others = options.public_address.empty() || address == options.public_address;
  if (!options.tls_cert.empty() && for_others) return std::optional(net::ServerTls{options.tls_cert, options.tls_key});
  if (net::is_loopback(address)) return std::optional<net::ServerTls>();
  auto names = split(options.tls_names);
  char host[256] = "";
  if (::gethostname(host, sizeof host - 1) == 0 && *host != '\0') names.emplace_back(host);
  for (const char* name : {"localhost", "127.0.0.1", "::1"}) names.emplace_back(name);
  if (address != "0.0.0.0" && address != "::") names.push_back(address);
  const auto folder = options.data / "tls";
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return errno_error(failure.value(), "make " + folder.string());
  MIFENG_TRY(const auto made, net::self_made_certificate(folder, names, clock));
  return std::optional(made);
}

std::string url_of(std::string host, std::uint16_t port, bool tls) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return (tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

// Podman is there with --engine-socket alone, Kubernetes with --installation, which all that is made carries.
clusters::EngineFactory engine_factory(const Options& options, const std::filesystem::path& sockets,
                                       const std::filesystem::path& start, const Clock& clock) {
  return [&options, &clock, sockets,
          start](const clusters::ClusterAccess& access) -> Result<std::shared_ptr<cluster::Engine>> {
    if (access.kind == clusters::ClusterKind::kKubernetes) {
      if (options.installation.empty()) return std::shared_ptr<cluster::Engine>();
      const int deadline = options.progress_deadline != 0 ? options.progress_deadline : kClusterDeadline;
      return kubernetes_engine(options.installation, deadline, access, clock);
    }
    if (options.engine_socket.empty()) return std::shared_ptr<cluster::Engine>();
    cluster::PodmanOptions podman;
    podman.socket = access.address;
    podman.installation = options.installation;
    podman.sockets_dir = sockets;
    podman.start_dir = start;
    podman.registry = options.registry;
    podman.registry_tls = !options.registry_plain_http;
    podman.registry_user = options.registry_user;
    podman.registry_password_file = options.registry_password_file;
    MIFENG_TRY(auto engine, cluster::create_podman_engine(podman, clock));
    return std::shared_ptr<cluster::Engine>(std::move(engine));
  };
}

// The guards' image that this release was built with, and no other; and the folder that holds its mifeng-start, named
// by the image, so that what runs keeps its own.
struct GuardFiles {
  std::filesystem::path image;
  std::filesystem::path start;
};
Result<GuardFiles> guard_files(const Options& options) {
  GuardFiles files;
  std::error_code failure;
  files.image = options.guard_image;
  if (files.image.empty()) {
    files.image = own_data("guard-image");
    // Clusters elsewhere take it from the registry, where somebody may have put it.
    if (options.engine_socket.empty() && !std::filesystem::exists(files.image, failure)) return GuardFiles{};
  }
  MIFENG_TRY(const auto image, package::read_oci_image(files.image));
  if (image.digest != kGuardImageDigest)
    return Error(ErrorCode::kVerificationFailed, "bad-image",
                 "The guards' image in " + files.image.string() + " (" + image.digest +
                     ") is not the one of this release (" + std::string(kGuardImageDigest) +
                     "). Install both from one build, or name the right one with --guard-image.");
  const std::string hex = image.digest.substr(image.digest.find(':') + 1);
  files.start = options.data / "start" / hex.substr(0, 16);
  std::filesystem::create_directories(files.start, failure);
  if (failure) return errno_error(failure.value(), "make " + files.start.string());
  // Models of any user id read it.
  if (::chmod(files.start.c_str(), 0755) != 0) return errno_error(errno, "open " + files.start.string());
  MIFENG_CHECK(package::take_start_program(image, files.start / "mifeng-start"));
  return files;
}

// Nothing where it was not built: the API works without.
Result<net::Handler> console_handler(const Options& options, Random& random) {
  auto folder = options.console;
  if (folder.empty()) folder = own_data("console");
  auto console = rest::Console::read(folder);
  if (console) return console->handler(random);
  if (!options.console.empty() || console.error().code() != ErrorCode::kNotFound) return std::move(console).error();
  spdlog::warn("{}", console.error().message());
  return net::Handler();
}

net::asio::awaitable<void> keep_house(platform::Platform& platform, net::BlockingPool& pool) {
  for (;;) {
    co_await net::sleep_for(kHousekeeping);
    auto work = [&]() { return platform.housekeep(); };
    auto done = co_await net::run_blocking(pool, std::move(work));
    if (!done) spdlog::error("housekeeping: {}", done.error().message());
  }
}

Result<void> tell_ready(int fd, const std::string& url) {
  if (fd < 0) return ok();
  const std::string line = json::serialize(json::Object{{"url", url}}) + "\n";
  if (::write(fd, line.data(), line.size()) != static_cast<::ssize_t>(line.size()))
    return errno_error(errno, "write to --ready-fd");
  ::close(fd);
  return ok();
}

Result<void> run(const Options& options) {
  const SystemClock clock;
  SystemRandom random;

  std::error_code failure;
  std::filesystem::create_directories(options.data, failure);
  if (failure) return errno_error(failure.value(), "make " + options.data.string());
  if (::chmod(options.data.c_str(), 0700) != 0) return errno_error(errno, "close " + options.data.string());
  // Before there are threads, since it may take a variable out of the environment.
  MIFENG_TRY(auto master_key, read_master_key(options, random));
  net::Runtime runtime(2);  // before all others: its threads' signal mask must hold for those that are made later
  if (!secret_memory_is_locked()) spdlog::warn("the limit of locked memory is too low: keys may reach the swap");

  const auto sockets = options.sockets.empty() ? options.data / "sockets" : options.sockets;
  platform::PlatformOptions platform_options;
  platform_options.data_dir = options.data;
  platform_options.name = options.name;
  platform_options.registry = options.registry;
  platform_options.registry_access = {.plain_http = options.registry_plain_http,
                                      .ca_file = options.registry_ca,
                                      .user = options.registry_user,
                                      .password_file = options.registry_password_file};
  platform_options.local_address = options.engine_socket;
  platform_options.guard_image_digest = std::string(kGuardImageDigest);
  GuardFiles guard;
  std::optional<KubernetesJoiner> joiner;
  if (!options.installation.empty()) {
    MIFENG_TRY(guard, guard_files(options));
    platform_options.guard_image = guard.image;
    joiner.emplace(options.installation);
    platform_options.joiner = &*joiner;
  }
  platform_options.guard_url = options.guard_url;
  platform_options.gateway_url = options.gateway_url;
  platform_options.gateway_ca = options.gateway_ca;
  platform_options.port_first = options.port_first;
  platform_options.port_last = options.port_last;
  platform_options.lease_ms = options.lease_seconds * UnixMillis{1000};
  platform_options.renew_ms = platform_options.lease_ms / 5;
  platform_options.snapshot_lifetime_ms = options.snapshot_lifetime_seconds * UnixMillis{1000};
  platform_options.output_key_lifetime_ms = options.output_key_lifetime * 1000LL;
  platform_options.delivery_key_grace_ms = options.delivery_key_grace * 1000LL;
  if (options.progress_deadline != 0)
    platform_options.progress_deadline_ms = options.progress_deadline * UnixMillis{1000};
  platform_options.cluster_lame_duck_seconds = options.lame_duck;
  platform_options.token_lifetime_max_ms = options.token_days * 24LL * 3600 * 1000;
  platform_options.vendor_quota = static_cast<std::int64_t>(options.vendor_quota_gib) << 30;
  platform_options.keep_ms = options.keep_days * 24LL * 3600 * 1000;
  MIFENG_TRY(auto platform,
             platform::Platform::open(platform_options, std::move(master_key),
                                      engine_factory(options, sockets, guard.start, clock), clock, random));

  MIFENG_TRY(const auto tls, listener_tls(options, options.listen_address, clock));
  std::optional<net::ServerTls> public_tls;
  if (options.public_port != 0) {
    MIFENG_TRY(public_tls, listener_tls(options, options.public_address, clock));
  }
  rest::ApiOptions api_options;
  api_options.version = MIFENG_VERSION;
  api_options.name = options.name;
  api_options.registry = options.registry;
  api_options.installation = options.installation;
  api_options.gateway_url = options.gateway_url;
  api_options.started_ms = clock.now_ms();
  if (options.public_port != 0)
    api_options.public_url = url_of(options.public_address, options.public_port, public_tls.has_value());
  if (const auto& shown = public_tls ? public_tls : tls) {
    MIFENG_TRY(api_options.tls_certificate_pem, read_text_file(shown->certificate, 1 << 20));
    MIFENG_TRY(api_options.tls_certificate_sm3, net::certificate_fingerprint(shown->certificate));
  }
  rest::Api api(*platform, api_options, clock);

  auto listener = rest::api_listener({options.listen_address, options.listen_port}, tls);
  MIFENG_TRY(auto console, console_handler(options, random));
  MIFENG_TRY(auto server, net::HttpServer::start(runtime, listener, api.handler(rest::Door::kNetwork, console)));
  const std::string url = url_of(options.listen_address, server->port(), tls.has_value());
  api.set_url(url);
  std::unique_ptr<net::HttpServer> for_others;
  if (options.public_port != 0) {
    auto outward = rest::api_listener({options.public_address, options.public_port}, public_tls);
    outward.name = "public";
    MIFENG_TRY(for_others,
               net::HttpServer::start(runtime, outward, api.handler(rest::Door::kNetwork, std::move(console))));
    spdlog::info("other machines reach {}", api_options.public_url);
  }

  // With a thread of its own: whatever comes there, people and the guards of this machine are answered as before.
  std::optional<net::Runtime> door_runtime;
  std::unique_ptr<net::HttpServer> door;
  if (options.guard_port != 0) {
    door_runtime.emplace(1);
    MIFENG_TRY(door,
               net::HttpServer::start(*door_runtime, rest::guard_door({options.guard_address, options.guard_port}),
                                      api.guard_handler()));
    spdlog::info("guards of other machines reach {}", options.guard_url);
  }
  std::unique_ptr<net::HttpServer> local;
  if (!options.local_socket.empty()) {
    net::ServerOptions on_socket{.listen = net::UnixListen{options.local_socket, 0600}};
    on_socket.name = "local";
    MIFENG_TRY(local, net::HttpServer::start(runtime, on_socket, api.handler(rest::Door::kLocal)));
  }
  std::unique_ptr<rest::UnitSockets> units;
  if (!options.engine_socket.empty()) {
    MIFENG_TRY(units, rest::UnitSockets::start(runtime, api, sockets));
  }
  platform->reconciler().start();

  net::BlockingPool house("housekeeping", 1, 4);
  net::TaskGroup tasks(runtime.executor(), "mifengd");
  tasks.spawn("housekeeping", [&] { return keep_house(*platform, house); });

  spdlog::info("listens at {}", url);
  MIFENG_CHECK(tell_ready(options.ready_fd, url));
  const int signal = runtime.wait_for_stop();
  spdlog::info("stops on signal {}", signal);
  server->stop(kStopGrace);
  if (for_others) for_others->stop(kStopGrace);
  if (door) door->stop(1000ms);
  if (local) local->stop(1000ms);
  units.reset();
  platform->reconciler().stop();
  tasks.stop(1000ms);
  return ok();
}

}  // namespace
}  // namespace mifeng::daemon

int main(int argc, char** argv) {
  // A client that went away is an error of its write, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mifengd"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  mifeng::daemon::Options options;
  const auto parsed = mifeng::daemon::parse_options(argc, argv, options);
  if (!parsed) {
    std::fprintf(stderr, "mifengd: %s\n", parsed.error().message().c_str());
    return 2;
  }
  if (!*parsed) return 0;
  // Every private key of the platform is in this process.
  if (const auto hardened = mifeng::keyholder::harden_process(); !hardened) {
    std::fprintf(stderr, "mifengd: %s\n", hardened.error().message().c_str());
    return 1;
  }
  mifeng::keyholder::raise_descriptor_limit();
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  const auto done = mifeng::daemon::run(options);
  if (!done) {
    spdlog::critical("{} [{}]", done.error().message(), done.error().reason());
    return 1;
  }
  return 0;
}
