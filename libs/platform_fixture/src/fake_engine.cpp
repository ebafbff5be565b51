#include "mifeng/platform_fixture/fake_engine.h"

#include <algorithm>
#include <chrono>

namespace mifeng::platform_fixture {
namespace {

Error away_error() { return Error(ErrorCode::kUnavailable, "engine-unavailable", "The engine does not answer."); }

}  // namespace

FakeEngine::Change::Change(FakeEngine& engine, std::string deployment)
    : engine_(engine), deployment_(std::move(deployment)) {
  engine_.changing_.insert(deployment_);
  engine_.most_at_once = std::max(engine_.most_at_once, static_cast<int>(engine_.changing_.size()));
  engine_.overlapped = engine_.overlapped || engine_.changing_.count(deployment_) > 1;
}
FakeEngine::Change::~Change() { engine_.changing_.erase(engine_.changing_.find(deployment_)); }

void FakeEngine::hold(const std::string& deployment) {
  const std::lock_guard guard(hold_mutex_);
  held_.insert(deployment);
}

void FakeEngine::let_go(const std::string& deployment) {
  {
    const std::lock_guard guard(hold_mutex_);
    held_.erase(deployment);
  }
  hold_changed_.notify();
}

int FakeEngine::wait_for_held(int count) {
  std::unique_lock guard(hold_mutex_);
  waits_.wait_for(guard, std::chrono::seconds(30), [&] { return waiting_ >= count; });
  return waiting_;
}

int FakeEngine::wait_for_prunings(int count) {
  std::unique_lock guard(hold_mutex_);
  waits_.wait_for(guard, std::chrono::seconds(30), [&] { return prunings >= count; });
  return prunings;
}

cluster::Task<void> FakeEngine::wait_until_free(std::string deployment) {
  const auto is_held = [&](int step) {
    const std::lock_guard guard(hold_mutex_);
    const bool held = held_.contains(deployment);
    if (held) waiting_ += step;
    return held;
  };
  if (!is_held(1)) co_return ok();
  waits_.notify_all();
  for (;;) {
    const std::uint64_t seen = hold_changed_.count();
    if (!is_held(0)) break;
    co_await hold_changed_.wait(seen, std::chrono::seconds(10));
  }
  const std::lock_guard guard(hold_mutex_);
  --waiting_;
  co_return ok();
}

void FakeEngine::make(const cluster::Workload& workload, int slot) {
  cluster::Unit& unit = containers[unit_name(workload.deployment, slot)];
  if (unit.engine_id.empty()) unit.engine_id = "id-" + std::to_string(next_id_++);
  unit.name = unit_name(workload.deployment, slot);
  unit.deployment = workload.deployment;
  unit.revision = workload.revision;
  unit.restart = workload.restart;
  unit.state = fail_with.empty() ? cluster::UnitState::kRunning : cluster::UnitState::kFailed;
  unit.ready = false;
  unit.reason = fail_with;
  unit.reason_code.clear();
  unit.node_ports.clear();
  for (const auto& port : workload.node_ports) {
    if (port.slot != slot) continue;
    unit.node_ports.push_back(port);
    if (taken_ports.contains(port.node_port)) {
      unit.state = cluster::UnitState::kFailed;
      unit.reason_code = "port-taken";
      unit.reason = "host port " + std::to_string(port.node_port) + " is held by another program";
    }
  }
}

cluster::Task<cluster::ClusterFacts> FakeEngine::probe() {
  if (away) co_return away_error();
  co_return cluster::ClusterFacts{.version = "fake 1", .may = {}};
}

// As engine.h says, in one step and without a process.
cluster::Task<cluster::ApplyResult> FakeEngine::apply(cluster::Workload workload) {
  if (away) co_return away_error();
  if (workload.deployment == throws_for) throw std::runtime_error("no such thing");
  if (on_moment) on_moment("apply", workload.deployment);
  const Change change(*this, workload.deployment);
  auto waited = wait_until_free(workload.deployment);
  (void)co_await std::move(waited);
  ++applies;
  applied[workload.deployment] = workload;
  cluster::ApplyResult result;
  std::set<int> slots, used;
  for (const auto& port : workload.node_ports) slots.insert(port.slot);
  std::erase_if(containers, [&](const auto& item) {
    return item.second.deployment == workload.deployment && item.second.state == cluster::UnitState::kStopping;
  });
  std::vector<std::string> current, outdated;
  bool all_ready = true;
  for (auto& [name, unit] : containers) {
    if (unit.deployment != workload.deployment) continue;
    used.insert(unit.node_ports.empty() ? 0 : unit.node_ports.front().slot);
    if (unit.revision != workload.revision || unit.restart != workload.restart) {
      outdated.push_back(name);
      continue;
    }
    current.push_back(name);
    if (unit.state == cluster::UnitState::kFailed || unit.state == cluster::UnitState::kPending) {
      make(workload, unit.node_ports.empty() ? 0 : unit.node_ports.front().slot);
      result.changed = true;
    }
    all_ready = all_ready && unit.ready;
  }
  const auto free_slot = [&] {
    for (const int slot : slots)
      if (!used.contains(slot)) return slot;
    return -1;
  };
  const auto end = [&](const std::string& name) {
    containers.at(name).state = cluster::UnitState::kStopping;
    containers.at(name).ready = false;
    result.changed = true;
  };
  const auto add = [&] {
    const int slot = free_slot();
    if (slot < 0) return false;
    used.insert(slot);
    make(workload, slot);
    current.push_back(unit_name(workload.deployment, slot));
    return result.changed = true;
  };
  const auto wanted = static_cast<std::size_t>(workload.replicas);
  if (outdated.empty()) {
    while (current.size() < wanted && add()) continue;
  } else if (all_ready) {
    // Enough new ones: old ones go. Else one more new one, in a free slot or in an old one's.
    if (current.size() + outdated.size() > wanted || free_slot() < 0) {
      const auto idle = std::find_if(outdated.begin(), outdated.end(),
                                     [&](const std::string& name) { return !containers.at(name).ready; });
      const auto goes = idle == outdated.end() ? outdated.begin() : idle;
      end(*goes);
      outdated.erase(goes);
    } else {
      add();
    }
  }
  while (current.size() > wanted) {
    end(current.back());
    current.pop_back();
  }
  result.settled = outdated.empty() && current.size() == wanted;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == workload.deployment) {
      result.units.push_back(unit);
      if (unit.state == cluster::UnitState::kStopping) result.settled = false;
    }
  if (on_moment) on_moment("applied", workload.deployment);
  co_return result;
}

