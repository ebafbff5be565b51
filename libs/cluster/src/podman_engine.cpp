#include "podman_engine.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "json_path.h"
#include "mifeng/base/file.h"
#include "mifeng/base/phrase.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kImageEnvMax = 256;

Error engine_error(const PodmanAnswer& answer, const std::string& doing) {
  const ErrorCode code = answer.status == 404   ? ErrorCode::kNotFound
                         : answer.status == 409 ? ErrorCode::kConflict
                                                : ErrorCode::kInternal;
  return Error(code, "engine-refused", doing + ": " + answer.message);
}

std::vector<HostPort> ports_of(const Workload& workload, int replica) {
  std::vector<HostPort> ports;
  for (const HostPort& port : workload.host_ports) {
    if (port.replica == replica) ports.push_back(port);
  }
  return ports;
}

std::string seconds_since(const std::optional<UnixMillis>& then, const Clock& clock) {
  return std::to_string(then ? std::max<std::int64_t>(0, (clock.now_ms() - *then) / 1000) : 0) + " s";
}

// A subnet of 10.64.0.0/10 that belongs to this installation, so that two of them on one machine need not ask each
// other; `attempt` gives the next where somebody has that one.
std::string subnet_of(const std::string& installation, unsigned attempt) {
  unsigned hash = 2166136261U + attempt * 7919U;
  for (const char c : installation) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return "10." + std::to_string(64 + (hash >> 8) % 64) + "." + std::to_string(hash >> 16 & 0xFF) + ".0/24";
}

}  // namespace

Result<std::unique_ptr<Engine>> create_podman_engine(const PodmanOptions& options, const Clock& clock) {
  const auto bad = [](const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-options", what); };
  if (options.installation.size() < 8 ||
      options.installation.find_first_not_of("0123456789abcdef") != std::string::npos)
    return bad("the installation id must be at least 8 hex digits");
  if (!options.sockets_dir.is_absolute()) return bad("the folder of the sockets must be an absolute path");
  PodmanFrame frame;
  frame.installation = options.installation;
  frame.sockets_dir = options.sockets_dir.lexically_normal();
  frame.host_ip = options.host_ip;
  frame.network = options.network.empty() ? "mf-" + options.installation.substr(0, 8) : options.network;
  const auto hard_limit = [](auto resource, std::int64_t at_most) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return at_most;
    return std::min(at_most, static_cast<std::int64_t>(limit.rlim_max));
  };
  frame.nofile = hard_limit(RLIMIT_NOFILE, 65536);
  // All models run under one uid, and the kernel counts processes by uid: what bounds one model is its pids cgroup.
  // Podman lowers its own limit to the kernel's highest process number, and cannot give more than it has.
  const auto pid_max = read_text_file("/proc/sys/kernel/pid_max", 64);
  frame.nproc = hard_limit(RLIMIT_NPROC, pid_max ? std::max(1024, std::atoi(pid_max->c_str())) : 32768);
  MIFENG_TRY(PodmanClient client, PodmanClient::create(options.socket));
  return std::unique_ptr<Engine>(std::make_unique<PodmanEngine>(std::move(client), std::move(frame), options, clock));
}

Task<PodmanAnswer> PodmanEngine::get(std::string path) {
  return client_.call("GET", std::move(path), std::nullopt, Patience::kQuick);
}
Task<PodmanAnswer> PodmanEngine::post(std::string path, std::optional<json::Object> body, Patience patience) {
  return client_.call("POST", std::move(path), std::move(body), patience);
}
Task<PodmanAnswer> PodmanEngine::erase(std::string path, Patience patience) {
  return client_.call("DELETE", std::move(path), std::nullopt, patience);
}

Task<std::string> PodmanEngine::ping() {
  auto answer = co_await get("/version");
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr)
    co_return Error(ErrorCode::kUnavailable, "engine-unavailable",
                    "the container engine does not answer as Podman does: " + answer->message);
  co_return "podman " + text_at(*answer->object(), "Version");
}

Task<std::optional<json::Object>> PodmanEngine::inspect(std::string name) {
  auto answer = co_await get("/containers/" + name + "/json");
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return std::optional<json::Object>();
  if (!answer->success() || answer->object() == nullptr) co_return engine_error(*answer, "look at container " + name);
  if (text_at(*answer->object(), "Config", "Labels", kLabelInstallation) != frame_.installation)
    co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                    "container " + name +
                        " does not belong to this installation of Mifeng and is left alone; rename "
                        "or remove it if it is in the way");
  co_return std::optional<json::Object>(*answer->object());
}

