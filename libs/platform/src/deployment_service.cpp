#include "mifeng/platform/deployment_service.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "audit_log.h"
#include "batches.h"
#include "core.h"
#include "deployment_rows.h"
#include "instances.h"
#include "mifeng/net/runtime.h"
#include "port_plan.h"
#include "route_rows.h"

namespace mifeng::platform {
namespace {

constexpr std::pair<DeploymentState, std::string_view> kStates[] = {
    {DeploymentState::kPending, "pending"},  {DeploymentState::kStarting, "starting"},
    {DeploymentState::kReady, "ready"},      {DeploymentState::kDegraded, "degraded"},
    {DeploymentState::kFailed, "failed"},    {DeploymentState::kStopped, "stopped"},
    {DeploymentState::kDeleting, "deleting"}};

int wanted_replicas(const DeploymentRequest& request, const manifest::DeploymentConfig& config) {
  return request.replicas.value_or(config.replicas);
}

// Replica by replica, each with the config's ports in order.
std::vector<PlannedPort> assign(Core& core, const std::string& deployment_id, const manifest::DeploymentConfig& config,
                                int first_replica, int replicas, const std::vector<int>& node_ports) {
  std::vector<PlannedPort> planned;
  std::size_t next = 0;
  for (int replica = first_replica; replica < replicas; ++replica)
    for (const auto& port : config.ports)
      planned.push_back({.replica = replica_name(core, deployment_id, replica),
                         .port_name = port.name,
                         .container_port = port.container_port,
                         .node_port = node_ports[next++]});
  return planned;
}

Result<std::vector<int>> choose_ports(const PortMap& map, const std::vector<int>& asked, int needed) {
  if (asked.empty()) return map.lowest_free(needed);
  if (static_cast<int>(asked.size()) != needed)
    return Error(ErrorCode::kInvalidArgument, "bad-ports",
                 "ports: " + std::to_string(needed) + " are needed (replicas times container ports), " +
                     std::to_string(asked.size()) + " were given.");
  std::set<int> seen;
  for (const int port : asked) {
    MIFENG_CHECK(map.check_free(port));
    if (!seen.insert(port).second)
      return Error(ErrorCode::kInvalidArgument, "bad-ports", "ports: " + std::to_string(port) + " is given twice.");
  }
  return asked;
}

// Rows for the replicas from `first` on, and their ports.
Result<void> add_replicas(Core& core, store::Transaction& tx, const std::string& deployment_id,
                          const manifest::DeploymentConfig& config, int first, int replicas,
                          const std::vector<int>& node_ports) {
  const auto planned = assign(core, deployment_id, config, first, replicas, node_ports);
  std::size_t next = 0;
  for (int number = first; number < replicas; ++number) {
    store::ReplicaRow row;
    row.deployment_id = deployment_id;
    row.number = number;
    row.name = replica_name(core, deployment_id, number);
    row.state = "waiting";
    MIFENG_CHECK(store::insert(tx, row));
    for (std::size_t i = 0; i < config.ports.size(); ++i, ++next)
      MIFENG_CHECK(store::insert(tx, store::UsedPortRow{.port = planned[next].node_port,
                                                        .deployment_id = deployment_id,
                                                        .replica_number = number,
                                                        .replica = row.name,
                                                        .port_name = planned[next].port_name,
                                                        .container_port = planned[next].container_port,
                                                        .reserved_ms = core.clock.now_ms()}));
  }
  return ok();
}

Result<Deployment> create_in(Core& core, store::Transaction& tx, const Actor& actor, const DeploymentRequest& request,
                             const std::set<int>& host, const std::string& batch_id) {
  MIFENG_CHECK(check_label("name", request.name, 32));
  MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
  if (same)
    return Error(ErrorCode::kConflict, "name-taken",
                 "There is a deployment \"" + request.name + "\" already (" + same->id + "). Choose another name.");
  MIFENG_TRY(const Prepared prepared, prepare(tx, request));
  const int replicas = wanted_replicas(request, prepared.config);
  MIFENG_TRY(const PortMap map, load_ports(tx, host));
  MIFENG_TRY(const auto node_ports,
             choose_ports(map, request.ports, replicas * static_cast<int>(prepared.config.ports.size())));
  store::DeploymentRow row;
  row.id = request.name + "-" + core.random.hex(3);
  row.name = request.name;
  row.version_id = prepared.model.id;
  row.vendor_id = prepared.model.vendor_id;
  row.model = prepared.model.name;
  row.version = prepared.model.version;
  row.replicas = replicas;
  row.state = "pending";
  row.reason = "waits for its turn";
  row.grade = "L1";
  row.batch_id = batch_id;
  row.created_by = actor.name;
  row.created_ms = row.changed_ms = core.clock.now_ms();
  // Ports and route have rows of their own; the rest of the request is what the template is rendered from.
  DeploymentRequest overlay = request;
  overlay.ports.clear();
  overlay.route.reset();
  row.overlay_json = json::serialize(request_json(overlay));
  MIFENG_CHECK(render(core, prepared, row.id));  // what cannot be rendered is refused now, not later
  MIFENG_CHECK(store::insert(tx, row));
  MIFENG_CHECK(add_replicas(core, tx, row.id, prepared.config, 0, replicas, node_ports));
  if (request.route) {
    Route route;
    static_cast<RouteInput&>(route) = *request.route;
    if (route.forward.empty()) route.forward = "mifeng://" + row.id;
    MIFENG_CHECK(check_route(tx, route));
    if (route.deployment_id != row.id)
      return Error(ErrorCode::kInvalidArgument, "bad-forward",
                   "route.forward: a route that is made with a deployment leads to it; leave it empty.");
    route.id = new_id(core, "rt-");
    route.created_ms = route.changed_ms = core.clock.now_ms();
    // The prefix is taken from now on; the reconciler opens it once the deployment answers.
    row.route_json = route.enabled ? route.id : "";
    route.enabled = false;
    MIFENG_TRY(const auto route_row, row_of(route));
    MIFENG_CHECK(store::insert(tx, route_row));
    MIFENG_CHECK(store::update(tx, row));
    MIFENG_CHECK(audit(core, tx, actor, "route.create", route.id, route.prefix + " to " + route.forward));
  }
  MIFENG_CHECK(
      audit(core, tx, actor, "deployment.create", row.id,
            row.vendor_id + "/" + row.model + "/" + row.version + ", " + std::to_string(replicas) + " replica(s)"));
  return deployment_of(tx, row);
}

}  // namespace

std::string_view to_string(DeploymentState state) {
  for (const auto& [value, name] : kStates)
    if (value == state) return name;
  return "";
}

Result<DeploymentState> parse_deployment_state(std::string_view text) {
  for (const auto& [value, name] : kStates)
    if (name == text) return value;
  return Error(ErrorCode::kInvalidArgument, "unknown-state",
               "A deployment is pending, starting, ready, degraded, failed, stopped or deleting.");
}

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::kL0: return "L0";
    case Grade::kL1: return "L1";
    case Grade::kL2: return "L2";
    case Grade::kL3: return "L3";
  }
  return "";
}

