// One step of a deployment towards what is wanted.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "mifeng/cluster/json_path.h"
#include "podman_engine.h"
#include "podman_isolation.h"
#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

// A subnet of 10.64.0.0/10 that belongs to this installation, so that two of them on one machine need not ask each
// other; `attempt` gives the next where somebody has that one.
std::string subnet_of(const std::string& installation, unsigned attempt) {
  unsigned hash = 2166136261U + attempt * 7919U;
  for (const char c : installation) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return "10." + std::to_string(64 + (hash >> 8) % 64) + "." + std::to_string(hash >> 16 & 0xFF) + ".0/24";
}

// The name of a bridge, of at most 15 characters, that no other installation chooses.
std::string bridge_of(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string name(kModelBridge);
  for (int shift = 44; shift >= 0; shift -= 4) name += kHex[hash >> shift & 0xF];
  return name;
}

std::vector<NodePort> ports_of(const Workload& workload, int slot) {
  std::vector<NodePort> ports;
  for (const ContainerPort& port : workload.pod.ports) {
    for (const NodePort& node : workload.node_ports) {
      if (node.slot == slot && node.port_name == port.name) ports.push_back(node);
    }
  }
  return ports;
}

// A unit that could not be made, for the reason that is given.
Unit unmade(const Workload& workload, std::string name, int slot, const Error& why) {
  Unit unit;
  unit.name = std::move(name);
  unit.deployment = workload.deployment;
  unit.revision = workload.revision;
  unit.restart = workload.restart;
  unit.state = UnitState::kFailed;
  unit.reason = why.message();
  unit.reason_code = why.reason();
  unit.node_ports = ports_of(workload, slot);
  return unit;
}

}  // namespace

Step PodmanEngine::plan(const Workload& workload, const std::vector<Known>& known) const {
  const std::vector<int> slots = whole_slots(workload);
  std::vector<Placed> placed;
  for (const Known& one : known) {
    Placed unit;
    unit.slot = one.slot;
    unit.state = one.unit.state;
    unit.ready = one.unit.ready;
    unit.wanted = one.unit.revision == workload.revision && one.unit.restart == workload.restart && one.compared &&
                  !one.drift && std::find(slots.begin(), slots.end(), one.slot) != slots.end();
    placed.push_back(unit);
  }
  return plan_step(placed, workload.replicas, slots);
}

Task<ApplyResult> PodmanEngine::apply(Workload workload) {
  MIFENG_CO_CHECK(validate(workload));
  const auto held = co_await deployments_.acquire(workload.deployment);
  if (has_network(workload.pod)) {
    isolates_models_ = true;
    auto isolated = co_await filter_packets(isolate_models);
    if (!isolated) co_return isolated.error();
  }
  if (!isolates_guards_.exchange(true)) co_await keep_guards_apart();
  auto wanted = view_.want(workload);
  auto looked = co_await look_closely(workload.deployment);
  if (!looked) co_return looked.error();
  auto swept = co_await sweep(workload.deployment);
  if (!swept) co_return swept.error();
  ApplyResult result;
  auto taken = co_await take_step(wanted, result);
  if (!taken) co_return taken.error();
  result.units = view_.units(workload.deployment);
  std::vector<Known> made = view_.known(workload.deployment);
  std::erase_if(made, [](const Known& one) { return !one.is_made; });
  result.settled = plan(*wanted, made).settled;
  co_return result;
}

Task<void> PodmanEngine::take_step(std::shared_ptr<const Workload> workload, ApplyResult& result) {
  std::vector<Known> known = view_.known(workload->deployment);
  std::erase_if(known, [](const Known& one) { return !one.is_made; });
  const Step step = plan(*workload, known);
  result.changed = !step.end.empty() || !step.start.empty() || !step.make.empty();
  for (const std::size_t i : step.end) begin_ending(known[i]);
  view_.forget_unmade(workload->deployment);
  std::vector<std::string> started;
  for (const std::size_t i : step.start) {
    auto done = co_await start(known[i].unit, known[i].slot);
    // One unit's trouble is told and stops no other; an engine that does not answer stops all.
    if (!done && is_engine_away(done.error())) co_return done.error();
    if (done) started.push_back(known[i].unit.name);
  }
  for (const int slot : step.make) {
    const std::string name = unit_name(frame_, workload->deployment, slot);
    auto done = co_await make(*workload, slot);
    if (!done && is_engine_away(done.error())) co_return done.error();
    if (done) {
      started.push_back(name);
      continue;
    }
    if (const auto seen = view_.find(name)) continue;  // made and not started: start() has noted why
    view_.note_failure(unmade(*workload, name, slot, done.error()), slot);
    const std::lock_guard guard(mutex_);
    swept_.erase(workload->deployment);  // a volume may have been made already
  }
  if (!is_live_) co_await ask_health_of(std::move(started), kHealthMax);
  co_return ok();
}

