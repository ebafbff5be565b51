#include "kubernetes_engine.h"

#include <algorithm>

#include "admission.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/net/http.h"
#include "rights.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;
using cluster::Unit;
using cluster::UnitState;

constexpr std::size_t kLogLineMax = 16 * 1024;
constexpr std::chrono::hours kFollowMax{24};
constexpr std::chrono::seconds kLogPatience{60};

// What we may be allowed beyond the necessary, everywhere: its word in ClusterFacts::may, and the right.
struct Beyond {
  const char* word;
  const char* verb;
  const char* group;
  const char* resource;
  bool of_our_name = false;  // of the one object that is named as our cluster role
};
constexpr Beyond kBeyond[] = {
    {"see-nodes", "list", "", "nodes"},
    {"see-services", "list", "", "services"},
    {"see-pods", "list", "", "pods"},
    {"review-tokens", "create", "authentication.k8s.io", "tokenreviews"},
    {"admission-policies", "create", "admissionregistration.k8s.io", "validatingadmissionpolicies", true},
};

constexpr std::size_t kAddressesMax = 16;  // that gateways dial

}  // namespace

// The first of each family of each node. Nodes that take no units come last, and do not vanish: a node port leads
// through every node to units on others.
std::vector<std::string> node_addresses_of(std::vector<cluster::Node> nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [](const cluster::Node& a, const cluster::Node& b) {
    return (a.ready && !a.cordoned) > (b.ready && !b.cordoned);
  });
  std::vector<std::string> addresses;
  for (const cluster::Node& node : nodes) {
    bool has[2] = {false, false};
    for (const std::string& address : node.addresses) {
      const bool v6 = address.find(':') != std::string::npos;
      if (addresses.size() < kAddressesMax && !has[v6]) addresses.push_back(address);
      has[v6] = true;
    }
  }
  return addresses;
}

Result<std::unique_ptr<cluster::Engine>> create_kubernetes_engine(Login login, const KubernetesOptions& options,
                                                                  const Clock& clock) {
  const auto bad = [](const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-options", what); };
  if (options.installation.size() < 8 || options.installation.size() > 63 ||
      options.installation.find_first_not_of("0123456789abcdef") != std::string::npos)
    return bad("the installation id must be 8 to 63 hex digits");
  if (manifest::check_label(options.name_space)) return bad("the namespace must be a DNS label of at most 63 bytes");
  MIFENG_TRY(auto api, ApiServer::create(std::move(login)));
  return std::unique_ptr<cluster::Engine>(std::make_unique<KubernetesEngine>(std::move(api), options, clock));
}

KubernetesEngine::~KubernetesEngine() {
  std::shared_ptr<cluster::Subscription> subscription;
  {
    const std::lock_guard guard(mutex_);
    subscription = std::move(subscription_);
  }
  if (subscription) subscription->end();
}

Task<cluster::ClusterFacts> KubernetesEngine::probe() {
  auto answer = co_await api_->call("GET", "/version");
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "ask for the version");
  answered_ = clock_.now_ms();
  cluster::ClusterFacts facts;
  facts.version = "kubernetes " + text_at(*answer->object(), "gitVersion");
  auto space = co_await api_->call("GET", target_of(Kind::kDeployment, options_.name_space) + "?limit=1");
  if (!space) co_return space.error();
  if (!space->success()) co_return error_of(*space, "list deployments in the namespace " + options_.name_space);
  for (const Beyond& beyond : kBeyond) {
    std::vector<Right> asked(1);
    asked[0].verb = beyond.verb;
    asked[0].group = beyond.group;
    asked[0].resource = beyond.resource;
    if (beyond.of_our_name) asked[0].name = cluster_role_name(options_.name_space);
    auto missing = co_await missing_rights(*api_, std::move(asked));
    if (!missing) co_return missing.error();
    if (missing->empty()) facts.may.emplace_back(beyond.word);
  }
  auto policy = co_await look_at_policy(*api_, options_.name_space);
  if (!policy) co_return policy.error();
  if (*policy == PolicyState::kInForce) facts.may.emplace_back(cluster::kKeepsOthersOut);
  if (!live_[kNodes]) {
    const std::vector<Feed> all = feeds(clock_.now_ms());
    auto listed = co_await list(all[kNodes], all[kNodes].everywhere);
    if (!listed && listed.error().reason() == "forbidden") co_return facts;  // then a person has said them
    if (!listed) co_return listed.error();
  }
  facts.node_addresses = node_addresses_of(view_.nodes());
  co_return facts;
}

cluster::PortNeeds KubernetesEngine::ports_needed(const cluster::PodTemplate& pod, int replicas) const {
  // One node port stands before all units, old and new.
  return {.slots = pod.ports.empty() || replicas == 0 ? 0 : 1, .update_slots = 0};
}

Task<std::vector<Unit>> KubernetesEngine::units(std::string deployment) {
  auto looked = co_await look_unless_live(deployment);
  if (!looked) co_return looked.error();
  co_return co_await explained_units(std::move(deployment));
}

Task<std::vector<Unit>> KubernetesEngine::all_units() {
  auto looked = co_await look_unless_live("");
  if (!looked) co_return looked.error();
  co_return view_.all_units();
}

Task<std::vector<cluster::Endpoint>> KubernetesEngine::endpoints(std::string deployment) {
  auto looked = co_await look_unless_live(deployment);
  if (!looked) co_return looked.error();
  std::vector<cluster::Endpoint> endpoints;
  const auto units = view_.units(deployment);
  const bool runs =
      std::any_of(units.begin(), units.end(), [](const Unit& unit) { return unit.state == UnitState::kRunning; });
  const auto service = view_.service(deployment);
  if (!runs || !service) co_return endpoints;
  for (const auto& port : service->node_ports)
    endpoints.push_back({port.port_name, cluster::EndpointKind::kBalanced, "", port.node_port});
  co_return endpoints;
}

