#include "reasons.h"

#include <algorithm>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"
#include "mifeng/manifest/rules.h"

namespace mifeng::kubernetes {
namespace {

constexpr std::size_t kReasonMax = 500;
constexpr std::string_view kGuard = "guard";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return has(text, part); });
}

// What stands between `before` and the next of `ends`; "" where that is not there.
std::string between(std::string_view text, std::string_view before, std::string_view ends) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return std::string(text.substr(0, text.find_first_of(ends)));
}

// Of the scheduler's words those about nodes, without those about units that might make room.
std::string without_preemption(const std::string& message) {
  std::string text = message.substr(0, message.find(" preemption:"));
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

// In what people count it in: cpu in thousandths ("m"), memory in mebibytes.
struct Short {
  std::string resource;
  std::int64_t asked = 0, free = 0;
  const char* unit = "";

  std::string shown(std::int64_t amount) const { return std::to_string(amount) + unit; }
};
// The first resource of which no node has as much as is asked for. Each may have enough of each for itself and none
// enough of all: then nothing.
std::optional<Short> what_is_short(const Taken& asked, const std::vector<Taken>& free) {
  if (free.empty()) return std::nullopt;
  const auto most = [&](auto get) {
    std::int64_t largest = 0;
    for (const Taken& node : free) largest = std::max<std::int64_t>(largest, get(node));
    return largest;
  };
  for (const auto& [name, count] : asked.devices) {
    const auto there = most([&](const Taken& node) {
      const auto found = node.devices.find(name);
      return found == node.devices.end() ? 0 : found->second;
    });
    if (there < count) return Short{name, count, there, ""};
  }
  const auto memory = most([](const Taken& node) { return node.memory_bytes; });
  if (memory < asked.memory_bytes)
    return Short{"memory", (asked.memory_bytes + (1 << 20) - 1) >> 20, memory >> 20, "Mi"};
  const auto cpu = most([](const Taken& node) { return node.cpu_millis; });
  if (cpu < asked.cpu_millis) return Short{"cpu", asked.cpu_millis, cpu, "m"};
  return std::nullopt;
}

}  // namespace

bool Taken::fits_into(const Taken& free) const {
  return cpu_millis <= free.cpu_millis && memory_bytes <= free.memory_bytes &&
         std::all_of(devices.begin(), devices.end(), [&](const auto& one) {
           const auto found = free.devices.find(one.first);
           return one.second <= (found == free.devices.end() ? 0 : found->second);
         });
}

void Taken::add(const Taken& other) {
  cpu_millis += other.cpu_millis;
  memory_bytes += other.memory_bytes;
  for (const auto& [name, count] : other.devices) devices[name] += count;
}

void Taken::subtract(const Taken& other) {
  cpu_millis -= other.cpu_millis;
  memory_bytes -= other.memory_bytes;
  for (const auto& [name, count] : other.devices) devices[name] -= count;
}

std::string last_line(std::string text) {
  const std::size_t end = text.find_last_not_of(" \r\n\t");
  text.resize(end == std::string::npos ? 0 : end + 1);
  if (const std::size_t last = text.find_last_of('\n'); last != std::string::npos) text = text.substr(last + 1);
  text.resize(beginning_of(text, kReasonMax).size());
  return text;
}

std::string last_words(std::string text) {
  const std::string last = last_line(text);
  const std::size_t end = text.find_last_not_of(" \r\n\t");
  const std::size_t line = end == std::string::npos ? std::string::npos : text.find_last_of('\n', end);
  if (line == std::string::npos) return last;
  text.resize(line);
  const std::string before = last_line(std::move(text));
  return before.empty() ? last : before + "; " + last;
}