Task<std::vector<std::string>> PodmanEngine::image_env(const json::Object& inspected) {
  const std::string id = text_at(inspected, "Image");
  {
    const std::lock_guard guard(mutex_);
    if (const auto it = image_env_.find(id); it != image_env_.end()) co_return it->second;
  }
  auto answer = co_await get("/images/" + id + "/json");
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr) co_return engine_error(*answer, "look at image " + id);
  std::vector<std::string> env = texts_at(*answer->object(), "Config", "Env");
  const std::lock_guard guard(mutex_);
  if (image_env_.size() >= kImageEnvMax) image_env_.clear();
  image_env_[id] = env;
  co_return env;
}

Task<std::vector<json::Object>> PodmanEngine::list_containers(std::vector<std::string> labels) {
  const std::string query = labels.empty() ? std::string() : "&" + label_filter(labels);
  auto answer = co_await get("/containers/json?all=true" + query);
  if (!answer) co_return answer.error();
  if (!answer->success()) co_return engine_error(*answer, "list the containers");
  std::vector<json::Object> containers;
  if (const json::Array* list = answer->body.if_array()) {
    for (const json::Value& entry : *list) {
      if (const json::Object* container = entry.if_object()) containers.push_back(*container);
    }
  }
  co_return containers;
}

Task<void> PodmanEngine::ensure_network() {
  const auto held = co_await deployments_.acquire("/network");  // no deployment has that name
  auto found = co_await get("/networks/" + frame_.network + "/json");
  if (!found) co_return found.error();
  if (found->success() && found->object() != nullptr) {
    if (text_at(*found->object(), "labels", kLabelInstallation) == frame_.installation) co_return ok();
    co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                    "the container network " + frame_.network + " does not belong to this installation of Mifeng");
  }
  std::string why;
  for (unsigned attempt = 0; attempt < 16; ++attempt) {
    json::Object network{{"name", frame_.network},
                         {"driver", "bridge"},
                         {"network_interface", frame_.network.substr(0, 15)},
                         {"dns_enabled", false},
                         {"subnets", json::Array{json::Object{{"subnet", subnet_of(frame_.installation, attempt)}}}},
                         {"labels", json::Object{{std::string(kLabelInstallation), frame_.installation}}}};
    auto made = co_await post("/networks/create", std::move(network), Patience::kQuick);
    if (!made) co_return made.error();
    if (made->success()) co_return ok();
    why = made->message;
    if (why.find("subnet") == std::string::npos) break;
  }
  co_return Error(ErrorCode::kUnavailable, "no-network",
                  "the container engine could not make the network " + frame_.network + ": " + why);
}

InstanceStatus PodmanEngine::failed(const Workload& workload, int replica, const Explained& why) const {
  InstanceStatus status;
  status.name = instance_name(workload.deployment, replica);
  status.deployment = workload.deployment;
  status.replica = replica;
  status.state = InstanceState::kFailed;
  status.reason = why.sentence;
  status.reason_code = why.code;
  status.host_ports = ports_of(workload, replica);
  status.image = workload.pod.image;
  return status;
}

void PodmanEngine::note_failure(const std::string& name, std::optional<Explained> why) {
  const std::lock_guard guard(mutex_);
  if (why) {
    failures_[name] = *why;
  } else {
    failures_.erase(name);
  }
}

std::optional<Explained> PodmanEngine::noted_failure(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  const auto it = failures_.find(name);
  return it == failures_.end() ? std::nullopt : std::optional(it->second);
}