Task<std::vector<cluster::PortInUse>> KubernetesEngine::ports_in_use() {
  if (!is_live()) {
    const std::vector<Feed> all = feeds(clock_.now_ms());
    static constexpr std::array kWithPorts{kServices, kPods};
    for (const Feeds number : kWithPorts) {
      auto listed = co_await list(all[number], all[number].everywhere);
      if (!listed && listed.error().reason() == "forbidden") listed = co_await list(all[number], all[number].own);
      if (!listed) co_return listed.error();
    }
  }
  auto ports = view_.ports_in_use();
  const std::lock_guard guard(mutex_);
  std::erase_if(allocated_until_ms_, [now = clock_.now_ms()](const auto& one) { return one.second <= now; });
  for (const auto& [port, until] : allocated_until_ms_)
    if (std::none_of(ports.begin(), ports.end(), [&](const auto& one) { return one.port == port; }))
      ports.push_back({port, "kube-apiserver"});
  co_return ports;
}

Task<void> KubernetesEngine::look_at_nodes() {
  if (is_live() && live_[kNodes]) co_return ok();
  const std::vector<Feed> all = feeds(clock_.now_ms());
  static constexpr std::array kWithResources{kNodes, kPods};
  for (const Feeds number : kWithResources) {
    auto listed = co_await list(all[number], all[number].everywhere);
    if (!listed) co_return listed.error();
  }
  co_return ok();
}

Task<cluster::Capacity> KubernetesEngine::capacity() {
  auto looked = co_await look_at_nodes();
  if (!looked) co_return looked.error();
  auto quotas = co_await quotas_now();
  if (!quotas) co_return quotas.error();
  cluster::Capacity capacity = view_.capacity();
  for (const QuotaSeen& quota : *quotas) bound_by(quota, capacity);
  co_return capacity;
}

// Of a cluster that does not answer now what was seen last: seen_ms() says when that was.
Task<std::vector<cluster::Node>> KubernetesEngine::nodes() {
  if (heard_[kNodes] == 0) {
    auto looked = co_await look_at_nodes();
    if (!looked) co_return looked.error();
  }
  co_return view_.nodes();
}

// A watch that is silent has nothing to tell as long as the API server answers otherwise.
std::optional<UnixMillis> KubernetesEngine::seen_ms() const {
  if (!is_watched_) return std::nullopt;
  UnixMillis oldest = clock_.now_ms();
  for (const Feeds number : {kPods, kDeployments, kServices, kNodes}) {
    UnixMillis heard = heard_[number];
    if (number == kNodes && heard == 0) continue;  // we may not see them
    if (live_[number]) heard = std::max<UnixMillis>(heard, answered_);
    oldest = std::min(oldest, heard);
  }
  return oldest;
}

Task<std::vector<cluster::Event>> KubernetesEngine::events(std::string deployment) {
  co_return view_.events(deployment);
}

Task<void> KubernetesEngine::logs(std::string unit, cluster::LogOptions options, cluster::LogSink sink) {
  auto pod = view_.pod(unit);
  if (!pod) {
    auto looked = co_await look_at("");
    if (!looked) co_return looked.error();
    pod = view_.pod(unit);
  }
  if (!pod) co_return Error(ErrorCode::kNotFound, "no-such-unit", "there is no pod " + unit);
  const std::string container = options.container.empty() ? kModelContainer : options.container;
  if (container != kModelContainer && container != kGuardContainer && container != kStartContainer)
    co_return Error(ErrorCode::kNotFound, "no-such-container", "a unit has no container " + container);
  std::string target = "/api/v1/namespaces/" + options_.name_space + "/pods/" + unit +
                       "/log?container=" + net::percent_encode(container);
  if (options.tail >= 0) target += "&tailLines=" + std::to_string(options.tail);
  if (options.follow) target += "&follow=true";
  if (options.previous) target += "&previous=true";
  if (options.timestamps) target += "&timestamps=true";
  if (options.since_ms) target += "&sinceTime=" + net::percent_encode(format_time(*options.since_ms));
  auto opened = co_await api_->open(std::move(target), options.follow ? std::chrono::milliseconds(kFollowMax)
                                                                      : std::chrono::milliseconds(kLogPatience));
  if (!opened) {
    const bool none = options.previous && (opened.error().message().find("previous terminated") != std::string::npos);
    if (none) co_return Error(ErrorCode::kNotFound, "no-previous-run", "there was no run before this one");
    co_return opened.error();
  }
  LineReader reader(1 << 20);
  for (;;) {
    auto piece = co_await (*opened)->read();
    if (!piece) co_return piece.error();
    std::vector<std::string> lines;
    if (piece->empty()) {
      if (std::string rest = reader.rest(); !rest.empty()) lines.push_back(std::move(rest));
    } else if (!reader.feed(*piece, lines)) {
      lines.push_back(reader.rest());
    }
    for (std::string& line : lines) {
      if (line.size() > kLogLineMax) line.resize(kLogLineMax);
      cluster::LogLine said{false, std::move(line)};  // the two streams are one here
      auto taken = co_await sink(std::move(said));
      if (!taken) co_return taken.error();
    }
    if (piece->empty()) co_return ok();
  }
}

// Kubelet pulls, with the pull policy of the container.
Task<void> KubernetesEngine::pull(std::string, cluster::PullPolicy) { co_return ok(); }
// Kubelet removes what nothing uses when a node's disk fills.
Task<void> KubernetesEngine::prune_images(std::vector<std::string>) { co_return ok(); }

}  // namespace mifeng::kubernetes
