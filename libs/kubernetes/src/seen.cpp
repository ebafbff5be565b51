#include "seen.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"
#include "objects.h"

namespace mifeng::kubernetes {
namespace {

using cluster::at;
using cluster::bool_at;
using cluster::integer_at;
using cluster::text_at;
using cluster::Unit;
using cluster::UnitState;

constexpr std::size_t kReasonMax = 500;

template <typename... Names>
std::vector<const json::Object*> objects_at(const json::Object& from, Names... names) {
  std::vector<const json::Object*> objects;
  const json::Value* value = at(from, names...);
  const json::Array* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr) return objects;
  for (const json::Value& one : *list)
    if (const json::Object* object = one.if_object()) objects.push_back(object);
  return objects;
}

template <typename... Names>
const json::Object* object_at(const json::Object& from, Names... names) {
  const json::Value* value = at(from, names...);
  return value == nullptr ? nullptr : value->if_object();
}

// A quantity may be a number or a text.
std::int64_t thousandths_of(const json::Value& value) {
  if (const std::string* text = value.if_string()) return thousandths(*text).value_or(0);
  if (const std::int64_t* number = value.if_int64()) return *number * 1000;
  return 0;
}

std::int64_t number_in(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Of a container's "requests" or "limits".
void add_resources(Taken& taken, const json::Object* resources) {
  if (resources == nullptr) return;
  for (const auto& [name, value] : *resources) {
    const std::int64_t amount = thousandths_of(value);
    if (name == "cpu") {
      taken.cpu_millis += amount;
    } else if (name == "memory") {
      taken.memory_bytes += amount / 1000;
    } else if (name.find('/') != std::string::npos) {
      taken.devices[name] += amount / 1000;
    }
  }
}

void raise_to(Taken& taken, const Taken& other) {
  taken.cpu_millis = std::max(taken.cpu_millis, other.cpu_millis);
  taken.memory_bytes = std::max(taken.memory_bytes, other.memory_bytes);
  for (const auto& [name, count] : other.devices) taken.devices[name] = std::max(taken.devices[name], count);
}

// As the scheduler counts: all containers together with those first ones that stay (sidecars), or as much as one of the
// others that come first takes beside the sidecars before it.
Taken taken_of(const json::Object& spec, const char* which) {
  Taken side_by_side, most;
  for (const json::Object* container : objects_at(spec, "initContainers")) {
    const json::Object* wanted = object_at(*container, "resources", which);
    if (text_at(*container, "restartPolicy") == "Always") {
      add_resources(side_by_side, wanted);
      continue;
    }
    Taken meanwhile = side_by_side;
    add_resources(meanwhile, wanted);
    raise_to(most, meanwhile);
  }
  for (const json::Object* container : objects_at(spec, "containers"))
    add_resources(side_by_side, object_at(*container, "resources", which));
  raise_to(most, side_by_side);
  add_resources(most, object_at(spec, "overhead"));
  return most;
}

void explain(Unit& unit, Reason why) {
  if (unit.reason_code.empty()) unit.take(std::move(why));  // the first found says most
}

const json::Object* named(const std::vector<const json::Object*>& list, std::string_view name) {
  for (const json::Object* one : list)
    if (text_at(*one, "name") == name) return one;
  return nullptr;
}

// As the pod's spec says; 0 where it says none.
std::int64_t memory_limit_of(const json::Object& pod, const char* list, const std::string& container) {
  const json::Object* wanted = named(objects_at(pod, "spec", list), container);
  const json::Value* limit = wanted == nullptr ? nullptr : at(*wanted, "resources", "limits", "memory");
  return limit == nullptr ? 0 : thousandths_of(*limit) / 1000;
}

// How a container ended that is not to end.
Reason why_it_ended(const json::Object& pod, const char* list, const std::string& container,
                    const json::Object& ended) {
  return why_ended({.container = container,
                    .reason = text_at(ended, "reason"),
                    .words = last_words(text_at(ended, "message")),
                    .code = integer_at(ended, "exitCode"),
                    .memory_limit_bytes = memory_limit_of(pod, list, container)});
}

// Why a container does not run that kubelet waits with, and which has not ended before.
void explain_waiting(PodSeen& seen, const std::string& container, const json::Object& waiting) {
  Unit& unit = seen.unit;
  const std::string reason = text_at(waiting, "reason");
  const std::string message = last_line(text_at(waiting, "message"));
  if (reason == "ErrImageNeverPull") {
    explain(unit,
            {.code = "image-not-found",
             .sentence = phrase("the image of the container {} is not on the node, and imagePullPolicy is Never: {}",
                                container, message),
             .remedy = phrase("put the image on the node, or deploy a version with another imagePullPolicy")});
  } else if (reason == "ErrImagePull" || reason == "ImagePullBackOff" || reason == "InvalidImageName" ||
             reason == "RegistryUnavailable") {
    if (unit.reason_code.empty()) seen.waiting_container = container;
    explain(unit, why_not_pulled(container, message));
  } else if (reason != "ContainerCreating" && reason != "PodInitializing" && reason != "CrashLoopBackOff" &&
             !reason.empty()) {
    explain(unit, why_cannot_start(container, reason + ": " + message));
  }
}

// How a container ended that does not run now, whether or not kubelet waits already to start it again.
const json::Object* end_of(const json::Object& status) {
  if (const json::Object* ended = object_at(status, "state", "terminated")) return ended;
  return object_at(status, "state", "waiting") == nullptr ? nullptr : object_at(status, "lastState", "terminated");
}

// Of an init container, one that ended well is done.
void look_at_containers(const json::Object& pod, const char* list, PodSeen& seen) {
  const bool is_init = std::string_view(list) == "initContainers";
  for (const json::Object* status :
       objects_at(pod, "status", is_init ? "initContainerStatuses" : "containerStatuses")) {
    const std::string name = text_at(*status, "name");
    seen.container_ids.push_back(text_at(*status, "containerID"));
    if (const json::Object* waiting = object_at(*status, "state", "waiting")) explain_waiting(seen, name, *waiting);
    const json::Object* ended = end_of(*status);
    if (ended != nullptr && !(is_init && integer_at(*ended, "exitCode") == 0))
      explain(seen.unit, why_it_ended(pod, list, name, *ended));
  }
}

// The guard's container is the unit's first: its run is the unit's.
struct GuardSeen {
  bool started = false;                 // it has answered that it lives
  const json::Object* ended = nullptr;  // how it ended, where it does not run
};
GuardSeen look_at_guard(const json::Object& pod, Unit& unit) {
  GuardSeen seen;
  const json::Object* status = named(objects_at(pod, "status", "containerStatuses"), kGuardContainer);
  if (status == nullptr) return seen;
  if (const json::Object* running = object_at(*status, "state", "running")) {
    seen.started = bool_at(*status, "started");
    unit.started_at_ms = time_of(text_at(*running, "startedAt"));
    return seen;
  }
  seen.ended = end_of(*status);
  if (seen.ended == nullptr) return seen;
  unit.started_at_ms = time_of(text_at(*seen.ended, "startedAt"));
  unit.finished_at_ms = time_of(text_at(*seen.ended, "finishedAt"));
  unit.exit_code = static_cast<int>(integer_at(*seen.ended, "exitCode"));
  return seen;
}

bool could_not_be_started(const Unit& unit) {
  static constexpr std::array kNeverStarted{"image-not-found",      "image-not-pulled",   "registry-refused",
                                            "registry-not-trusted", "wrong-architecture", "cannot-start"};
  return std::find(kNeverStarted.begin(), kNeverStarted.end(), unit.reason_code) != kNeverStarted.end();
}

const json::Object* condition(const json::Object& object, std::string_view type) {
  for (const json::Object* one : objects_at(object, "status", "conditions"))
    if (text_at(*one, "type") == type) return one;
  return nullptr;
}

void look_at_pod(const json::Object& pod, PodSeen& seen) {
  Unit& unit = seen.unit;
  unit.name = seen.name;
  unit.engine_id = seen.uid;
  unit.deployment = seen.deployment;
  unit.node = seen.node;
  unit.revision = number_in(text_at(pod, "metadata", "labels", kLabelRevision));
  unit.restart = number_in(text_at(pod, "metadata", "annotations", kAnnotationRestart));
  const std::string phase = text_at(pod, "status", "phase");
  seen.ended = phase == "Succeeded" || phase == "Failed";
  const GuardSeen guard = look_at_guard(pod, unit);
  look_at_containers(pod, "initContainers", seen);
  look_at_containers(pod, "containers", seen);
  for (const json::Object* volume : objects_at(pod, "spec", "volumes"))
    if (std::string claim = text_at(*volume, "persistentVolumeClaim", "claimName"); !claim.empty())
      seen.claims.push_back(std::move(claim));
  if (at(pod, "metadata", "deletionTimestamp") != nullptr) {
    unit.state = UnitState::kStopping;
    unit.ready = false;
    return;
  }
  if (seen.ended) {
    unit.state = UnitState::kExited;
    const std::string words = last_line(text_at(pod, "status", "reason") + ": " + text_at(pod, "status", "message"));
    explain(unit, {.code = "exited",
                   .sentence = phrase("its node has given it up: {}", words),
                   .remedy = phrase("see the node's events (kubectl get events); another unit is made for it")});
    return;
  }
  const json::Object* scheduled = condition(pod, "PodScheduled");
  if (scheduled != nullptr && text_at(*scheduled, "status") == "False")
    seen.scheduler_words = last_line(text_at(*scheduled, "message"));
  // With what the view knows of the nodes more can be said.
  if (!seen.scheduler_words.empty()) explain(unit, why_unschedulable(seen.scheduler_words, seen.taken, {}));
  // Kubelet starts it again, later each time.
  const bool failed = could_not_be_started(unit) && (phase == "Pending" || guard.ended != nullptr);
  if (failed || guard.ended != nullptr) {
    unit.state = failed ? UnitState::kFailed : UnitState::kExited;
    if (failed) unit.exit_code.reset();  // of no run at all
    return;
  }
  unit.state = phase == "Running" ? UnitState::kRunning : UnitState::kPending;
  const json::Object* ready = condition(pod, "Ready");
  unit.ready = unit.state == UnitState::kRunning && ready != nullptr && text_at(*ready, "status") == "True";
  if (unit.ready) return unit.take({});
  if (unit.state != UnitState::kRunning) return;
  if (guard.started) {
    explain(unit, why_not_ready(phrase("its health port says no")));
  } else {
    explain(unit, {.code = "not-answering",
                   .sentence = phrase("it runs and does not answer on its health port yet"),
                   .remedy = phrase("see its guard's log: mifeng logs --container guard")});
  }
}

}  // namespace

std::optional<std::int64_t> thousandths(std::string_view quantity) {
  double number = 0;
  const auto parsed = std::from_chars(quantity.data(), quantity.data() + quantity.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  const std::string_view unit(parsed.ptr, quantity.data() + quantity.size());
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},        {"m", 1e-3},       {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12}, {"P", 1e15},
      {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"u", 1e-6}, {"n", 1e-9}};
  for (const auto& [name, factor] : kUnits)
    if (name == unit) {
      const double value = number * factor * 1000;
      if (!(std::abs(value) < 9e18)) return std::nullopt;
      return static_cast<std::int64_t>(std::llround(value));
    }
  return std::nullopt;
}

