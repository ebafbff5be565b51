#include "podman_engine.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "mifeng/cluster/json_path.h"
#include "mifeng/os/file.h"
#include "podman_isolation.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kImageEnvMax = 256;

// One that goes while it is looked at answers 500.
bool is_gone(const PodmanAnswer& answer) {
  return answer.status == 404 || (!answer.success() && (answer.message.find("no such container") != std::string::npos ||
                                                        answer.message.find("been removed") != std::string::npos));
}

}  // namespace

Error engine_error(const PodmanAnswer& answer, const std::string& doing) {
  const ErrorCode code = answer.status == 404   ? ErrorCode::kNotFound
                         : answer.status == 409 ? ErrorCode::kConflict
                                                : ErrorCode::kInternal;
  return Error(code, "engine-refused", doing + ": " + answer.message);
}

bool is_engine_away(const Error& error) {
  return error.reason() == "engine-unavailable" || error.reason() == "engine-slow";
}

Result<std::unique_ptr<Engine>> create_podman_engine(const PodmanOptions& options, const Clock& clock) {
  const auto bad = [](const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-options", what); };
  if (options.installation.size() < 8 ||
      options.installation.find_first_not_of("0123456789abcdef") != std::string::npos)
    return bad("the installation id must be at least 8 hex digits");
  if (!options.sockets_dir.is_absolute()) return bad("the folder of the sockets must be an absolute path");
  if (!options.start_dir.is_absolute()) return bad("the folder of mifeng-start must be an absolute path");
  PodmanFrame frame;
  frame.installation = options.installation;
  frame.sockets_dir = options.sockets_dir.lexically_normal();
  frame.start_dir = options.start_dir.lexically_normal();
  frame.host_ip = options.host_ip;
  frame.network = std::string(kGuardBridge) + options.installation.substr(0, 8);
  const auto hard_limit = [](auto resource, std::int64_t at_most) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return at_most;
    return std::min(at_most, static_cast<std::int64_t>(limit.rlim_max));
  };
  frame.nofile = hard_limit(RLIMIT_NOFILE, 65536);
  // The kernel counts processes by uid, over all replicas of a deployment: what bounds one model is its pids cgroup.
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

PodmanEngine::~PodmanEngine() {
  std::shared_ptr<Subscription> subscription;
  {
    const std::lock_guard guard(mutex_);
    subscription = std::move(subscription_);
  }
  if (subscription) subscription->end();
}

Task<ClusterFacts> PodmanEngine::probe() {
  auto answer = co_await get("/version");
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr)
    co_return Error(ErrorCode::kUnavailable, "engine-unavailable",
                    "the container engine does not answer as Podman does: " + answer->message);
  ClusterFacts facts;
  facts.version = "podman " + text_at(*answer->object(), "Version");
  co_return facts;
}

Task<std::optional<json::Object>> PodmanEngine::inspect(std::string name) {
  auto answer = co_await get("/containers/" + name + "/json");
  if (!answer) co_return answer.error();
  if (is_gone(*answer)) co_return std::optional<json::Object>();
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
  if (answer->status == 404) co_return std::vector<std::string>();
  if (!answer->success() || answer->object() == nullptr) co_return engine_error(*answer, "look at image " + id);
  std::vector<std::string> env = texts_at(*answer->object(), "Config", "Env");
  const std::lock_guard guard(mutex_);
  if (image_env_.size() >= kImageEnvMax) image_env_.clear();
  image_env_[id] = env;
  co_return env;
}

Task<PodmanEngine::UnitInspected> PodmanEngine::look_into(std::string unit) {
  UnitInspected both;
  auto guard = co_await inspect(unit);
  if (!guard) co_return guard.error();
  both.guard = std::move(*guard);
  if (!both.guard) co_return both;
  auto model = co_await inspect(container_name(unit, Part::kModel));
  // Somebody else's under that name is none of the unit's.
  if (!model && model.error().code() != ErrorCode::kPermissionDenied) co_return model.error();
  if (model) both.model = std::move(*model);
  co_return both;
}

Task<std::optional<std::string>> PodmanEngine::drift_of(const Workload& workload, int slot, const UnitInspected& unit) {
  Inspected guard{&*unit.guard, {}};
  auto env = co_await image_env(*unit.guard);
  if (!env) co_return env.error();
  guard.image_env = std::move(*env);
  Inspected model;
  if (unit.model) {
    model.container = &*unit.model;
    auto its_env = co_await image_env(*unit.model);
    if (!its_env) co_return its_env.error();
    model.image_env = std::move(*its_env);
  }
  co_return find_drift(frame_, workload, slot, guard, model);
}

Task<std::vector<json::Object>> PodmanEngine::list_containers(std::string query) {
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

Task<std::vector<json::Object>> PodmanEngine::list_ours(std::string deployment) {
  std::vector<std::string> labels{std::string(kLabelInstallation) + "=" + frame_.installation};
  if (!deployment.empty()) labels.push_back(std::string(kLabelDeployment) + "=" + deployment);
  auto containers = co_await list_containers("&" + label_filter(labels));
  if (!containers) co_return containers.error();
  // Podman may take what has any of several labels.
  std::erase_if(*containers, [&](const json::Object& one) {
    return text_at(one, "Labels", kLabelInstallation) != frame_.installation ||
           (!deployment.empty() && text_at(one, "Labels", kLabelDeployment) != deployment);
  });
  co_return std::move(*containers);
}

Task<std::vector<Unit>> PodmanEngine::units(std::string deployment) {
  if (!is_live_) {
    auto looked = co_await look_closely(deployment);
    if (!looked) co_return looked.error();
  }
  co_return view_.units(deployment);
}

Task<std::vector<Unit>> PodmanEngine::all_units() { return units(""); }

Task<std::vector<Endpoint>> PodmanEngine::endpoints(std::string deployment) {
  if (!is_live_) {
    auto looked = co_await look_at(deployment);
    if (!looked) co_return looked.error();
  }
  std::vector<Endpoint> endpoints;
  for (const Unit& unit : view_.units(deployment)) {
    if (unit.state != UnitState::kRunning) continue;
    for (const NodePort& port : unit.node_ports)
      endpoints.push_back({port.port_name, EndpointKind::kUnit, unit.name, port.node_port});
  }
  co_return endpoints;
}

Result<std::vector<json::Object>> PodmanEngine::objects(const Workload&) const {
  return Error(
      ErrorCode::kConflict, "no-objects",
      "This cluster is one machine with Podman, where nothing is made of Kubernetes' objects: name a Kubernetes "
      "cluster (--cluster).");
}

Task<std::vector<Event>> PodmanEngine::events(std::string deployment) { co_return view_.events(deployment); }

}  // namespace mifeng::cluster