Task<void> PodmanEngine::make(const Workload& workload, int slot) {
  const std::string name = unit_name(frame_, workload.deployment, slot);
  auto there = co_await inspect(name);
  if (!there) co_return there.error();
  if (*there) co_return Error(ErrorCode::kConflict, "engine-refused", "container " + name + " is there already");
  for (const Part part : {Part::kGuard, Part::kModel}) {
    const ContainerTemplate& container = template_of(workload.pod, part);
    auto pulled = co_await pull(container.image, container.pull_policy);
    if (!pulled) co_return pulled.error();
  }
  auto network = co_await ensure_network();
  if (!network) co_return network.error();
  if (has_network(workload.pod)) {
    auto of_model = co_await ensure_model_network(workload, slot);
    if (!of_model) co_return of_model.error();
  }
  // Made before the container and never anew while it exists: the container sees this very folder.
  std::error_code error;
  std::filesystem::create_directories(frame_.sockets_dir / name, error);
  if (error) co_return errno_error(error.value(), "make " + (frame_.sockets_dir / name).string());
  // The guard's last, since it makes the unit: a try that ended before it has left no unit, and is begun anew.
  const std::string model = container_name(name, Part::kModel);
  auto half = co_await inspect(model);
  if (!half) co_return half.error();
  if (*half) {
    auto removed = co_await remove_container(model);
    if (!removed) co_return removed.error();
  }
  auto volumes = co_await make_volumes(workload, slot);
  if (!volumes) co_return volumes.error();
  for (const Part part : {Part::kModel, Part::kGuard}) {
    auto made = co_await make_container(workload, slot, part);
    if (!made) co_return made.error();
  }
  auto looked = co_await refresh(name);
  if (!looked) co_return looked.error();
  const auto seen = view_.find(name);
  if (!seen) co_return Error(ErrorCode::kInternal, "engine-refused", "container " + name + " went at once");
  co_return co_await start(seen->unit, slot);
}

Task<void> PodmanEngine::make_container(const Workload& workload, int slot, Part part) {
  const std::string name = container_name(unit_name(frame_, workload.deployment, slot), part);
  json::Object body = render_container(frame_, workload, slot, part);
  auto made = co_await post("/containers/create", std::move(body), Patience::kStart);
  if (!made) co_return made.error();
  if (!made->success()) co_return engine_error(*made, "make container " + name);
  co_return ok();
}

Task<void> PodmanEngine::make_volume(json::Object volume, std::string name) {
  const bool is_shared = volume.find("Options") != nullptr;
  volume.set("Name", name);
  for (bool again = false;; again = true) {
    auto made = co_await post("/volumes/create", volume, Patience::kQuick);
    if (!made) co_return made.error();
    if (made->success()) co_return ok();
    if (made->message.find("already exists") == std::string::npos)
      co_return engine_error(*made, "make the volume " + name);
    // One that a try half-way left behind is ours and empty; a shared one may be of another size.
    if (!is_shared) co_return ok();
    if (again) co_return engine_error(*made, "make the volume " + name);
    auto found = co_await get("/volumes/" + name + "/json");
    if (!found) co_return found.error();
    if (found->object() != nullptr && text_at(*found->object(), "Labels", kLabelInstallation) != frame_.installation)
      co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                      "the volume " + name + " does not belong to this installation of Mifeng");
    auto removed = co_await erase("/volumes/" + name, Patience::kQuick);
    if (!removed) co_return removed.error();
    if (!removed->success() && removed->status != 404)
      co_return engine_error(*removed, "remove the volume " + name + " of a former unit");
  }
}

