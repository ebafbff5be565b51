#include "mifeng/deployments/rehearsals.h"

#include <algorithm>
#include <thread>

#include "mifeng/base/phrase.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/net/client.h"
#include "mifeng/trust/audit_log.h"
#include "port_plan.h"

namespace mifeng::deployments {
namespace {

using cluster::Unit;
using clusters::ClusterFinding;
using clusters::FindingState;
using namespace std::chrono_literals;

constexpr int kNodesMax = 16;
constexpr auto kComeUpWithin = 60s;  // an image of 15 MB over a slow line, and a scheduler that has much to do
constexpr auto kUnchangedFor = 20s;  // by then what went wrong is not just on its way
constexpr auto kLookEvery = 500ms;
constexpr auto kReachedWithin = 10s;  // a node port at all addresses; each is tried once in any case
constexpr std::chrono::milliseconds kDialPatience{2000};
constexpr std::uint16_t kPort = 8080;
constexpr std::int64_t kMemoryBytes = 64 << 20;

cluster::ContainerTemplate container_of(const std::string& image, std::vector<std::string> args, std::uint32_t user) {
  cluster::ContainerTemplate made;
  made.image = image;
  made.command = {manifest::kGuardProgram};
  made.args = std::move(args);
  made.user = user;
  made.resources.memory_limit_bytes = kMemoryBytes;
  return made;
}

// Two containers as a deployment's pods have them, since that is what has to be admitted.
cluster::PodTemplate pod_of(const std::string& image, const std::string& id) {
  cluster::PodTemplate pod;
  pod.guard =
      container_of(image, {"--rehearse", "--health-port", std::to_string(manifest::kHealthPort)}, manifest::kGuardUser);
  pod.guard.env = {{"MIFENG_DEPLOYMENT", id}, {"MIFENG_PORTS", "http=" + std::to_string(kPort)}};
  pod.model = container_of(image, {"--idle"}, manifest::kModelUserMin);
  pod.ports = {{"http", kPort}};
  pod.termination_grace_seconds = 5;
  return pod;
}

// Whether anything answers there as a rehearsing guard does; else why not.
cluster::Task<std::string> dial(std::string address, std::uint16_t port) {
  net::ClientOptions options;
  options.endpoint = net::TcpEndpoint{std::move(address), port};
  options.connect_timeout = options.idle_timeout = kDialPatience;
  MIFENG_CO_TRY(const auto client, net::HttpClient::create(std::move(options)));
  net::ClientRequest request("GET", "/live");
  auto sent = client.send(std::move(request));
  const auto answer = co_await std::move(sent);
  if (!answer) co_return answer.error().message();
  if (answer->status == 200) co_return std::string();
  co_return phrase("something else answers there, with {}", answer->status);
}

class Rehearsal {
 public:
  Rehearsal(const Context& context, std::string cluster, std::string id)
      : context_(context), cluster_(std::move(cluster)), id_(std::move(id)) {}

  Result<std::vector<ClusterFinding>> run() {
    MIFENG_CHECK(count_nodes());
    const auto free = free_port();
    if (!free) return free.error();
    MIFENG_CHECK(load(*free));
    if (!workload_.door) {
      findings_.push_back({FindingState::kMissing, phrase("the guards' door"), phrase("there is none"),
                           phrase("start the platform with `mifengd --guard-listen`: guards elsewhere come in there")});
      return findings_;
    }
    if (const auto pushed = context_.guard_image.ensure(); !pushed) {
      findings_.push_back({FindingState::kMissing, phrase("the guards' image"), pushed.error().message(), ""});
      return findings_;
    }
    const auto done = perform();
    // Whatever became of it, nothing stays.
    const auto removed = ask<void>([&](cluster::Engine& engine) { return engine.remove(id_); });
    if (!done) return done.error();
    if (!removed)
      findings_.push_back({FindingState::kWarning, phrase("the rehearsal's end"), removed.error().message(),
                           phrase("it is tried again at the platform's next look at the cluster")});
    return findings_;
  }