cluster::Task<std::vector<cluster::Unit>> FakeEngine::units(std::string deployment) {
  if (away) co_return away_error();
  if (deployment == throws_for) throw std::runtime_error("no such thing");
  // What was ended has gone meanwhile.
  std::erase_if(containers, [&](const auto& item) {
    return item.second.deployment == deployment && item.second.state == cluster::UnitState::kStopping;
  });
  std::vector<cluster::Unit> all;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == deployment) all.push_back(seen_before.contains(name) ? seen_before.at(name) : unit);
  co_return all;
}

cluster::Task<std::vector<cluster::Unit>> FakeEngine::all_units() {
  if (away) co_return away_error();
  std::vector<cluster::Unit> all;
  for (const auto& [name, unit] : containers) all.push_back(unit);
  co_return all;
}

cluster::Task<std::vector<cluster::Endpoint>> FakeEngine::endpoints(std::string deployment) {
  if (away) co_return away_error();
  std::vector<cluster::Endpoint> all;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == deployment && unit.state == cluster::UnitState::kRunning)
      for (const auto& port : unit.node_ports)
        all.push_back({.port_name = port.port_name,
                       .kind = cluster::EndpointKind::kUnit,
                       .unit = name,
                       .node_port = port.node_port});
  co_return all;
}

std::shared_ptr<void> FakeEngine::watch(Changed changed, std::chrono::milliseconds) {
  const std::lock_guard guard(watch_mutex_);
  changed_ = std::move(changed);
  return std::shared_ptr<void>(nullptr, [this](void*) {
    const std::lock_guard lock(watch_mutex_);
    changed_ = nullptr;
  });
}

void FakeEngine::tell(const std::string& deployment) {
  const std::lock_guard guard(watch_mutex_);
  if (changed_) changed_(deployment);
}

cluster::PortNeeds FakeEngine::ports_needed(const cluster::PodTemplate&, int replicas) const {
  return {.slots = replicas, .update_slots = 1};
}

cluster::Task<void> FakeEngine::restart(std::string name) {
  ++restarts;
  cluster::Unit& unit = containers.at(name);
  unit.state = cluster::UnitState::kRunning;
  unit.ready = false;
  unit.reason.clear();
  co_return ok();
}

cluster::Task<void> FakeEngine::remove(std::string deployment) {
  if (away) co_return away_error();
  const Change change(*this, deployment);
  auto waited = wait_until_free(deployment);
  (void)co_await std::move(waited);
  std::erase_if(containers, [&](const auto& item) { return item.second.deployment == deployment; });
  co_return ok();
}

cluster::Task<void> FakeEngine::remove_claims(std::vector<std::string> claims) {
  removed_claims.insert(removed_claims.end(), claims.begin(), claims.end());
  co_return ok();
}

cluster::Task<void> FakeEngine::remove_everything() {
  containers.clear();
  co_return ok();
}

cluster::Task<std::vector<cluster::Node>> FakeEngine::nodes() {
  if (away) co_return Error(ErrorCode::kUnavailable, "engine-unavailable", "away");
  cluster::Node node;
  node.name = "node1";
  node.ready = true;
  std::vector<cluster::Node> nodes;
  nodes.push_back(std::move(node));
  co_return nodes;
}