std::optional<UnixMillis> time_of(std::string_view text) {
  std::tm parts{};
  const std::string held(text.substr(0, 40));
  const char* rest = ::strptime(held.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  int millis = 0;
  if (*rest == '.') {
    int digits = 0;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest)
      if (digits++ < 3) millis = millis * 10 + (*rest - '0');
    for (; digits < 3; ++digits) millis *= 10;
  }
  if (*rest != 'Z') return std::nullopt;
  return static_cast<UnixMillis>(::timegm(&parts)) * 1000 + millis;
}

Result<NewsSeen> read_news(std::string_view line) {
  json::ParseLimits limits;
  limits.bytes = kNewsMax;
  limits.depth = 64;
  auto parsed = json::parse_object(line, limits);
  if (!parsed) return Error(ErrorCode::kInternal, "bad-api-answer", parsed.error().message());
  json::Value* value = parsed->find("object");
  json::Object* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr)
    return Error(ErrorCode::kInternal, "bad-api-answer", "an event of the API server has no object");
  const std::string type = text_at(*parsed, "type");
  if (type == "ERROR") {
    const bool expired = integer_at(*object, "code") == 410;
    return Error(ErrorCode::kUnavailable, expired ? "expired" : "api-unavailable", text_at(*object, "message"));
  }
  NewsSeen news;
  news.kind = type == "BOOKMARK"  ? NewsSeen::Kind::kBookmark
              : type == "DELETED" ? NewsSeen::Kind::kGone
                                  : NewsSeen::Kind::kThere;
  news.resource_version = text_at(*object, "metadata", "resourceVersion");
  news.object = std::move(*object);
  return news;
}