 private:
  template <typename T>
  Result<T> ask(std::function<cluster::Task<T>(cluster::Engine&)> call) {
    return clusters::call_engine<T>(context_.clusters, cluster_, std::move(call));
  }

  // Where we may not see the nodes, one unit somewhere is what can be tried.
  Result<void> count_nodes() {
    const auto nodes = ask<std::vector<cluster::Node>>([](cluster::Engine& engine) { return engine.nodes(); });
    if (!nodes) return nodes.error().code() == ErrorCode::kPermissionDenied ? ok() : nodes.error();
    const auto takes = std::count_if(nodes->begin(), nodes->end(),
                                     [](const cluster::Node& node) { return node.ready && !node.cordoned; });
    workload_.replicas = static_cast<int>(std::clamp<std::ptrdiff_t>(takes, 1, kNodesMax));
    return ok();
  }

  // The highest: recommendations begin at the other end, so nobody gets it meanwhile.
  Result<int> free_port() {
    MIFENG_TRY(auto held, held_ports(context_, cluster_));
    MIFENG_TRY(const auto map,
               context_.db.read([&](store::Transaction& tx) { return load_ports(tx, cluster_, std::move(held)); }));
    return map.highest_free();
  }

  Result<void> load(int port) {
    workload_.deployment = id_;
    workload_.revision = 0;  // of nothing: a database that is restored from a backup is never older
    workload_.node_ports = {{"http", 0, static_cast<std::uint16_t>(port)}};
    return context_.db.read([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const auto registry, registry_of(context_, tx, cluster_));
      workload_.pod = pod_of(registry + "/" + context_.guard_image.name(), id_);
      MIFENG_TRY(workload_.door, door_of(context_, tx, cluster_, id_));
      MIFENG_TRY(const auto row, store::find<store::ClusterRow>(tx, cluster_));
      if (row) addresses_ = clusters::words_of(row->node_addresses);
      return ok();
    });
  }

  Result<void> perform() {
    const auto until = std::chrono::steady_clock::now() + kComeUpWithin;
    auto changed = std::chrono::steady_clock::now();
    std::string before;
    std::vector<Unit> units;
    for (;;) {
      MIFENG_TRY(const auto applied,
                 ask<cluster::ApplyResult>([&](cluster::Engine& engine) { return engine.apply(workload_); }));
      std::this_thread::sleep_for(kLookEvery);
      MIFENG_TRY(units, ask<std::vector<Unit>>([&](cluster::Engine& engine) { return engine.units(id_); }));
      const auto now = std::chrono::steady_clock::now();
      if (std::string all = summary(units); all != before) {
        before = std::move(all);
        changed = now;
      }
      if (all_ready(units) || now >= until || (all_said(units) && now >= changed + kUnchangedFor)) break;
    }
    note_units(units);
    return note_addresses(std::any_of(units.begin(), units.end(), [](const Unit& unit) { return unit.ready; }));
  }

  static std::string summary(const std::vector<Unit>& units) {
    std::string text;
    for (const Unit& unit : units) text += unit.name + " " + (unit.ready ? "ready" : unit.reason_code) + "\n";
    return text;
  }

  // Of each it is known that it is well, or why not.
  bool all_said(const std::vector<Unit>& units) const {
    return static_cast<int>(units.size()) >= workload_.replicas &&
           std::all_of(units.begin(), units.end(), [](const Unit& unit) { return unit.ready || !unit.reason.empty(); });
  }

  bool all_ready(const std::vector<Unit>& units) const {
    return static_cast<int>(units.size()) >= workload_.replicas &&
           std::all_of(units.begin(), units.end(), [](const Unit& unit) { return unit.ready; });
  }