Task<void> PodmanEngine::make_volumes(const Workload& workload, int slot) {
  const std::string unit = unit_name(frame_, workload.deployment, slot);
  const auto labels = [&](const std::string& volume) {
    return json::Object{{std::string(kLabelInstallation), frame_.installation},
                        {std::string(kLabelDeployment), workload.deployment},
                        {std::string(kLabelSlot), std::to_string(slot)},
                        {std::string(kLabelVolume), volume}};
  };
  for (const SharedFolder& folder : workload.pod.shared) {
    json::Object volume{
        {"Label", labels("shared." + folder.name)},
        {"Options",
         json::Object{{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", shared_volume_options(folder, workload.pod)}}}};
    auto made = co_await make_volume(std::move(volume), shared_volume_name(unit, folder));
    if (!made) co_return made.error();
  }
  for (const ScratchMount& scratch : workload.pod.scratch_mounts) {
    json::Object volume{{"Label", labels(scratch.volume)}};
    const std::string name = volume_name(frame_, workload.deployment, slot, scratch.volume);
    auto made = co_await make_volume(std::move(volume), name);
    if (!made) co_return made.error();
  }
  for (const ClaimMount& claim : workload.pod.claim_mounts) {
    json::Object volume{{"Label", json::Object{{std::string(kLabelInstallation), frame_.installation},
                                               {std::string(kLabelClaim), claim.claim}}}};
    const std::string name = claim_volume_name(frame_, claim.claim);
    auto made = co_await make_volume(std::move(volume), name);
    if (!made) co_return made.error();
  }
  co_return ok();
}

// The model's first: it waits for its guard, and where one of the two cannot be started nothing serves beside it.
Task<void> PodmanEngine::start(const Unit& unit, int slot) {
  const std::string model = container_name(unit.name, Part::kModel);
  // Of a run before this one, which ends with its guard.
  auto half = co_await inspect(model);
  if (!half) co_return half.error();
  if (*half && bool_at(**half, "State", "Running")) {
    auto stopped = co_await post("/containers/" + model + "/stop?timeout=2", std::nullopt, Patience::kStop);
    if (!stopped) co_return stopped.error();
  }
  auto started = co_await start_container(model, unit, slot);
  if (started) {
    started = co_await start_container(unit.name, unit, slot);
    if (!started) (void)co_await post("/containers/" + model + "/stop?timeout=0", std::nullopt, Patience::kStop);
  }
  if (!started) co_return started.error();
  view_.forget_failure(unit.name);
  co_return co_await refresh(unit.name);
}

Task<void> PodmanEngine::start_container(std::string name, const Unit& unit, int slot) {
  auto answer = co_await post("/containers/" + name + "/start", std::nullopt, Patience::kStart);
  if (!answer) co_return answer.error();
  if (answer->success() || answer->status == 304) co_return ok();
  const Explained why = explain_start_failure(answer->message, unit.node_ports);
  Unit failed = unit;
  failed.state = UnitState::kFailed;
  failed.reason = why.sentence;
  failed.reason_code = why.code;
  view_.note_failure(failed, slot);
  co_return Error(ErrorCode::kUnavailable, why.code, why.sentence);
}

Task<void> PodmanEngine::restart(std::string unit) {
  auto looked = co_await refresh(unit);
  if (!looked) co_return looked.error();
  auto seen = view_.find(unit);
  if (!seen) {
    auto inspected = co_await inspect(unit);  // not ours, or not there
    if (!inspected) co_return inspected.error();
    co_return Error(ErrorCode::kNotFound, "no-such-unit", "there is no container " + unit);
  }
  const auto held = co_await deployments_.acquire(seen->unit.deployment);
  looked = co_await refresh(unit);
  if (!looked) co_return looked.error();
  seen = view_.find(unit);
  if (!seen || view_.is_ending(unit))
    co_return Error(ErrorCode::kNotFound, "no-such-unit", "there is no container " + unit);
  if (seen->unit.state == UnitState::kRunning) co_return ok();
  co_return co_await start(seen->unit, seen->slot);
}

Task<void> PodmanEngine::ensure_network() {
  const auto held = co_await deployments_.acquire("/network");  // no deployment has that name
  json::Object labels{{std::string(kLabelInstallation), frame_.installation}};
  co_return co_await make_network(frame_.network, frame_.network, std::move(labels));
}

Task<void> PodmanEngine::ensure_model_network(const Workload& workload, int slot) {
  const std::string unit = unit_name(frame_, workload.deployment, slot);
  const auto held = co_await deployments_.acquire("/network");
  json::Object labels{{std::string(kLabelInstallation), frame_.installation},
                      {std::string(kLabelDeployment), workload.deployment},
                      {std::string(kLabelSlot), std::to_string(slot)}};
  const std::string name = model_network_name(unit);
  const std::string interface = bridge_of(frame_.installation + name);
  co_return co_await make_network(name, interface, std::move(labels));
}

Task<void> PodmanEngine::filter_packets(Result<void> (*rules)(const std::vector<std::string>&)) {
  auto ensure = [rules, filter = options_.packet_filter] { return rules(filter); };
  co_return co_await net::run_blocking(filter_, std::move(ensure));
}

// A machine without it serves as before, and its operator reads why: once, not at each resync.
boost::asio::awaitable<void> PodmanEngine::keep_guards_apart() {
  auto isolated = co_await filter_packets(isolate_guards);
  const bool was_told = told_no_isolation_.exchange(!isolated);
  if (!isolated && !was_told) spdlog::error("{}", isolated.error().message());
}

Task<void> PodmanEngine::make_network(std::string name, std::string interface, json::Object labels) {
  auto found = co_await get("/networks/" + name + "/json");
  if (!found) co_return found.error();
  if (found->success() && found->object() != nullptr) {
    if (text_at(*found->object(), "labels", kLabelInstallation) == frame_.installation) co_return ok();
    co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                    "the container network " + name + " does not belong to this installation of Mifeng");
  }
  std::string why;
  for (unsigned attempt = 0; attempt < 16; ++attempt) {
    // Isolated bridges do not reach each other, as long as netavark's rules stand; see podman_isolation.h.
    json::Object network{
        {"name", name},
        {"driver", "bridge"},
        {"network_interface", interface},
        {"dns_enabled", false},
        {"options", json::Object{{"isolate", "true"}}},
        {"subnets", json::Array{json::Object{{"subnet", subnet_of(frame_.installation + name, attempt)}}}},
        {"labels", labels}};
    auto made = co_await post("/networks/create", std::move(network), Patience::kQuick);
    if (!made) co_return made.error();
    if (made->success()) co_return ok();
    why = made->message;
    if (why.find("subnet") == std::string::npos) break;
  }
  co_return Error(ErrorCode::kUnavailable, "no-network",
                  "the container engine could not make the network " + name + ": " + why);
}

}  // namespace mifeng::cluster