bool PodSeen::operator==(const PodSeen& other) const {
  const Unit &a = unit, &b = other.unit;
  return name == other.name && uid == other.uid && node == other.node && ended == other.ended && a.state == b.state &&
         a.ready == b.ready && a.reason == b.reason && a.reason_code == b.reason_code && a.revision == b.revision &&
         a.restart == b.restart && a.started_at_ms == b.started_at_ms && a.finished_at_ms == b.finished_at_ms &&
         a.exit_code == b.exit_code && taken == other.taken && host_ports == other.host_ports &&
         container_ids == other.container_ids && changeable == other.changeable && change == other.change;
}

Taken taken_by(const json::Object& spec) { return taken_of(spec, "requests"); }
Taken limits_of(const json::Object& spec) { return taken_of(spec, "limits"); }

std::optional<QuotaSeen> quota_in(const json::Object& object) {
  if (at(object, "spec", "scopes") != nullptr || at(object, "spec", "scopeSelector") != nullptr) return std::nullopt;
  QuotaSeen seen;
  seen.name = text_at(object, "metadata", "name");
  const json::Object* hard = object_at(object, "status", "hard");
  const json::Object* used = object_at(object, "status", "used");
  if (hard == nullptr) return seen;
  for (const auto& [name, value] : *hard) {
    const json::Value* taken = used == nullptr ? nullptr : used->find(name);
    const std::int64_t unit = name.ends_with("cpu") ? 1 : 1000;
    const std::int64_t all = thousandths_of(value), used_of_it = taken == nullptr ? 0 : thousandths_of(*taken);
    seen.of[name] = {.all = all / unit, .free = std::max<std::int64_t>(0, all - used_of_it) / unit};
  }
  return seen;
}