Result<Grade> parse_grade(std::string_view text) {
  for (const auto grade : {Grade::kL0, Grade::kL1, Grade::kL2, Grade::kL3})
    if (to_string(grade) == text) return grade;
  return Error(ErrorCode::kInternal, "bad-row", "A grade is L0 to L3.");
}

Result<DeploymentPlan> DeploymentService::plan(const Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_CHECK(check_label("name", request.name, 32));
  MIFENG_TRY(const auto host, host_ports(core_));
  return core_.db->read([&](store::Transaction& tx) -> Result<DeploymentPlan> {
    MIFENG_TRY(const Prepared prepared, prepare(tx, request));
    DeploymentPlan plan;
    plan.vendor_id = prepared.model.vendor_id;
    plan.model = prepared.model.name;
    plan.version = prepared.model.version;
    plan.replicas = wanted_replicas(request, prepared.config);
    MIFENG_TRY(const PortMap map, load_ports(tx, host));
    MIFENG_TRY(const auto ports,
               choose_ports(map, request.ports, plan.replicas * static_cast<int>(prepared.config.ports.size())));
    const std::string id = request.name + "-000000";
    plan.ports = assign(core_, id, prepared.config, 0, plan.replicas, ports);
    MIFENG_TRY(const auto pod, render(core_, prepared, id));
    plan.rendered_json = pod_json(pod);
    MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
    if (same) plan.warnings.push_back("There is a deployment \"" + request.name + "\" already.");
    if (plan.replicas == 0) plan.warnings.push_back("With no replica nothing will run.");
    if (request.route) {
      MIFENG_CHECK(check_prefix(request.route->prefix));
      MIFENG_TRY(auto taken, store::route_by_prefix(tx, request.route->prefix));
      if (taken)
        plan.warnings.push_back("The prefix " + request.route->prefix + " is taken by the route " + taken->id + ".");
      if (request.route->open) plan.warnings.push_back("The route is open: it needs no API key.");
    }
    return plan;
  });
}