Reason why_not_pulled(const std::string& container, const std::string& message) {
  if (has(message, "no match for platform"))
    return {.code = "wrong-architecture",
            .sentence = phrase("the image of the container {} is not for the node's processor: {}", container, message),
            .remedy = phrase("deploy a version that was packed for these nodes, or add a node with such a processor")};
  if (has_any(message, {"x509:", "certificate signed by unknown authority", "failed to verify certificate"}))
    return {
        .code = "registry-not-trusted",
        .sentence = phrase("the node does not trust the registry of the container {}'s image: {}", container, message),
        .remedy = phrase("give each node the registry's CA (docs/kubernetes.md, The registry's certificate)")};
  if (has_any(message, {"403 Forbidden", "access denied", "denied:"}))
    return {
        .code = "registry-refused",
        .sentence = phrase("the registry refuses the image of the container {} to the node: {}", container, message),
        .remedy = phrase("allow the user of the cluster's pull secret to pull in the registry's project")};
  if (has_any(message, {"401 Unauthorized", "authorization failed", "failed to authorize", "no basic auth credentials",
                        "unauthorized:"}))
    return {
        .code = "registry-refused",
        .sentence = phrase("the registry refuses the image of the container {} to the node: {}", container, message),
        .remedy =
            phrase("give the cluster a login that the registry takes: mifeng cluster set CLUSTER --pull-user USER")};
  if (has_any(message, {"not found", "NotFound", "manifest unknown"}))
    return {.code = "image-not-found",
            .sentence = phrase("the registry does not have the image of the container {}: {}", container, message),
            .remedy = phrase("see whether the nodes take images from the platform's registry (mifeng cluster set "
                             "--registry); if so, push the package again, or deploy another version")};
  return {.code = "image-not-pulled",
          .sentence = phrase("the image of the container {} could not be pulled: {}", container, message),
          .remedy = phrase("see whether the nodes reach the registry (mifeng cluster set --registry), and its log")};
}

Reason why_no_login(const std::string& message) {
  return {.code = "no-pull-secret",
          .sentence = phrase("the registry refuses the image, and its login is not in the namespace: {}", message),
          .remedy = phrase(
              "somebody has deleted the Secret; have it made anew: mifeng cluster set CLUSTER --pull-user USER")};
}

Reason why_ended(const Ended& ended) {
  const bool is_guard = ended.container == kGuard;
  if (ended.reason == "OOMKilled") {
    const std::int64_t limit = ended.memory_limit_bytes >> 20;
    return {.code = "out-of-memory",
            .sentence = limit > 0 ? phrase("the container {} needed more memory than its limit of {} MiB and was ended",
                                           ended.container, limit)
                                  : phrase("the container {} needed more memory than its node has and was ended",
                                           ended.container),
            .remedy = is_guard ? phrase("a guard's memory follows from the payload's size: report this")
                               : phrase("raise its limit: mifeng deploy --limit memory=AMOUNT")};
  }
  if (has(ended.words, "exec format error"))
    return {.code = "wrong-architecture",
            .sentence = phrase("the image of the container {} is not for the node's processor: {}", ended.container,
                               ended.words),
            .remedy = phrase("deploy a version that was packed for these nodes, or add a node with such a processor")};
  if (ended.reason == "StartError" || ended.reason == "ContainerCannotRun")
    return why_cannot_start(ended.container, ended.words);
  return {.code = "exited",
          .sentence =
              ended.words.empty()
                  ? phrase("the container {} ended with exit status {}", ended.container, ended.code)
                  : phrase("the container {} ended with exit status {}: {}", ended.container, ended.code, ended.words),
          .remedy = see_log()};
}

Reason why_cannot_start(const std::string& container, const std::string& message) {
  return {.code = "cannot-start",
          .sentence = phrase("the container {} cannot be started: {}", container, message),
          .remedy = phrase("mend what the node's words name, or deploy another version")};
}

