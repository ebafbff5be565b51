#include "objects.h"

#include <algorithm>
#include <set>

#include "mifeng/kubernetes/rendering.h"

namespace mifeng::kubernetes {
namespace {

using cluster::ContainerTemplate;
using cluster::PodTemplate;
using cluster::Workload;
using json::Array;
using json::Object;
using json::Value;

constexpr std::int64_t kMi = 1 << 20;
constexpr std::int64_t kStartBytes = 8 * kMi;         // mifeng-start, a static program
constexpr std::int64_t kLogBytes = 64 * kMi;          // of a container: kubelet turns logs over at 10 MiB, five of them
constexpr std::int64_t kGuardCpuMillis = 50;          // asked for where the template says nothing
constexpr std::int64_t kStartMemoryBytes = 32 * kMi;  // of the init container, with what it copies
constexpr std::int64_t kUnreachableSeconds = 30;      // after which a lost node's units are made elsewhere

std::string quantity(std::int64_t bytes) { return std::to_string(bytes); }
std::string millis(std::int64_t cpu) { return std::to_string(cpu) + "m"; }

// Kubernetes replaces $(NAME) in commands, arguments and environment, and takes $$ for $.
std::string literal(const std::string& text) {
  std::string made;
  for (const char c : text) made += c == '$' ? std::string("$$") : std::string(1, c);
  return made;
}

Array literals(const std::vector<std::string>& texts) {
  Array array;
  for (const std::string& text : texts) array.emplace_back(literal(text));
  return array;
}

Object labels_of(const KubernetesOptions& options, const std::string& deployment) {
  return {{std::string(kManagedBy), "mifeng"},
          {std::string(kLabelInstallation), options.installation},
          {std::string(kLabelDeployment), deployment}};
}

Object selector_of(const KubernetesOptions& options, const std::string& deployment) {
  return {{std::string(kLabelInstallation), options.installation}, {std::string(kLabelDeployment), deployment}};
}

Object metadata_of(const KubernetesOptions& options, const Workload& workload) {
  Object labels = labels_of(options, workload.deployment);
  labels.set(std::string(kLabelRevision), std::to_string(workload.revision));
  return {{"name", object_name(workload.deployment)}, {"namespace", options.name_space}, {"labels", labels}};
}

// What the policy "restricted" wants of each container, and more.
Object container_security(std::uint32_t user) {
  return {{"allowPrivilegeEscalation", false},
          {"privileged", false},
          {"readOnlyRootFilesystem", true},
          {"runAsNonRoot", true},
          {"runAsUser", static_cast<std::int64_t>(user)},
          {"runAsGroup", static_cast<std::int64_t>(manifest::kGuardUser)},
          {"capabilities", Object{{"drop", Array{"ALL"}}}},
          {"seccompProfile", Object{{"type", "RuntimeDefault"}}}};
}

// Every bound is set, or a LimitRange of the namespace would set its own.
Object resources_of(const cluster::Resources& wanted, std::int64_t cpu_request, std::int64_t storage) {
  Object requests, limits;
  requests.set("cpu", millis(wanted.cpu_request_millis.value_or(
                          wanted.cpu_limit_millis ? std::min(cpu_request, *wanted.cpu_limit_millis) : cpu_request)));
  if (wanted.cpu_limit_millis) limits.set("cpu", millis(*wanted.cpu_limit_millis));
  const auto memory = wanted.memory_request_bytes ? wanted.memory_request_bytes : wanted.memory_limit_bytes;
  if (memory) requests.set("memory", quantity(*memory));
  if (wanted.memory_limit_bytes) limits.set("memory", quantity(*wanted.memory_limit_bytes));
  requests.set("ephemeral-storage", quantity(storage));
  limits.set("ephemeral-storage", quantity(storage));
  for (const auto& [name, count] : wanted.devices) {
    requests.set(name, std::to_string(count));
    limits.set(name, std::to_string(count));
  }
  return {{"requests", requests}, {"limits", limits}};
}

std::string memory_volume(const char* container, std::size_t index) {
  return std::string(container) + "-memory-" + std::to_string(index);
}
std::string claim_volume(std::size_t index) { return "claim-" + std::to_string(index); }

Object mount(const std::string& volume, const std::string& path, bool read_only) {
  Object made{{"name", volume}, {"mountPath", path}};
  if (read_only) made.set("readOnly", true);
  return made;
}

Object memory_folder(const std::string& name, std::int64_t bytes) {
  return {{"name", name}, {"emptyDir", Object{{"medium", "Memory"}, {"sizeLimit", quantity(bytes)}}}};
}

Array volumes_of(const Workload& workload) {
  const PodTemplate& pod = workload.pod;
  Array volumes;
  volumes.emplace_back(memory_folder(kStartContainer, kStartBytes));
  for (const auto& folder : pod.shared) volumes.emplace_back(memory_folder("shared-" + folder.name, folder.size_bytes));
  for (const auto& [container, name] : {std::pair(&pod.guard, kGuardContainer), std::pair(&pod.model, kModelContainer)})
    for (std::size_t i = 0; i < container->memory_mounts.size(); ++i)
      volumes.emplace_back(memory_folder(memory_volume(name, i), container->memory_mounts[i].size_bytes));
  for (const auto& scratch : pod.scratch_mounts) {
    Object folder;
    if (scratch.size_bytes) folder.set("sizeLimit", quantity(*scratch.size_bytes));
    volumes.emplace_back(Object{{"name", "scratch-" + scratch.volume}, {"emptyDir", folder}});
  }
  for (std::size_t i = 0; i < pod.claim_mounts.size(); ++i)
    volumes.emplace_back(
        Object{{"name", claim_volume(i)},
               {"persistentVolumeClaim", Object{{"claimName", claim_name(pod.claim_mounts[i].claim)}}}});
  if (!workload.door) return volumes;
  volumes.emplace_back(
      Object{{"name", "token"},
             {"projected",
              Object{{"defaultMode", 0440},
                     {"sources", Array{Object{{"serviceAccountToken", Object{{"audience", workload.door->audience},
                                                                             {"expirationSeconds", 600},
                                                                             {"path", "token"}}}}}}}}});
  return volumes;
}

Array mounts_of(const Workload& workload, bool is_guard) {
  const PodTemplate& pod = workload.pod;
  Array mounts;
  const char* container = is_guard ? kGuardContainer : kModelContainer;
  const auto& memory = (is_guard ? pod.guard : pod.model).memory_mounts;
  for (const auto& folder : pod.shared)
    mounts.emplace_back(mount("shared-" + folder.name, folder.path, folder.model_writes == is_guard));
  for (std::size_t i = 0; i < memory.size(); ++i)
    mounts.emplace_back(mount(memory_volume(container, i), memory[i].path, false));
  if (is_guard) {
    if (workload.door) mounts.emplace_back(mount("token", kTokenFolder, true));
    return mounts;
  }
  mounts.emplace_back(mount(kStartContainer, manifest::kStartFolder, true));
  for (const auto& scratch : pod.scratch_mounts)
    mounts.emplace_back(mount("scratch-" + scratch.volume, scratch.path, false));
  for (std::size_t i = 0; i < pod.claim_mounts.size(); ++i)
    mounts.emplace_back(mount(claim_volume(i), pod.claim_mounts[i].path, false));
  return mounts;
}

Object of_the_pod(const char* name, const char* field) {
  return {{"name", name}, {"valueFrom", Object{{"fieldRef", Object{{"apiVersion", "v1"}, {"fieldPath", field}}}}}};
}

Array env_of(const Workload& workload, bool is_guard) {
  Array env;
  for (const auto& variable : (is_guard ? workload.pod.guard : workload.pod.model).env)
    env.emplace_back(Object{{"name", variable.name}, {"value", literal(variable.value)}});
  if (!is_guard) return env;
  env.emplace_back(of_the_pod("MIFENG_UNIT", "metadata.name"));
  if (!workload.door) return env;
  env.emplace_back(of_the_pod("MIFENG_POD_UID", "metadata.uid"));
  env.emplace_back(Object{{"name", "MIFENG_PLATFORM"}, {"value", literal(workload.door->url)}});
  env.emplace_back(Object{{"name", "MIFENG_DOOR_TAG"}, {"value", literal(workload.door->tag)}});
  env.emplace_back(Object{{"name", "MIFENG_TOKEN_FILE"}, {"value", std::string(kTokenFolder) + "/token"}});
  return env;
}

const char* pull_policy(cluster::PullPolicy policy) {
  switch (policy) {
    case cluster::PullPolicy::kAlways: return "Always";
    case cluster::PullPolicy::kNever: return "Never";
    case cluster::PullPolicy::kIfNotPresent: return "IfNotPresent";
  }
  return "IfNotPresent";
}

// The two containers of a pod have one network. A model that was allowed none has no socket for it: mifeng-start sees
// to that. (Where a container has a network of its own, as on Podman, the engine gives the model's none.)
std::vector<std::string> args_of(const Workload& workload, bool is_guard) {
  std::vector<std::string> args = (is_guard ? workload.pod.guard : workload.pod.model).args;
  const bool starts = workload.pod.model.command == std::vector<std::string>{manifest::kStartProgram};
  if (!is_guard && starts && workload.pod.network == manifest::Network::kNone)
    args.insert(args.begin(), "--only-unix-sockets");
  return args;
}

// The guard's own process answers, not its nginx, whose connections others can take. Pulling, opening and loading all
// happen under the probe of the start. A process that is gone refuses at once; one that answers slowly is on a node
// without processor time to spare, where taking it out or starting it anew would load its neighbours still more.
constexpr std::int64_t kProbeSeconds = 5;
Object probe(const PodTemplate& pod, const char* path, int period, int failures) {
  return {{"httpGet", Object{{"path", path}, {"port", static_cast<std::int64_t>(pod.health_port)}, {"scheme", "HTTP"}}},
          {"periodSeconds", period},
          {"failureThreshold", failures},
          {"successThreshold", 1},
          {"timeoutSeconds", kProbeSeconds}};
}

Object container_of(const Workload& workload, bool is_guard) {
  const ContainerTemplate& wanted = is_guard ? workload.pod.guard : workload.pod.model;
  std::int64_t storage = kLogBytes;
  if (!is_guard)
    for (const auto& scratch : workload.pod.scratch_mounts) storage += scratch.size_bytes.value_or(10240 * kMi);
  Object made{{"name", is_guard ? kGuardContainer : kModelContainer},
              {"image", wanted.image},
              {"imagePullPolicy", pull_policy(wanted.pull_policy)},
              {"command", literals(wanted.command)}};
  if (const auto args = args_of(workload, is_guard); !args.empty()) made.set("args", literals(args));
  made.set("env", env_of(workload, is_guard));
  made.set("resources", resources_of(wanted.resources, kGuardCpuMillis, storage));
  made.set("volumeMounts", mounts_of(workload, is_guard));
  made.set("securityContext", container_security(wanted.user));
  // What it said last stands in its status then.
  made.set("terminationMessagePolicy", "FallbackToLogsOnError");
  if (!is_guard) return made;
  Array ports;
  for (const auto& port : workload.pod.ports)
    ports.emplace_back(Object{
        {"name", port.name}, {"containerPort", static_cast<std::int64_t>(port.container_port)}, {"protocol", "TCP"}});
  if (!ports.empty()) made.set("ports", ports);
  made.set("startupProbe", probe(workload.pod, "/live", 1, 1800));
  made.set("livenessProbe", probe(workload.pod, "/live", 10, 3));
  made.set("readinessProbe", probe(workload.pod, "/ready", 1, 2));
  return made;
}

// Puts mifeng-start, the model's first process, into the folder that the model's container then sees.
Object start_container(const KubernetesOptions& options, const Workload& workload) {
  cluster::Resources resources;
  resources.cpu_request_millis = kGuardCpuMillis;
  resources.memory_limit_bytes = kStartMemoryBytes;
  return {{"name", kStartContainer},
          {"image", workload.pod.guard.image},
          {"imagePullPolicy", pull_policy(workload.pod.guard.pull_policy)},
          {"command", literals(options.start_command)},
          {"resources", resources_of(resources, kGuardCpuMillis, kLogBytes)},
          {"volumeMounts", Array{mount(kStartContainer, manifest::kStartFolder, false)}},
          {"securityContext", container_security(workload.pod.guard.user)},
          {"terminationMessagePolicy", "FallbackToLogsOnError"}};
}

Object toleration(const char* key) {
  return {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", kUnreachableSeconds}};
}

Array tolerations_of(const PodTemplate& pod) {
  Array all{toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")};
  for (const manifest::Toleration& wanted : pod.tolerations) {
    Object one{{"key", wanted.key}, {"operator", wanted.value ? "Equal" : "Exists"}};
    if (wanted.value) one.set("value", *wanted.value);
    if (!wanted.effect.empty()) one.set("effect", wanted.effect);
    if (wanted.seconds) one.set("tolerationSeconds", *wanted.seconds);
    all.emplace_back(std::move(one));
  }
  return all;
}

Object strategy_of(cluster::Replacing replacing) {
  const auto rolling = [](int unavailable, int surge) {
    return Object{{"type", "RollingUpdate"},
                  {"rollingUpdate", Object{{"maxUnavailable", unavailable}, {"maxSurge", surge}}}};
  };
  switch (replacing) {
    case cluster::Replacing::kSurge: return rolling(0, 1);
    case cluster::Replacing::kInPlace: return rolling(1, 0);
    case cluster::Replacing::kOutage: return Object{{"type", "Recreate"}};
  }
  return rolling(0, 1);
}

Rendered deployment_object(const KubernetesOptions& options, const Workload& workload, cluster::Replacing replacing) {
  Object labels = labels_of(options, workload.deployment);
  labels.set(std::string(kLabelRevision), std::to_string(workload.revision));
  // Meshes would open listeners in the pod.
  labels.set("sidecar.istio.io/inject", "false");
  labels.set("istio.io/dataplane-mode", "none");
  const Object annotations{{std::string(kAnnotationRestart), std::to_string(workload.restart)},
                           {"sidecar.istio.io/inject", "false"},
                           {"linkerd.io/inject", "disabled"}};
  const Object strategy = strategy_of(must_recreate(workload) ? cluster::Replacing::kOutage : replacing);
  Object metadata = metadata_of(options, workload);
  metadata.set("annotations", Object{{"kubernetes.io/change-cause", "revision " + std::to_string(workload.revision)}});
  return {
      Kind::kDeployment, object_name(workload.deployment),
      Object{{"apiVersion", "apps/v1"},
             {"kind", "Deployment"},
             {"metadata", metadata},
             {"spec", Object{{"replicas", workload.replicas},
                             {"revisionHistoryLimit", 2},
                             {"minReadySeconds", options.min_ready_seconds},
                             {"progressDeadlineSeconds",
                              workload.pod.progress_deadline_seconds.value_or(options.progress_deadline_seconds)},
                             {"strategy", strategy},
                             {"selector", Object{{"matchLabels", selector_of(options, workload.deployment)}}},
                             {"template", Object{{"metadata", Object{{"labels", labels}, {"annotations", annotations}}},
                                                 {"spec", render_pod_spec(options, workload)}}}}}}};
}

Rendered service_object(const KubernetesOptions& options, const Workload& workload) {
  Array ports;
  for (const auto& port : workload.pod.ports) {
    for (const auto& node : workload.node_ports) {
      if (node.port_name != port.name || node.slot != 0) continue;
      ports.emplace_back(Object{{"name", port.name},
                                {"protocol", "TCP"},
                                {"port", static_cast<std::int64_t>(port.container_port)},
                                {"targetPort", static_cast<std::int64_t>(port.container_port)},
                                {"nodePort", static_cast<std::int64_t>(node.node_port)}});
    }
  }
  return {Kind::kService, object_name(workload.deployment),
          Object{{"apiVersion", "v1"},
                 {"kind", "Service"},
                 {"metadata", metadata_of(options, workload)},
                 {"spec", Object{{"type", "NodePort"},
                                 {"externalTrafficPolicy", "Cluster"},
                                 {"selector", selector_of(options, workload.deployment)},
                                 {"ports", ports}}}}};
}

Rendered disruption_budget(const KubernetesOptions& options, const Workload& workload) {
  return {Kind::kDisruptionBudget, object_name(workload.deployment),
          Object{{"apiVersion", "policy/v1"},
                 {"kind", "PodDisruptionBudget"},
                 {"metadata", metadata_of(options, workload)},
                 {"spec", Object{{"maxUnavailable", 1},
                                 {"selector", Object{{"matchLabels", selector_of(options, workload.deployment)}}}}}}};
}

// The guard's ports from anywhere (with a node port the source is a node's address), its health port from nobody but
// its own node, which no policy can forbid. Outwards: everything for a model that was allowed a network, since the
// guard's and the model's containers have one network between them.
Rendered network_policy(const KubernetesOptions& options, const Workload& workload) {
  Array ports;
  for (const auto& port : workload.pod.ports)
    ports.emplace_back(Object{{"protocol", "TCP"}, {"port", static_cast<std::int64_t>(port.container_port)}});
  Object spec{{"podSelector", Object{{"matchLabels", selector_of(options, workload.deployment)}}},
              {"policyTypes", Array{"Ingress"}},
              {"ingress", ports.empty() ? Array{} : Array{Object{{"ports", ports}}}}};
  return {Kind::kNetworkPolicy, object_name(workload.deployment),
          Object{{"apiVersion", "networking.k8s.io/v1"},
                 {"kind", "NetworkPolicy"},
                 {"metadata", metadata_of(options, workload)},
                 {"spec", spec}}};
}

Rendered claim_object(const KubernetesOptions& options, const cluster::ClaimMount& claim) {
  const Object labels{{std::string(kManagedBy), "mifeng"},
                      {std::string(kLabelInstallation), options.installation},
                      {std::string(kLabelClaim), claim.claim}};
  Object spec{
      {"accessModes", Array{"ReadWriteOnce"}},
      {"resources", Object{{"requests", Object{{"storage", quantity(claim.size_bytes.value_or(1024 * kMi))}}}}}};
  if (!claim.storage_class.empty()) spec.set("storageClassName", claim.storage_class);
  return {Kind::kClaim, claim_name(claim.claim),
          Object{{"apiVersion", "v1"},
                 {"kind", "PersistentVolumeClaim"},
                 {"metadata",
                  Object{{"name", claim_name(claim.claim)}, {"namespace", options.name_space}, {"labels", labels}}},
                 {"spec", spec}}};
}

}  // namespace

std::string target_of(Kind kind, const std::string& name_space, const std::string& name) {
  const auto at = [&](const char* group, const char* plural) {
    return std::string(group) + "/namespaces/" + name_space + "/" + plural + (name.empty() ? "" : "/" + name);
  };
  switch (kind) {
    case Kind::kServiceAccount: return at("/api/v1", "serviceaccounts");
    case Kind::kDeployment: return at("/apis/apps/v1", "deployments");
    case Kind::kService: return at("/api/v1", "services");
    case Kind::kDisruptionBudget: return at("/apis/policy/v1", "poddisruptionbudgets");
    case Kind::kNetworkPolicy: return at("/apis/networking.k8s.io/v1", "networkpolicies");
    case Kind::kClaim: return at("/api/v1", "persistentvolumeclaims");
  }
  return {};
}

std::string object_name(const std::string& deployment) { return "mf-" + deployment; }
std::string deployment_of(std::string_view object) {
  return object.starts_with("mf-") ? std::string(object.substr(3)) : std::string();
}
std::string claim_name(const std::string& claim) { return "mf-" + claim; }
std::string field_manager(const KubernetesOptions& options) { return "mifeng-" + options.installation.substr(0, 8); }

json::Object render_pod_spec(const KubernetesOptions& options, const Workload& workload) {
  return Object{{"serviceAccountName", kModelAccount},
                {"automountServiceAccountToken", false},
                {"enableServiceLinks", false},
                {"shareProcessNamespace", false},
                {"hostNetwork", false},
                {"hostPID", false},
                {"hostIPC", false},
                {"restartPolicy", "Always"},
                {"terminationGracePeriodSeconds", workload.pod.termination_grace_seconds},
                {"securityContext", Object{{"runAsNonRoot", true},
                                           {"fsGroup", static_cast<std::int64_t>(manifest::kGuardUser)},
                                           {"fsGroupChangePolicy", "OnRootMismatch"},
                                           {"seccompProfile", Object{{"type", "RuntimeDefault"}}}}},
                {"nodeSelector", Object{{"kubernetes.io/arch", manifest::kArchitecture}}},
                {"tolerations", tolerations_of(workload.pod)},
                {"topologySpreadConstraints",
                 Array{Object{{"maxSkew", 1},
                              {"topologyKey", "kubernetes.io/hostname"},
                              {"whenUnsatisfiable", "ScheduleAnyway"},
                              {"labelSelector", Object{{"matchLabels", selector_of(options, workload.deployment)}}}}}},
                {"initContainers", Array{start_container(options, workload)}},
                {"containers", Array{container_of(workload, true), container_of(workload, false)}},
                {"volumes", volumes_of(workload)}};
}

bool must_recreate(const Workload& workload) { return !workload.pod.claim_mounts.empty(); }

std::vector<Rendered> render(const KubernetesOptions& options, const Workload& workload, cluster::Replacing replacing) {
  std::vector<Rendered> objects;
  for (const auto& claim : workload.pod.claim_mounts) objects.push_back(claim_object(options, claim));
  objects.push_back(network_policy(options, workload));
  if (!workload.pod.ports.empty()) objects.push_back(service_object(options, workload));
  if (workload.replicas > 1) objects.push_back(disruption_budget(options, workload));
  objects.push_back(deployment_object(options, workload, replacing));
  return objects;
}

Result<std::vector<json::Object>> render_objects(const KubernetesOptions& options, const Workload& workload) {
  MIFENG_CHECK(validate(workload));
  std::vector<json::Object> objects;
  for (Rendered& rendered : render(options, workload)) objects.push_back(std::move(rendered.object));
  return objects;
}

std::vector<Rendered> render_common(const KubernetesOptions& options) {
  Object labels{{std::string(kManagedBy), "mifeng"}};
  Object account{{"apiVersion", "v1"},
                 {"kind", "ServiceAccount"},
                 {"metadata", Object{{"name", kModelAccount}, {"namespace", options.name_space}, {"labels", labels}}},
                 {"automountServiceAccountToken", false}};
  std::vector<Rendered> objects;
  objects.push_back({Kind::kServiceAccount, kModelAccount, std::move(account)});
  return objects;
}

}  // namespace mifeng::kubernetes