Result<Deployment> DeploymentService::create(const Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_TRY(const auto host, host_ports(core_));
  auto made = core_.db->write([&](store::Transaction& tx) { return create_in(core_, tx, actor, request, host, ""); });
  if (made) core_.deployments_changed.notify();
  return made;
}

namespace {

Result<Batch> load_batch(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
  if (!row) return not_found("batch", id);
  Batch batch;
  batch.id = id;
  batch.created_ms = row->created_ms;
  MIFENG_TRY(const auto items, store::batch_items_of(tx, id));
  for (const auto& item : items) {
    MIFENG_TRY(auto request, parse_request(item.request_json));
    batch.items.push_back({.request = std::move(request), .deployment_id = item.deployment_id, .error = item.error});
  }
  return batch;
}

// Every item that has neither a deployment nor an error yet. Each has a transaction of its own in which its deployment
// and this are stored together, so a batch that was broken off goes on where it stood.
Result<void> run_batch(Core& core, const Actor& actor, const std::string& id) {
  MIFENG_TRY(const auto host, host_ports(core));
  MIFENG_TRY(const auto items, core.db->read([&](store::Transaction& tx) { return store::batch_items_of(tx, id); }));
  for (const auto& item : items) {
    if (!item.deployment_id.empty() || !item.error.empty()) continue;
    // Read again in each transaction: two threads may be at the same batch.
    const auto still_open = [&](store::Transaction& tx) -> Result<bool> {
      MIFENG_TRY(const auto row, store::find<store::BatchItemRow>(tx, item.batch_id, item.number));
      return row && row->deployment_id.empty() && row->error.empty();
    };
    auto done = core.db->write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const bool open, still_open(tx));
      if (!open) return ok();
      MIFENG_TRY(const auto request, parse_request(item.request_json));
      MIFENG_TRY(const auto made, create_in(core, tx, actor, request, host, id));
      store::BatchItemRow row = item;
      row.deployment_id = made.id;
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    });
    if (done) continue;
    if (done.error().code() == ErrorCode::kUnavailable) return done;
    MIFENG_DO(core.db->write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const bool open, still_open(tx));
      if (!open) return ok();
      store::BatchItemRow row = item;
      row.error = done.error().message();
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    }));
  }
  return ok();
}

}  // namespace

Result<void> resume_batches(Core& core) {
  MIFENG_TRY(const auto open, core.db->read([](store::Transaction& tx) { return store::open_batches(tx); }));
  for (const auto& row : open) {
    Actor actor = Actor::system();
    actor.name = row.created_by;
    MIFENG_CHECK(run_batch(core, actor, row.id));
  }
  return ok();
}