Reason why_unschedulable(const std::string& message, const Taken& asked, const std::vector<Taken>& free) {
  const std::string words = without_preemption(message);
  std::string taint = between(message, "untolerated taint {", "}");
  if (taint.ends_with(": ")) taint.resize(taint.size() - 2);  // without a value
  if (has(message, "unbound immediate PersistentVolumeClaims") || has(message, "persistentvolumeclaim"))
    return why_not_bound("", words);
  if (has(message, "Insufficient ")) {
    if (const auto short_of = what_is_short(asked, free))
      return {.code = "unschedulable",
              .sentence = phrase("no node has room for it: of {} it asks for {}, and the most that is free on one node "
                                 "is {}, {} too little ({})",
                                 short_of->resource, short_of->shown(short_of->asked), short_of->shown(short_of->free),
                                 short_of->shown(short_of->asked - short_of->free), words),
              .remedy = phrase("let it ask for less (mifeng deploy --request {}=AMOUNT), end something else, or add a "
                               "node",
                               short_of->resource)};
    return {.code = "unschedulable",
            .sentence =
                phrase("no node has room for it: too little {} ({})", between(message, "Insufficient ", ".,: "), words),
            .remedy = phrase("let it ask for less (mifeng deploy --request), end something else, or add a node")};
  }
  if (taint == "node.kubernetes.io/unreachable" || taint == "node.kubernetes.io/not-ready")
    return {.code = "node-lost",
            .sentence = phrase("the nodes that could take it do not answer ({})", words),
            .remedy = phrase("see `kubectl get nodes`, and get them to answer again")};
  if (!taint.empty()) {
    const std::string key = taint.substr(0, taint.find(':'));
    return {.code = "unschedulable",
            .sentence = phrase("no node takes it: they have the taint {} ({})", taint, words),
            .remedy = manifest::check_taint_key(key)
                          ? phrase("take the taint away (kubectl taint nodes NODE {}-), or add a node without it", key)
                          : phrase("let it tolerate the taint (mifeng update --toleration {}), take the taint away "
                                   "(kubectl taint nodes NODE {}-), or add a node without it",
                                   key, key)};
  }
  if (has(message, "were unschedulable"))
    return {.code = "unschedulable",
            .sentence = phrase("no node takes it: they are cordoned ({})", words),
            .remedy = phrase("let a node take units again (kubectl uncordon NODE), or add one")};
  return {.code = "unschedulable",
          .sentence = phrase("no node of the cluster takes it: {}", words),
          .remedy = phrase("add a node that fits, or deploy it to another cluster")};
}

Reason why_not_bound(const std::string& claim, const std::string& words) {
  return {.code = "volume-not-bound",
          .sentence = claim.empty() ? phrase("its volume is not there yet: {}", words)
                                    : phrase("its volume {} is not there yet: {}", claim, words),
          .remedy = phrase("make a PersistentVolume for it, or a storage class that makes one (kubectl get pvc,sc)")};
}

Reason why_not_set_up(const std::string& words) {
  return {.code = "cannot-start",
          .sentence = phrase("its node cannot set it up: {}", words),
          .remedy = phrase("mend what the node's words name, or deploy another version")};
}

Reason why_node_lost(const std::string& node) {
  return {
      .code = "node-lost",
      .sentence = phrase("its node {} does not answer any more", node),
      .remedy = phrase("see `kubectl describe node {}`; half a minute later the unit is made on another node, where "
                       "there is one",
                       node)};
}

Reason why_not_made(const std::string& message) {
  if (has(message, "exceeded quota"))
    return {.code = "quota",
            .sentence = phrase("a quota of the namespace lets no further unit be made: {}", message),
            .remedy = phrase("raise the quota (kubectl get resourcequota), or ask for less or fewer")};
  if (has_any(message, {"usage per Container is", "usage per Pod is", "usage per PersistentVolumeClaim is",
                        "limit to request ratio per"}))
    return {
        .code = "limit-range",
        .sentence = phrase("a limit range of the namespace lets no unit of this size be made: {}", message),
        .remedy = phrase("change the limit range (kubectl get limitrange), or the deployment's requests and limits")};
  return {.code = "not-admitted",
          .sentence = phrase("the cluster lets no further unit be made: {}", message),
          .remedy = phrase("the message names the rule: ask whoever runs the cluster to let these units in")};
}

Reason why_port_taken(const std::string& message) {
  return {.code = "port-taken",
          .sentence = phrase("a node port of it belongs to somebody else in the cluster: {}", message),
          .remedy = phrase("deploy it to another port, or free this one (kubectl get services -A)")};
}

Reason why_refused(std::string code, const std::string& message) {
  return {.code = std::move(code),
          .sentence = phrase("the cluster does not take the deployment: {}", message),
          .remedy = phrase("see what the message names, and the platform's rights: mifeng doctor --cluster")};
}

Reason why_changed(const std::string& how) {
  return {.code = "changed",
          .sentence = phrase("the pod is not what was rendered: {}", how),
          .remedy = phrase("it is made anew; see who else may change pods in the namespace: mifeng doctor --cluster")};
}

Reason why_overdue(std::int64_t seconds, const std::string& otherwise) {
  return {.code = "deadline-exceeded",
          .sentence = phrase("it was not ready within {} s: {}", seconds, otherwise),
          .remedy = see_log()};
}

}  // namespace mifeng::kubernetes