Result<std::vector<json::Object>> FakeEngine::objects(const cluster::Workload& workload) const {
  json::Object object{{"name", workload.deployment}, {"replicas", workload.replicas}};
  if (workload.door) object.set("tag", workload.door->tag);
  if (!workload.node_ports.empty()) object.set("port", static_cast<std::int64_t>(workload.node_ports[0].node_port));
  return std::vector<json::Object>{object};
}

cluster::Task<cluster::Capacity> FakeEngine::capacity() {
  if (away) co_return away_error();
  co_return cluster::Capacity{.cpu_millis = {.all = 4000, .free = 3000},
                              .memory_bytes = {.all = 8 << 20, .free = 4 << 20},
                              .accelerators = {},
                              .counts = counts};
}

cluster::Task<std::vector<cluster::Event>> FakeEngine::events(std::string deployment) {
  co_return std::vector<cluster::Event>{
      {.time_ms = 1, .unit = unit_name(deployment, 0), .action = "start", .detail = "it was started"}};
}

cluster::Task<void> FakeEngine::logs(std::string unit, cluster::LogOptions, cluster::LogSink sink) {
  for (const char* text : {"one", "two", "three"}) {
    cluster::LogLine line;
    line.text = unit + ": " + text;
    auto task = sink(std::move(line));
    auto done = co_await std::move(task);
    if (!done) co_return done;
  }
  co_return ok();
}

// Whoever speaks at a unit's socket is its guard here; a token is what token_units says.
Result<std::string> FakeEngine::unit_of(const cluster::Evidence& evidence) {
  const auto denied = [](const char* reason, const std::string& message) {
    return Error(ErrorCode::kPermissionDenied, reason, message);
  };
  if (const auto* token = std::get_if<cluster::TokenEvidence>(&evidence)) {
    tokens_shown.push_back(*token);
    const auto unit = token_units.find(token->token);
    if (unit == token_units.end()) return denied("bad-token", "the cluster does not know this token");
    if (!printed[unit->second].contains(token->request_sm3))
      return denied("not-in-log", "the guard's log has no such line");
    return unit->second;
  }
  const auto& peer = std::get<cluster::PeerEvidence>(evidence);
  shown.push_back(peer.unit);
  if (peer.pid <= 0) return denied("not-first-process", "it is another process");
  return peer.unit;
}

cluster::Task<cluster::Proof> FakeEngine::prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) {
  if (away) co_return away_error();
  const auto unit = unit_of(evidence);
  if (!unit) co_return unit.error();
  const auto found = containers.find(*unit);
  if (found == containers.end() || found->second.state != cluster::UnitState::kRunning)
    co_return Error(ErrorCode::kPermissionDenied, "not-running", "there is no unit " + *unit);
  for (const auto& candidate : candidates)
    if (candidate.deployment == found->second.deployment && candidate.revision == found->second.revision)
      co_return cluster::Proof{.unit = found->first,
                               .engine_id = found->second.engine_id,
                               .deployment = candidate.deployment,
                               .revision = candidate.revision,
                               .started_at_ms = found->second.started_at_ms.value_or(1)};
  co_return Error(ErrorCode::kPermissionDenied, "no-such-revision", "it runs a revision that nobody wants");
}

cluster::Task<std::vector<cluster::PortInUse>> FakeEngine::ports_in_use() {
  if (away) co_return away_error();
  std::vector<cluster::PortInUse> ports;
  for (const auto port : foreign_ports) ports.push_back({.port = port, .holder = "container foreign"});
  for (const auto& [name, unit] : containers)
    for (const auto& port : unit.node_ports) ports.push_back({.port = port.node_port, .holder = "container " + name});
  co_return ports;
}

cluster::Task<void> FakeEngine::pull(std::string, cluster::PullPolicy) { co_return ok(); }
cluster::Task<void> FakeEngine::prune_images(std::vector<std::string> keep) {
  {
    const std::lock_guard guard(hold_mutex_);
    ++prunings;
    kept_images = std::move(keep);
  }
  waits_.notify_all();
  co_return ok();
}

std::string FakeEngine::unit_name(const std::string& deployment, int slot) {
  return "mf-0a1b2c3d-" + deployment + "-" + std::to_string(slot);
}

void FakeEngine::set(const std::string& name, cluster::UnitState state, bool ready, const std::string& reason) {
  cluster::Unit& unit = containers.at(name);
  unit.state = state;
  unit.ready = ready;
  unit.reason = reason;
}

void FakeEngine::make_all_ready() {
  for (auto& [name, unit] : containers) {
    if (unit.state == cluster::UnitState::kStopping) continue;
    unit.state = cluster::UnitState::kRunning;
    unit.ready = true;
    unit.reason.clear();
  }
}

}  // namespace mifeng::platform_fixture