Task<void> PodmanEngine::create(const Workload& workload, int replica) {
  const std::string name = instance_name(workload.deployment, replica);
  // Made before the container and never anew while it exists: the container sees this very folder.
  std::error_code error;
  std::filesystem::create_directories(frame_.sockets_dir / name, error);
  if (error) co_return errno_error(error.value(), "make " + (frame_.sockets_dir / name).string());
  for (const ScratchMount& scratch : workload.pod.scratch_mounts) {
    json::Object volume{{"Name", volume_name(frame_, workload.deployment, replica, scratch.volume)},
                        {"Label", json::Object{{std::string(kLabelInstallation), frame_.installation},
                                               {std::string(kLabelDeployment), workload.deployment},
                                               {std::string(kLabelReplica), std::to_string(replica)},
                                               {std::string(kLabelVolume), scratch.volume}}}};
    auto made = co_await post("/volumes/create", std::move(volume), Patience::kQuick);
    if (!made) co_return made.error();
    // A volume that a create half-way left behind is ours and empty, or holds what the replica had.
    if (!made->success() && made->message.find("already exists") == std::string::npos)
      co_return engine_error(*made, "make a volume of " + name);
  }
  for (const ClaimMount& claim : workload.pod.claim_mounts) {
    const std::string volume_name = claim_volume_name(frame_, claim.claim);
    json::Object volume{{"Name", volume_name},
                        {"Label", json::Object{{std::string(kLabelInstallation), frame_.installation},
                                               {std::string(kLabelClaim), claim.claim}}}};
    auto volume_made = co_await post("/volumes/create", std::move(volume), Patience::kQuick);
    if (!volume_made) co_return volume_made.error();
    if (!volume_made->success() && volume_made->message.find("already exists") == std::string::npos)
      co_return engine_error(*volume_made, "make the volume " + volume_name);
  }
  json::Object body = render_container(frame_, workload, replica);
  auto made = co_await post("/containers/create", std::move(body), Patience::kStart);
  if (!made) co_return made.error();
  if (!made->success()) co_return engine_error(*made, "make container " + name);
  co_return ok();
}

Task<void> PodmanEngine::start(const std::string& name, const std::vector<HostPort>& ports) {
  auto answer = co_await post("/containers/" + name + "/start", std::nullopt, Patience::kStart);
  if (!answer) co_return answer.error();
  if (answer->success() || answer->status == 304) {
    note_failure(name, std::nullopt);
    co_return ok();
  }
  const Explained why = explain_start_failure(answer->message, ports);
  note_failure(name, why);
  co_return Error(ErrorCode::kUnavailable, why.code, why.sentence);
}

Task<InstanceStatus> PodmanEngine::settle(const Workload& workload, int replica, bool& changed) {
  const std::string name = instance_name(workload.deployment, replica);
  auto inspected = co_await inspect(name);
  if (!inspected) co_return inspected.error();
  if (*inspected) {
    auto env = co_await image_env(**inspected);
    if (!env && env.error().code() != ErrorCode::kNotFound) co_return env.error();
    const auto drift = find_drift(frame_, workload, replica, **inspected, env.value_or(std::vector<std::string>()));
    if (drift) {
      changed = true;
      std::vector<std::string> names{name};
      auto removed = co_await remove_containers(std::move(names), workload.pod.termination_grace_seconds);
      if (!removed) co_return removed.error();
      inspected->reset();
    }
  }
  if (!*inspected) {
    changed = true;
    auto pulled = co_await pull(workload.pod.image, workload.pod.pull_policy);
    if (!pulled) co_return pulled.error();
    auto made = co_await create(workload, replica);
    if (!made) co_return made.error();
    inspected = co_await inspect(name);
    if (!inspected) co_return inspected.error();
    if (!*inspected) co_return Error(ErrorCode::kInternal, "engine-refused", "container " + name + " went at once");
  }
  if (status_of_inspected(**inspected).state == InstanceState::kPending) {
    changed = true;
    auto started = co_await start(name, ports_of(workload, replica));
    if (!started) co_return started.error();
    inspected = co_await inspect(name);
    if (!inspected) co_return inspected.error();
    if (!*inspected) co_return Error(ErrorCode::kInternal, "engine-refused", "container " + name + " went at once");
  }
  co_return co_await describe(workload, replica, **inspected);
}

