#include "mifeng/stack/up.h"

#include <unistd.h>

#include <chrono>
#include <optional>

#include "examples.h"
#include "installation.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/phrase.h"
#include "mifeng/client/answer.h"
#include "mifeng/client/platform_client.h"
#include "mifeng/cluster/podman.h"
#include "mifeng/crypto/fingerprint.h"
#include "mifeng/kubernetes/resolving.h"
#include "mifeng/net/loopback.h"
#include "mifeng/net/runtime.h"
#include "mifeng/net/tls.h"
#include "mifeng/os/file.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/stack/backends.h"
#include "run_stack.h"
#include "supervisor.h"

namespace mifeng::stack {
namespace {

using client::list_of;
using client::required_text;
using client::text_of;

using Steady = std::chrono::steady_clock;
constexpr const char* kGatewayId = "local";
constexpr const char* kCallerName = "examples";

std::int64_t ms_since(Steady::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - then).count();
}

std::chrono::milliseconds restart_pause(const UpOptions& options) {
  return options.restart_pause_seconds == 0 ? Supervisor::kPauseMax
                                            : std::chrono::seconds(options.restart_pause_seconds);
}

std::string loopback(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

std::string shown_pin(const std::string& hex) {
  const auto bytes = from_hex(hex);
  return bytes ? crypto::in_groups(*bytes) : hex;
}

// Of the ports that other machines reach.
std::string authority(const std::string& address, std::uint16_t port) {
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + std::to_string(port);
}

class Stack {
 public:
  Stack(const UpOptions& options, const UpListener& listener, StopSignal& stop, Installation& installation,
        const client::PlatformClient& api)
      : options_(options),
        listener_(listener),
        stop_(stop),
        installation_(installation),
        supervisor_([this](std::string_view line) { listener_.message(line); }, restart_pause(options)),
        api_(api) {}
  ~Stack() { tear_down(); }

  Result<int> run(const std::function<Result<int>(ExampleContext&)>& work) {
    const auto started = Steady::now();
    MIFENG_CHECK(start_programs());
    MIFENG_TRY(ExampleContext context, prepare_examples());
    if (work) return work(context);
    MIFENG_TRY(const auto projects, find_examples(options_));
    std::vector<Example> examples;
    std::vector<CallReport> reports;
    for (const std::filesystem::path& project : projects) {
      MIFENG_CHECK(stop_.check());
      MIFENG_TRY(Example example, deliver(context, project));
      const auto deploying = Steady::now();
      MIFENG_CHECK(deploy(context, example));
      const std::int64_t deploy_ms = ms_since(deploying);
      if (options_.once) {
        MIFENG_TRY(CallReport report, play_calls(context, example));
        report.deploy_ms = deploy_ms;
        say(phrase("{}: {} of {} answers as in the vendor's own process, {} ms", report.name, report.equal,
                   report.calls, report.calls_ms));
        if (!report.first_difference.empty()) say(phrase("  first difference: {}", report.first_difference));
        reports.push_back(std::move(report));
      }
      examples.push_back(std::move(example));
    }
    if (options_.once) return finish_once(context, examples, reports, started);
    MIFENG_CHECK(make_administrator());
    tell_addresses(context, examples);
    while (!stop_.wait(std::chrono::hours(1))) {
    }
    say(phrase("stopping"));
    return 0;
  }

 private:
  void say(std::string_view line) const { listener_.message(line); }

  Result<void> start_programs() {
    MIFENG_TRY(const std::uint16_t platform_port,
               installation_.port("platform", options_.platform_port, kPlatformPort));
    MIFENG_TRY(gateway_port_, installation_.port("gateway", options_.gateway_port, kGatewayPort));
    platform_url_ = "http://" + loopback(platform_port);
    gateway_url_ = "http://" + gateway_authority();
    if (!options_.listen.empty()) {
      gateway_url_ = "https://" + gateway_authority();
      MIFENG_TRY(gateway_tls_, gateway_certificate());
    }

    MIFENG_TRY(const std::string registry, start_images());
    say(phrase("starting the container engine"));
    const bool plain_http =
        options_.registry.plain_http ||
        (options_.registry.ca.empty() && net::is_loopback_authority(registry.substr(0, registry.find('/'))));
    const PodmanServiceOptions podman{installation_.data() / "podman",
                                      installation_.socket("podman"),
                                      installation_.log("podman"),
                                      registry,
                                      !plain_http,
                                      options_.registry.ca};
    MIFENG_CHECK(supervisor_.add(
        "podman", [podman] { return start_podman(podman); },
        [podman](Service& service) { stop_podman(service, podman); }));
    cluster::PodmanOptions engine;
    engine.socket = podman.socket;
    engine.installation = installation_.id();
    engine.sockets_dir = installation_.sockets();
    engine.start_dir = installation_.data() / "mifengd/start";  // this one only removes
    engine.registry = registry;
    MIFENG_TRY(engine_, cluster::create_podman_engine(engine, clock_));

    say(phrase("starting the platform on {}", platform_url_));
    MIFENG_TRY(const auto master_key,
               key_file(options_.master_key.empty() ? default_master_key(installation_.data()) : options_.master_key));
    ServiceOptions mifengd;
    mifengd.name = "mifengd";
    mifengd.log = installation_.log("mifengd");
    mifengd.ready_line = true;
    mifengd.child.argv = {(options_.programs / "mifengd").string(),
                          "--data",
                          (installation_.data() / "mifengd").string(),
                          "--master-key",
                          master_key.string(),
                          "--listen",
                          loopback(platform_port),
                          "--local-socket",
                          installation_.socket("mifengd").string(),
                          "--registry",
                          registry,
                          "--engine-socket",
                          podman.socket.string(),
                          "--installation",
                          installation_.id(),
                          "--sockets",
                          installation_.sockets().string(),
                          "--guard-image",
                          std::filesystem::absolute(options_.guard).string()};
    for (const auto& [option, seconds] :
         {std::pair{"--lease", options_.lease_seconds}, {"--snapshot-lifetime", options_.snapshot_lifetime_seconds}}) {
      if (seconds == 0) continue;
      mifengd.child.argv.push_back(option);
      mifengd.child.argv.push_back(std::to_string(seconds));
    }
    for (const auto& [option, text] : {std::pair{"--port-range", options_.port_range},
                                       {"--gateway-url", gateway_url_},
                                       {"--guard-listen", options_.guard_listen},
                                       {"--guard-url", options_.guard_url}}) {
      if (text.empty()) continue;
      mifengd.child.argv.push_back(option);
      mifengd.child.argv.push_back(text);
    }
    for (const auto& [option, text] : {std::pair{"--registry-ca", options_.registry.ca.string()},
                                       {"--registry-user", options_.registry.user},
                                       {"--registry-password-file", options_.registry.password_file.string()}}) {
      if (text.empty()) continue;
      mifengd.child.argv.push_back(option);
      mifengd.child.argv.push_back(text);
    }
    if (options_.registry.plain_http) mifengd.child.argv.push_back("--registry-plain-http");
    if (!options_.listen.empty())
      mifengd.child.argv.insert(mifengd.child.argv.end(), {"--public-listen", authority(options_.listen, platform_port),
                                                           "--gateway-ca", gateway_tls_.certificate.string()});
    public_url_ = options_.listen.empty() ? platform_url_ : "https://" + authority(options_.listen, platform_port);
    MIFENG_CHECK(supervisor_.add("mifengd", [mifengd] { return start_ready(mifengd); }));
    MIFENG_CHECK(add_kubernetes());

    return start_gateway();
  }

  // Where images are pushed to and pulled from, as HOST:PORT.
  Result<std::string> start_images() {
    if (!options_.registry.address.empty()) return options_.registry.address;
    MIFENG_TRY(const std::uint16_t port, installation_.port("registry", options_.registry_port, kRegistryPort));
    say(phrase("starting the image registry on {}", loopback(port)));
    const RegistryOptions registry{installation_.data() / "registry", installation_.log("registry"), port};
    MIFENG_CHECK(supervisor_.add("registry", [registry] { return start_registry(registry); }));
    return loopback(port);
  }

  // Whatever it was added with: an account that is there is not made again.
  Result<void> add_kubernetes() {
    const UpCluster& wanted = options_.cluster;
    if (wanted.kubeconfig.empty()) return ok();
    const std::string id = kKubernetesCluster;
    MIFENG_TRY(json::Object login, pull_login());
    const auto there = api_.get("/clusters/" + id);
    if (there) return renew_pull_login(*there, std::move(login));
    if (there.error().code() != ErrorCode::kNotFound) return there.error();
    say(phrase("adding the cluster of {}", wanted.kubeconfig.string()));
    MIFENG_TRY(const auto kubeconfig, kubernetes::resolve_kubeconfig(wanted.kubeconfig, ""));
    const bool named = !kubeconfig.name_space.empty() && kubeconfig.name_space != "default";
    login.set("id", id);
    login.set("default_namespace", named ? kubeconfig.name_space : "models");
    login.set("kubeconfig", as_text(kubeconfig.text.reveal_for_output()));
    login.set("registry", cluster_registry());
    const json::Value body = std::move(login);
    auto added = api_.send("POST", "/clusters", body);
    if (!added) return added.error();
    return ok();
  }

  // As the cluster's nodes see it.
  std::string cluster_registry() const {
    return options_.cluster.registry.empty() ? options_.registry.address : options_.cluster.registry;
  }

  // The cluster's nodes pull as the platform does; somebody else is set by `mifeng cluster set`.
  Result<json::Object> pull_login() const {
    json::Object login;
    if (options_.registry.user.empty()) return login;
    MIFENG_TRY(const SecretBytes password, read_secret_line(options_.registry.password_file));
    login.set("pull_user", options_.registry.user);
    login.set("pull_password", as_text(password.reveal_for_output()));
    return login;
  }

  // The password may be another than at the last start.
  Result<void> renew_pull_login(const json::Value& there, json::Object login) const {
    if (login.empty()) return ok();
    for (const char* member : {"name", "node_addresses"})
      if (const json::Value* value = there.if_object() == nullptr ? nullptr : there.if_object()->find(member))
        login.set(member, *value);
    login.set("registry", cluster_registry());
    const json::Value body = std::move(login);
    auto set = api_.send("PUT", std::string("/clusters/") + kKubernetesCluster, body);
    if (!set) return set.error();
    return ok();
  }

  // The same file, in a folder that is there.
  static Result<std::filesystem::path> key_file(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    if (error) return errno_error(error.value(), "make " + file.parent_path().string());
    return file;
  }

  static Result<std::unique_ptr<Service>> start_ready(const ServiceOptions& options) {
    MIFENG_TRY(auto service, Service::start(options));
    MIFENG_CHECK(service->wait_ready(std::chrono::seconds(60)));
    return service;
  }

  std::string gateway_authority() const {
    return options_.listen.empty() ? loopback(gateway_port_) : authority(options_.listen, gateway_port_);
  }

  // Made here and not by the gateway, since the platform, which starts first, calls models through it.
  Result<net::ServerTls> gateway_certificate() const {
    const std::filesystem::path folder = installation_.data() / "gateway-tls";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return errno_error(error.value(), "make " + folder.string());
    return net::self_made_certificate(folder, {options_.listen, "localhost"}, clock_);
  }

  Result<void> start_gateway() {
    say(phrase("starting the gateway on {}", gateway_url_));
    const std::filesystem::path join = installation_.data() / "run/gateway.join";
    // An enrolled gateway gets no new code, and needs none.
    auto invited = api_.send("POST", "/gateways", json::Object{{"id", kGatewayId}, {"platform_url", platform_url_}});
    if (invited) {
      MIFENG_CHECK(write_file_atomic(join, as_bytes(json::serialize(*invited)), 0600));
    } else if (invited.error().code() != ErrorCode::kConflict) {
      return invited.error();
    }
    // The gateway's own, beside the platform's: where that was put elsewhere, this goes along.
    MIFENG_TRY(const auto master_key,
               key_file(options_.master_key.empty() ? default_master_key(installation_.data() / "gateway")
                                                    : options_.master_key.parent_path() /
                                                          (options_.master_key.stem().string() + "-gateway.key")));
    ServiceOptions gateway;
    gateway.name = "mifeng-gateway";
    gateway.log = installation_.log("gateway");
    gateway.ready_line = true;
    gateway.child.argv = {(options_.programs / "mifeng-gateway").string(),
                          "--state",
                          (installation_.data() / "gateway").string(),
                          "--master-key",
                          master_key.string(),
                          "--join",
                          join.string(),
                          "--listen",
                          gateway_authority()};
    if (!options_.listen.empty())
      gateway.child.argv.insert(gateway.child.argv.end(), {"--tls-cert", gateway_tls_.certificate.string(), "--tls-key",
                                                           gateway_tls_.key.string()});
    return supervisor_.add("gateway", [gateway] { return start_ready(gateway); });
  }

  Result<ExampleContext> prepare_examples() {
    ExampleContext context{options_, installation_.data(), api_, stop_, listener_, {}, {}, gateway_url_, {}};
    context.card = installation_.data() / "card.json";
    context.vendor_key = installation_.data() / "vendor/examples.key";
    context.gateway_ca = gateway_tls_.certificate;
    MIFENG_TRY(const json::Value card, api_.get("/card"));
    MIFENG_CHECK(write_file_atomic(context.card, as_bytes(json::serialize_pretty(card))));

    MIFENG_TRY(const json::Value page, api_.get("/callers?page_size=200"));
    std::string id;
    for (const json::Value& item : list_of(page, "items")) {
      MIFENG_TRY(const std::string name, required_text(item, "name"));
      if (name != kCallerName) continue;
      MIFENG_TRY(id, required_text(item, "id"));
    }
    // Keys are stored hashed, so each start makes a new one for its own caller.
    auto caller = id.empty() ? api_.send("POST", "/callers", json::Object{{"name", kCallerName}})
                             : api_.send("POST", "/callers/" + id + "/key", json::Object{});
    if (!caller) return std::move(caller).error();
    MIFENG_TRY(context.caller_key, required_text(*caller, "key"));
    return context;
  }

  Result<int> finish_once(ExampleContext& context, const std::vector<Example>& examples,
                          const std::vector<CallReport>& reports, Steady::time_point started) {
    bool all_right = !reports.empty();
    json::Array models;
    for (std::size_t i = 0; i < reports.size(); ++i) {
      const CallReport& report = reports[i];
      all_right = all_right && report.equal == report.calls && report.calls > 0;
      const double agreement = report.agreement();
      json::Object model{{"name", report.name},   {"version", examples[i].model.model.version},
                         {"calls", report.calls}, {"agreement", agreement},
                         {"ms", report.calls_ms}, {"deploy_ms", report.deploy_ms}};
      if (agreement == 1) model.set("agreement", 1);
      models.emplace_back(std::move(model));
    }
    for (const Example& example : examples) MIFENG_CHECK(undeploy(context, example));
    tear_down();
    if (reports.empty()) say(phrase("there was no example to call"));
    listener_.result(json::serialize(json::Object{{"models", models}, {"ms", ms_since(started)}}));
    return all_right ? 0 : 1;
  }

  // Last of all, so that a start that fails does not make a password that nobody sees.
  Result<void> make_administrator() {
    auto first = api_.send("POST", "/system/first-administrator", json::Object{});
    if (first) {
      MIFENG_TRY(const std::string name, required_text(*first, "name"));
      MIFENG_TRY(const std::string password, required_text(*first, "password"));
      administrator_ = phrase(
          "administrator     sign in as {} with the password {}  (shown this once; it is to be changed at the first "
          "sign-in)",
          name, password);
    } else if (first.error().code() != ErrorCode::kConflict) {
      return first.error();
    }
    return ok();
  }

  void tell_addresses(const ExampleContext& context, const std::vector<Example>& examples) {
    listener_.result("");
    listener_.result(phrase("console           {}", public_url_));
    listener_.result(phrase("platform          {}", public_url_));
    listener_.result(phrase("gateway           {}", gateway_url_));
    if (!options_.listen.empty()) tell_certificates();
    if (!administrator_.empty()) listener_.result(administrator_);
    listener_.result(
        phrase("command line      mifeng get models --platform unix:{}", installation_.socket("mifengd").string()));
    for (const Example& example : examples)
      listener_.result(phrase("try it            {}", curl_line(context, example)));
    listener_.result(phrase("Ctrl-C stops everything that was started."));
  }

  // What somebody on another machine compares before he believes that it is this platform, and this gateway.
  void tell_certificates() {
    const auto facts = api_.get("/system");
    const auto gateway = net::certificate_fingerprint(gateway_tls_.certificate);
    listener_.result(phrase("pin               {}", shown_pin(facts ? text_of(*facts, "tls_certificate_sm3") : "")));
    listener_.result(phrase("gateway's pin     {}", shown_pin(gateway ? *gateway : "")));
    listener_.result(phrase("its certificate   {}", gateway_tls_.certificate.string()));
  }

  void tear_down() {
    supervisor_.stop("podman", [this] {
      if (!engine_) return;
      const auto removed = net::run_to_result<void>([this] { return engine_->remove_everything(); });
      if (!removed) say(phrase("the containers could not all be removed: {}", removed.error().message()));
    });
    std::error_code ignored;
    std::filesystem::remove(installation_.sockets(), ignored);  // empty by now, or it stays
  }

  const UpOptions& options_;
  const UpListener& listener_;
  StopSignal& stop_;
  Installation& installation_;
  SystemClock clock_;
  std::unique_ptr<cluster::Engine> engine_;
  Supervisor supervisor_;
  const client::PlatformClient& api_;
  std::uint16_t gateway_port_ = 0;
  std::string platform_url_;
  std::string gateway_url_;
  std::string public_url_;        // the platform, as the console and other machines reach it
  net::ServerTls gateway_tls_{};  // where other machines reach it
  std::string administrator_;     // the line that says how to sign in
};

}  // namespace

Result<int> run_stack(const UpOptions& options, const UpListener& listener, StopSignal& stop,
                      const std::function<Result<int>(ExampleContext&)>& work) {
  MIFENG_TRY(Installation installation,
             Installation::open(options.data.empty() ? default_data_folder() : options.data));
  // While mifengd starts again it is asked again: nothing that the stack asks for could not be asked for twice.
  MIFENG_TRY(auto api,
             client::PlatformClient::create(
                 {.platform = "unix:" + installation.socket("mifengd").string(), .ca_file = {}, .pin = {}, .token = {}},
                 {.silence = std::chrono::minutes(2), .absence = std::chrono::seconds(30)}));
  api.stop_by(stop);
  Stack stack(options, listener, stop, installation, api);
  return stack.run(work);
}

Result<int> run_up(const UpOptions& options, const UpListener& listener) {
  MIFENG_TRY(StopSignal stop, StopSignal::create());
  if (::geteuid() != 0)
    return Error(
        ErrorCode::kPermissionDenied, "not-root",
        phrase(
            "running models needs root, for Podman's network and limits: sudo mifeng up, or ./run, which asks sudo"));
  auto status = run_stack(options, listener, stop, {});
  // A signal is how `up` is meant to end.
  if (!status && status.error().reason() == "interrupted" && !options.once) return 0;
  return status;
}

}  // namespace mifeng::stack