Result<Batch> DeploymentService::create_batch(const Actor& actor, const std::vector<DeploymentRequest>& requests) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  if (requests.empty() || requests.size() > 500)
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "A batch has 1 to 500 items.");
  MIFENG_TRY(const std::string id, core_.db->write([&](store::Transaction& tx) -> Result<std::string> {
    store::BatchRow row{.id = new_id(core_, "ba-"), .created_by = actor.name, .created_ms = core_.clock.now_ms()};
    MIFENG_CHECK(store::insert(tx, row));
    std::int64_t number = 0;
    for (const auto& request : requests)
      MIFENG_CHECK(store::insert(
          tx, store::BatchItemRow{
                  .batch_id = row.id, .number = number++, .request_json = json::serialize(request_json(request))}));
    MIFENG_CHECK(audit(core_, tx, actor, "batch.create", row.id, std::to_string(requests.size()) + " items"));
    return row.id;
  }));
  MIFENG_CHECK(run_batch(core_, actor, id));
  core_.deployments_changed.notify();
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::batch(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kReadDeployments));
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Batch> DeploymentService::retry_batch(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_DO(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::BatchRow>(tx, id));
    if (!row) return not_found("batch", id);
    MIFENG_TRY(auto items, store::batch_items_of(tx, id));
    for (auto& item : items) {
      if (item.error.empty()) continue;
      item.error.clear();
      MIFENG_CHECK(store::update(tx, item));
    }
    return audit(core_, tx, actor, "batch.retry", id);
  }));
  MIFENG_CHECK(run_batch(core_, actor, id));
  core_.deployments_changed.notify();
  return core_.db->read([&](store::Transaction& tx) { return load_batch(tx, id); });
}

Result<Deployment> DeploymentService::get(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kReadDeployments));
  return core_.db->read([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return not_found("deployment", id);
    return deployment_of(tx, *row);
  });
}

Result<Page<Deployment>> DeploymentService::list(const Actor& actor, const DeploymentQuery& query,
                                                 const PageRequest& page) {
  MIFENG_CHECK(require(actor, Permission::kReadDeployments));
  MIFENG_TRY(const auto window, window_of(page));
  if (!query.state.empty()) MIFENG_CHECK(parse_deployment_state(query.state));
  return core_.db->read([&](store::Transaction& tx) -> Result<Page<Deployment>> {
    MIFENG_TRY(const auto slice, store::search_deployments(tx, query.text, query.state, query.version_id, window));
    Page<Deployment> deployments;
    deployments.total = slice.total;
    for (const auto& row : slice.rows) {
      MIFENG_TRY(auto deployment, deployment_of(tx, row));
      deployments.items.push_back(std::move(deployment));
    }
    return deployments;
  });
}

Result<Deployment> DeploymentService::scale(const Actor& actor, const std::string& id, int replicas) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  if (replicas < 0 || replicas > 64) return Error(ErrorCode::kInvalidArgument, "bad-replicas", "replicas: 0 to 64.");
  MIFENG_TRY(const auto host, host_ports(core_));
  auto done = core_.db->write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row || row->deleting != 0) return not_found("deployment", id);
    MIFENG_TRY(auto request, parse_request(row->overlay_json));
    MIFENG_TRY(const Prepared prepared, prepare(tx, request));
    // Replicas that are on their way out still have their rows; they come back with the ports they have.
    MIFENG_TRY(const auto there, store::replicas_of(tx, id));
    const int first = static_cast<int>(there.size());
    if (replicas > first) {
      MIFENG_TRY(const PortMap map, load_ports(tx, host));
      MIFENG_TRY(const auto ports,
                 map.lowest_free((replicas - first) * static_cast<int>(prepared.config.ports.size())));
      MIFENG_CHECK(add_replicas(core_, tx, id, prepared.config, first, replicas, ports));
    }
    row->replicas = replicas;
    row->changed_ms = core_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_TRY(const auto live, store::live_instances_of(tx, id));
    for (const auto& replica : there)
      for (const auto& instance : live)
        if (replica.number >= replicas && instance.replica == replica.name)
          MIFENG_CHECK(end_instance(core_, tx, instance, EndKind::kRevoked, actor.name, "scaled down"));
    MIFENG_CHECK(audit(core_, tx, actor, "deployment.scale", id, std::to_string(replicas) + " replica(s)"));
    return deployment_of(tx, *row);
  });
  if (done) {
    core_.deployments_changed.notify();
    core_.snapshots_changed.notify();
  }
  return done;
}

Result<Deployment> DeploymentService::restart(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  auto done = core_.db->write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row || row->deleting != 0) return not_found("deployment", id);
    ++row->restart_wanted;
    row->changed_ms = core_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(audit(core_, tx, actor, "deployment.restart", id));
    return deployment_of(tx, *row);
  });
  if (done) core_.deployments_changed.notify();
  return done;
}