Task<ApplyResult> PodmanEngine::apply(Workload workload) {
  MIFENG_CO_CHECK(validate(workload));
  const auto held = co_await deployments_.acquire(workload.deployment);
  auto network = co_await ensure_network();
  if (!network) co_return network.error();
  ApplyResult result;

  std::vector<std::string> labels{std::string(kLabelInstallation) + "=" + frame_.installation,
                                  std::string(kLabelDeployment) + "=" + workload.deployment};
  auto listed = co_await list_containers(std::move(labels));
  if (!listed) co_return listed.error();
  std::set<std::string> wanted;
  for (int replica = 0; replica < workload.replicas; ++replica)
    wanted.insert(instance_name(workload.deployment, replica));
  std::vector<std::string> surplus;
  for (const json::Object& container : *listed) {
    if (text_at(container, "Labels", kLabelDeployment) != workload.deployment) continue;
    const std::string name = status_of_listed(container).name;
    if (!name.empty() && !wanted.contains(name)) surplus.push_back(name);
  }
  if (!surplus.empty()) {
    result.changed = true;
    for (const std::string& name : surplus) {
      note_failure(name, std::nullopt);
      std::vector<std::string> names{name};
      auto removed = co_await remove_containers(std::move(names), workload.pod.termination_grace_seconds);
      if (!removed) co_return removed.error();
      auto volumes = co_await remove_volumes(workload.deployment, name + ".");
      if (!volumes) co_return volumes.error();
      std::error_code ignored;
      std::filesystem::remove_all(frame_.sockets_dir / name, ignored);
    }
  }
  for (int replica = 0; replica < workload.replicas; ++replica) {
    auto settled = co_await settle(workload, replica, result.changed);
    if (settled) {
      result.instances.push_back(std::move(*settled));
      continue;
    }
    // One replica's trouble is told and stops no other; an engine that does not answer stops all.
    if (settled.error().reason() == "engine-unavailable" || settled.error().reason() == "engine-slow")
      co_return settled.error();
    const Explained why{settled.error().reason(), settled.error().message()};
    note_failure(instance_name(workload.deployment, replica), why);
    result.instances.push_back(failed(workload, replica, why));
  }
  co_return result;
}

boost::asio::awaitable<std::string> PodmanEngine::last_log_line(std::string name) {
  std::string last;
  LogOptions options;
  options.tail = 1;
  LogSink keep = [&last](LogLine line) -> boost::asio::awaitable<Result<void>> {
    if (!line.text.empty()) last = std::move(line.text);
    co_return ok();
  };
  // Without the log the reason is only shorter.
  auto read = co_await logs(std::move(name), options, std::move(keep));
  if (!read) last.clear();
  co_return last;
}

boost::asio::awaitable<void> PodmanEngine::probe(InstanceStatus& status, std::uint16_t health_port) {
  net::ClientOptions options;
  options.endpoint = net::TcpEndpoint{status.address, health_port};
  options.connect_timeout = options_.probe_timeout;
  options.idle_timeout = options_.probe_timeout;
  auto client = net::HttpClient::create(std::move(options));
  if (!client) co_return;
  net::ClientRequest request("GET", "/ready");
  request.max_response_bytes = 64 * 1024;
  auto answer = co_await client->send(std::move(request));
  status.ready = answer && answer->status == 200;
  if (status.ready) co_return;
  const std::string since = seconds_since(status.started_at_ms, clock_);
  if (answer) {
    status.reason_code = "not-ready";
    status.reason = phrase("has run for {} and says that it is not ready yet (status {} on its health port)", since,
                           answer->status);
  } else {
    status.reason_code = "not-answering";
    status.reason = phrase("has run for {} and does not answer on its health port {}", since, health_port);
  }
  if (status.started_at_ms && clock_.now_ms() - *status.started_at_ms > 5000) {
    const std::string last = co_await last_log_line(status.name);
    if (!last.empty()) status.reason = phrase("{}; its last words: {}", status.reason, last.substr(0, 300));
  }
}

Task<InstanceStatus> PodmanEngine::describe(const Workload& workload, int replica, const json::Object& inspected) {
  InstanceStatus status = status_of_inspected(inspected);
  status.deployment = workload.deployment;
  status.replica = replica;
  status.host_ports = ports_of(workload, replica);
  switch (status.state) {
    case InstanceState::kPending:
      if (const auto why = noted_failure(status.name)) {
        status.state = InstanceState::kFailed;
        status.reason = why->sentence;
        status.reason_code = why->code;
      } else {
        status.reason = phrase("is made and not started yet");
        status.reason_code = "not-ready";
      }
      break;
    case InstanceState::kRunning:
      if (text_at(inspected, "State", "Status") == "paused") {
        status.reason = phrase("somebody has paused it");
        status.reason_code = "not-ready";
      } else if (status.address.empty()) {
        status.reason = phrase("has no address in the container network");
        status.reason_code = "not-ready";
      } else {
        co_await probe(status, workload.pod.health_port);
      }
      break;
    case InstanceState::kExited: {
      const std::string last = co_await last_log_line(status.name);
      explain_exit(status, last, workload.pod.resources.memory_limit_bytes);
      break;
    }
    case InstanceState::kStopping:
      status.reason = phrase("is being stopped");
      status.reason_code = "not-ready";
      break;
    case InstanceState::kMissing:
    case InstanceState::kFailed: break;
  }
  co_return status;
}