  void note_units(const std::vector<Unit>& units) {
    for (const Unit& unit : units) {
      const std::string where = unit.node.empty() ? phrase("a pod") : phrase("a pod on the node {}", unit.node);
      ClusterFinding found{FindingState::kFine, where,
                           phrase("starts, and reaches the platform at {}", workload_.door->url), ""};
      if (!unit.ready)
        found = {FindingState::kMissing, where,
                 unit.reason.empty() ? phrase("is not ready after a minute") : unit.reason, unit.remedy};
      // Nothing keeps two from one node, where others take none.
      const auto same = [&](const ClusterFinding& one) { return one.what == found.what && one.detail == found.detail; };
      if (std::none_of(findings_.begin(), findings_.end(), same)) findings_.push_back(std::move(found));
    }
    const auto missing = workload_.replicas - static_cast<int>(units.size());
    if (missing > 0)
      findings_.push_back(
          {FindingState::kMissing, phrase("pods"), phrase("{} of {} were not made", missing, workload_.replicas), ""});
  }

  Result<void> note_addresses(bool anybody_answers) {
    if (!anybody_answers) return ok();  // then no address can
    const std::uint16_t port = workload_.node_ports.front().node_port;
    const auto until = std::chrono::steady_clock::now() + kReachedWithin;
    for (const std::string& address : addresses_) {
      std::string why;
      do {
        // A node's rules for a Service follow a moment after it.
        if (!why.empty()) std::this_thread::sleep_for(kLookEvery);
        MIFENG_TRY(why, ask<std::string>([&](cluster::Engine&) { return dial(address, port); }));
      } while (!why.empty() && std::chrono::steady_clock::now() < until);
      const std::string what = phrase("the node port {} at {}", port, address);
      if (why.empty()) {
        findings_.push_back({FindingState::kFine, what, phrase("answers the platform"), ""});
      } else {
        findings_.push_back(
            {FindingState::kMissing, what, phrase("does not answer the platform: {}", why),
             phrase("open the nodes' ports of the range to the machines of platform and gateways, or say with `mifeng "
                    "cluster set --node-address` where they are reached")});
      }
    }
    return ok();
  }

  const Context& context_;
  const std::string cluster_, id_;
  cluster::Workload workload_;
  std::vector<std::string> addresses_;
  std::vector<ClusterFinding> findings_;
};

}  // namespace

Result<void> RunningRehearsals::begin(const std::string& cluster, const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (!ids_.emplace(cluster, id).second)
    return Error(ErrorCode::kConflict, "cluster-busy",
                 "The cluster " + cluster + " is being rehearsed at this moment.");
  return ok();
}

void RunningRehearsals::end(const std::string& cluster) {
  const std::lock_guard lock(mutex_);
  ids_.erase(cluster);
}

std::set<std::string> RunningRehearsals::in(const std::string& cluster) const {
  const std::lock_guard lock(mutex_);
  const auto at = ids_.find(cluster);
  return at == ids_.end() ? std::set<std::string>() : std::set{at->second};
}

Result<std::vector<ClusterFinding>> RehearsalService::run(const trust::Actor& actor, const std::string& cluster) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageClusters));
  MIFENG_TRY(const auto id,
             context_.db.read([&](store::Transaction& tx) { return clusters::known_cluster(tx, cluster); }));
  if (context_.clusters.kind_of(id) != store::ClusterKind::kKubernetes)
    return Error(ErrorCode::kConflict, "local-cluster",
                 "The cluster " + id + " is the platform's own machine: `mifeng doctor` there says what it lacks.");
  const std::string name = "rehearsal-" + context_.random.hex(4);
  MIFENG_CHECK(context_.rehearsals.begin(id, name));
  const std::shared_ptr<void> end(nullptr, [&](void*) { context_.rehearsals.end(id); });
  MIFENG_CHECK(context_.db.write(
      [&](store::Transaction& tx) { return context_.audit.append(tx, actor, "cluster.rehearse", id, name); }));
  return Rehearsal(context_, id, name).run();
}

}  // namespace mifeng::deployments