Result<void> DeploymentService::remove(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  auto done = core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return not_found("deployment", id);
    if (row->deleting != 0) return ok();
    row->deleting = 1;
    row->state = "deleting";
    row->reason = "its containers are being removed";
    row->changed_ms = core_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_TRY(const auto live, store::live_instances_of(tx, id));
    for (const auto& instance : live)
      MIFENG_CHECK(end_instance(core_, tx, instance, EndKind::kRevoked, actor.name, "its deployment is deleted"));
    MIFENG_TRY(const auto routes, store::routes_of(tx, id));
    for (const auto& route : routes) {
      MIFENG_CHECK(store::erase<store::RouteRow>(tx, route.id));
      MIFENG_CHECK(audit(core_, tx, actor, "route.remove", route.id, "with " + id));
    }
    MIFENG_CHECK(store::next_change(tx));
    return audit(core_, tx, actor, "deployment.delete", id);
  });
  if (done) {
    core_.deployments_changed.notify();
    core_.snapshots_changed.notify();
  }
  return done;
}

Result<void> DeploymentService::logs(const Actor& actor, const std::string& id, const LogOptions& options,
                                     const std::function<bool(std::string_view)>& sink) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_TRY(const auto replicas, core_.db->read([&](store::Transaction& tx) { return store::replicas_of(tx, id); }));
  const auto found = std::find_if(replicas.begin(), replicas.end(), [&](const store::ReplicaRow& row) {
    return options.replica.empty() || row.name == options.replica;
  });
  if (found == replicas.end()) return not_found("replica", options.replica.empty() ? id : options.replica);
  const cluster::LogOptions how{.tail = options.tail, .follow = options.follow};
  const cluster::LogSink lines = [&sink](cluster::LogLine line) -> boost::asio::awaitable<Result<void>> {
    line.text += '\n';
    if (!sink(line.text)) co_return Error(ErrorCode::kCancelled, "reader-gone", "Nobody reads the log any more.");
    co_return ok();
  };
  cluster::Engine* engine = core_.engine.get();
  if (engine == nullptr)
    return Error(ErrorCode::kUnavailable, "no-engine", "No engine is connected that could run containers.");
  // On an event loop of this thread: a slow reader must not hold up what else the engine is asked. A log may be silent
  // for days, so that nobody notices from its lines that the reader has gone: ask now and then.
  std::optional<Result<void>> done;
  net::run_to_end([&]() -> boost::asio::awaitable<void> {
    const auto read = [&]() -> boost::asio::awaitable<void> {
      auto result = co_await engine->logs(found->name, how, lines);
      done.emplace(std::move(result));
    };
    const auto watch = [&]() -> boost::asio::awaitable<void> {
      do co_await net::sleep_for(std::chrono::seconds(1));
      while (sink(""));
    };
    co_await net::race(read, watch);
  });
  if (!done || (!*done && done->error().reason() == "reader-gone")) return ok();
  return *done;
}

Result<std::vector<WantedContainer>> DeploymentService::wanted_containers() {
  return core_.db->read([&](store::Transaction& tx) -> Result<std::vector<WantedContainer>> {
    std::vector<WantedContainer> wanted;
    MIFENG_TRY(const auto deployments, store::all<store::DeploymentRow>(tx));
    for (const auto& row : deployments) {
      if (row.deleting != 0) continue;
      MIFENG_TRY(const auto replicas, store::replicas_of(tx, row.id));
      for (const auto& replica : replicas)
        if (replica.number < row.replicas)
          wanted.push_back({.deployment = row.id, .replica = static_cast<int>(replica.number), .name = replica.name});
    }
    return wanted;
  });
}

Result<cluster::Workload> DeploymentService::workload(const std::string& id) {
  return core_.db->read([&](store::Transaction& tx) -> Result<cluster::Workload> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row || row->deleting != 0) return not_found("deployment", id);
    return workload_of(core_, tx, *row);
  });
}

std::shared_ptr<void> DeploymentService::subscribe(std::function<void()> changed) {
  return core_.deployments_changed.subscribe(std::move(changed));
}

}  // namespace mifeng::platform