void bound_by(const QuotaSeen& quota, cluster::Capacity& capacity) {
  const auto bound = [](cluster::Amount& what, const cluster::Amount& by) {
    what = {.all = std::min(what.all, by.all), .free = std::min(what.free, by.free)};
  };
  for (const auto& [word, amount] : quota.of) {
    if (word == "cpu" || word == "requests.cpu") bound(capacity.cpu_millis, amount);
    if (word == "memory" || word == "requests.memory") bound(capacity.memory_bytes, amount);
    // "count/pods" is the newer word for the same.
    const std::string name = word.starts_with("count/") ? word.substr(6) : word;
    if (name == "pods" || name == "services" || name == "services.nodeports")
      bound(capacity.counts.emplace(name, amount).first->second, amount);
  }
}

bool has_room_for(const QuotaSeen& quota, const json::Object& pod_spec) {
  const Taken requests = taken_by(pod_spec), limits = limits_of(pod_spec);
  return std::all_of(quota.of.begin(), quota.of.end(), [&](const auto& one) {
    const auto& [name, left] = std::pair(one.first, one.second.free);
    if (name == "pods" || name == "count/pods") return left >= 1;
    if (name == "cpu" || name == "requests.cpu") return left >= requests.cpu_millis;
    if (name == "memory" || name == "requests.memory") return left >= requests.memory_bytes;
    if (name == "limits.cpu") return left >= limits.cpu_millis;
    if (name == "limits.memory") return left >= limits.memory_bytes;
    const auto device = requests.devices.find(name.starts_with("requests.") ? name.substr(9) : "");
    return device == requests.devices.end() || left >= device->second;
  });
}

PodSeen pod_in(const json::Object& object) {
  PodSeen seen;
  seen.name = text_at(object, "metadata", "name");
  seen.name_space = text_at(object, "metadata", "namespace");
  seen.uid = text_at(object, "metadata", "uid");
  seen.installation = text_at(object, "metadata", "labels", kLabelInstallation);
  seen.deployment = text_at(object, "metadata", "labels", kLabelDeployment);
  seen.node = text_at(object, "spec", "nodeName");
  const std::string phase = text_at(object, "status", "phase");
  seen.ended = phase == "Succeeded" || phase == "Failed";
  if (const json::Object* spec = object_at(object, "spec")) seen.taken = taken_by(*spec);
  for (const json::Object* container : objects_at(object, "spec", "containers")) {
    for (const json::Object* port : objects_at(*container, "ports"))
      if (const std::int64_t number = integer_at(*port, "hostPort"); number > 0 && number <= 65535)
        seen.host_ports.push_back(static_cast<std::uint16_t>(number));
  }
  if (seen.installation.empty()) return seen;
  look_at_pod(object, seen);
  if (const json::Object* spec = object_at(object, "spec")) seen.changeable = changeable_parts(*spec);
  return seen;
}