Task<std::vector<InstanceStatus>> PodmanEngine::status(Workload workload) {
  MIFENG_CO_CHECK(validate(workload));
  std::vector<InstanceStatus> all;
  for (int replica = 0; replica < workload.replicas; ++replica) {
    const std::string name = instance_name(workload.deployment, replica);
    auto inspected = co_await inspect(name);
    if (!inspected && inspected.error().reason() != "not-ours") co_return inspected.error();
    if (!inspected) {
      const Explained why{"not-ours", inspected.error().message()};
      all.push_back(failed(workload, replica, why));
    } else if (!*inspected) {
      const auto noted = noted_failure(name);
      const Explained missing{"missing", phrase("is not there")};
      InstanceStatus status = failed(workload, replica, noted.value_or(missing));
      if (!noted) status.state = InstanceState::kMissing;
      all.push_back(std::move(status));
    } else {
      auto described = co_await describe(workload, replica, **inspected);
      if (!described) co_return described.error();
      // It would never be granted anything. So that it is put right, and says why until then. One that has ended is not
      // started again as it was; why it ended stays.
      if (described->state == InstanceState::kRunning || described->state == InstanceState::kExited) {
        auto env = co_await image_env(**inspected);
        if (!env && env.error().code() != ErrorCode::kNotFound) co_return env.error();
        const auto drift = find_drift(frame_, workload, replica, **inspected, env.value_or(std::vector<std::string>()));
        if (drift) described->reason_code = "drifted";
        if (drift && described->state == InstanceState::kRunning) {
          described->ready = false;
          described->reason = phrase("is not what was rendered ({}) and is made anew", *drift);
        }
      }
      all.push_back(std::move(*described));
    }
  }
  co_return all;
}

Task<std::vector<InstanceStatus>> PodmanEngine::list() {
  std::vector<std::string> labels{std::string(kLabelInstallation) + "=" + frame_.installation};
  auto containers = co_await list_containers(std::move(labels));
  if (!containers) co_return containers.error();
  std::vector<InstanceStatus> all;
  for (const json::Object& container : *containers) all.push_back(status_of_listed(container));
  co_return all;
}

Task<PeerIdentity> PodmanEngine::verify_peer(Workload workload, int replica, ::pid_t pid) {
  MIFENG_CO_CHECK(validate(workload));
  const auto denied = [](const char* reason, const std::string& message) {
    return Error(ErrorCode::kPermissionDenied, reason, message);
  };
  const std::string name = instance_name(workload.deployment, replica);
  auto inspected = co_await inspect(name);
  if (!inspected) co_return inspected.error();
  if (!*inspected) co_return denied("not-running", "there is no container " + name);
  const json::Object& container = **inspected;
  if (!bool_at(container, "State", "Running")) co_return denied("not-running", "container " + name + " does not run");
  if (pid <= 0 || integer_at(container, "State", "Pid") != pid)
    co_return denied("not-first-process", "process " + std::to_string(pid) + " is not the first process of " + name);
  auto env = co_await image_env(container);
  if (!env) co_return env.error();
  if (const auto drift = find_drift(frame_, workload, replica, container, *env))
    co_return denied("drifted", "container " + name + " is not what was rendered: " + *drift);
  PeerIdentity identity;
  identity.instance = name;
  identity.engine_id = text_at(container, "Id");
  identity.deployment = workload.deployment;
  identity.replica = replica;
  identity.started_at_ms = parse_engine_time(text_at(container, "State", "StartedAt")).value_or(0);
  co_return identity;
}

Task<std::vector<std::uint16_t>> PodmanEngine::host_ports_in_use() {
  auto containers = co_await list_containers({});
  if (!containers) co_return containers.error();
  std::set<std::uint16_t> ports;
  for (const json::Object& container : *containers) {
    const json::Value* value = container.find("Ports");
    if (value == nullptr || value->if_array() == nullptr) continue;
    for (const json::Value& entry : *value->if_array()) {
      if (entry.if_object() == nullptr) continue;
      const std::int64_t first = integer_at(*entry.if_object(), "host_port");
      const std::int64_t range = std::max<std::int64_t>(1, integer_at(*entry.if_object(), "range"));
      for (std::int64_t port = first; port < first + range && port <= 65535; ++port) {
        if (port > 0) ports.insert(static_cast<std::uint16_t>(port));
      }
    }
  }
  co_return std::vector<std::uint16_t>(ports.begin(), ports.end());
}

}  // namespace mifeng::cluster