DeploymentSeen deployment_in(const json::Object& object) {
  DeploymentSeen seen;
  seen.name = text_at(object, "metadata", "name");
  seen.uid = text_at(object, "metadata", "uid");
  seen.resource_version = text_at(object, "metadata", "resourceVersion");
  seen.installation = text_at(object, "metadata", "labels", kLabelInstallation);
  seen.deployment = text_at(object, "metadata", "labels", kLabelDeployment);
  seen.generation = integer_at(object, "metadata", "generation");
  seen.observed = integer_at(object, "status", "observedGeneration");
  seen.revision = number_in(text_at(object, "spec", "template", "metadata", "labels", kLabelRevision));
  seen.restart = number_in(text_at(object, "spec", "template", "metadata", "annotations", kAnnotationRestart));
  seen.wanted = integer_at(object, "spec", "replicas");
  seen.replicas = integer_at(object, "status", "replicas");
  seen.updated = integer_at(object, "status", "updatedReplicas");
  seen.available = integer_at(object, "status", "availableReplicas");
  if (const json::Object* failed = condition(object, "ReplicaFailure");
      failed != nullptr && text_at(*failed, "status") == "True")
    seen.failure = last_line(text_at(*failed, "message"));
  seen.deadline_seconds = integer_at(object, "spec", "progressDeadlineSeconds");
  const json::Value* surge = at(object, "spec", "strategy", "rollingUpdate", "maxSurge");
  const bool surges = surge != nullptr && surge->if_int64() != nullptr && *surge->if_int64() > 0;
  seen.strategy = text_at(object, "spec", "strategy", "type") == "Recreate" ? "outage" : surges ? "surge" : "in-place";
  if (const json::Object* progress = condition(object, "Progressing"))
    seen.is_overdue = text_at(*progress, "reason") == "ProgressDeadlineExceeded";
  return seen;
}

ServiceSeen service_in(const json::Object& object) {
  ServiceSeen seen;
  seen.name = text_at(object, "metadata", "name");
  seen.name_space = text_at(object, "metadata", "namespace");
  seen.resource_version = text_at(object, "metadata", "resourceVersion");
  seen.installation = text_at(object, "metadata", "labels", kLabelInstallation);
  seen.deployment = text_at(object, "metadata", "labels", kLabelDeployment);
  for (const json::Object* port : objects_at(object, "spec", "ports"))
    if (const std::int64_t number = integer_at(*port, "nodePort"); number > 0 && number <= 65535)
      seen.node_ports.push_back({text_at(*port, "name"), 0, static_cast<std::uint16_t>(number)});
  const std::int64_t health = integer_at(object, "spec", "healthCheckNodePort");
  if (health > 0 && health <= 65535) seen.health_port = static_cast<std::uint16_t>(health);
  return seen;
}

NodeSeen node_in(const json::Object& object) {
  NodeSeen seen;
  seen.name = text_at(object, "metadata", "name");
  seen.cordoned = bool_at(object, "spec", "unschedulable");
  const json::Object* ready = condition(object, "Ready");
  seen.ready = ready != nullptr && text_at(*ready, "status") == "True";
  for (const json::Object* address : objects_at(object, "status", "addresses"))
    if (text_at(*address, "type") == "InternalIP") seen.addresses.push_back(text_at(*address, "address"));
  for (const json::Object* taint : objects_at(object, "spec", "taints"))
    seen.tainted = seen.tainted || text_at(*taint, "effect") != "PreferNoSchedule";
  if (const json::Value* pods = at(object, "status", "allocatable", "pods")) seen.pods = thousandths_of(*pods) / 1000;
  add_resources(seen.allocatable, object_at(object, "status", "allocatable"));
  return seen;
}

EventSeen event_in(const json::Object& object) {
  EventSeen seen;
  seen.uid = text_at(object, "metadata", "uid");
  seen.kind = text_at(object, "involvedObject", "kind");
  seen.object = text_at(object, "involvedObject", "name");
  seen.is_warning = text_at(object, "type") == "Warning";
  seen.is_own = text_at(object, "source", "component") == kEventSource;
  seen.event.action = text_at(object, "reason");
  seen.event.detail = beginning_of(text_at(object, "message"), kReasonMax);
  if (seen.kind == "Pod") seen.event.unit = seen.object;
  for (const char* name : {"lastTimestamp", "eventTime", "firstTimestamp"})
    if (const auto time = time_of(text_at(object, name))) {
      seen.event.time_ms = *time;
      break;
    }
  return seen;
}

}  // namespace mifeng::kubernetes
