#include "pod_drift.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "mifeng/base/beginning.h"
#include "mifeng/cluster/json_path.h"
#include "objects.h"
#include "seen.h"

namespace mifeng::kubernetes {
namespace {

using json::Array;
using json::Object;
using json::Value;

// Of the pod: where it runs, and how it got there.
constexpr std::array<std::string_view, 13> kFreeOfPod{
    "nodeName",          "affinity",      "nodeSelector",    "tolerations",      "priority",
    "priorityClassName", "schedulerName", "schedulingGates", "imagePullSecrets", "topologySpreadConstraints",
    "preemptionPolicy",  "overhead",      "resourceClaims"};
constexpr std::array<std::string_view, 2> kFreeOfContainer{"resources", "imagePullPolicy"};

bool contains(auto list, std::string_view name) { return std::find(list.begin(), list.end(), name) != list.end(); }

std::string shown(const Value& value) {
  std::string text = json::serialize(value);
  if (text.size() > 200) text = std::string(beginning_of(text, 200)) + "…";
  return text;
}

// What the API server adds of itself where nothing was said, by path within its object.
bool is_default(std::string_view name, const Value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr) return false;
  return (name == "dnsPolicy" && *text == "ClusterFirst") ||
         (name == "terminationMessagePath" && *text == "/dev/termination-log");
}

// What the API server leaves out, since it says nothing.
bool says_nothing(std::string_view name, const Value& value) {
  const bool* flag = value.if_bool();
  if (flag != nullptr && !*flag) return name == "hostNetwork" || name == "hostPID" || name == "hostIPC";
  const std::string* text = value.if_string();
  return text != nullptr && text->empty() && name == "value";
}

std::string_view without_host(std::string_view image) {
  const std::size_t slash = image.find('/');
  return slash == std::string_view::npos ? image : image.substr(slash + 1);
}

std::optional<std::string> compare(const std::string& path, std::string_view name, const Value& rendered,
                                   const Value& seen);

std::optional<std::string> compare_objects(const std::string& path, const Object& rendered, const Object& seen,
                                           auto is_free) {
  const std::string prefix = path.empty() ? "" : path + ".";
  for (const auto& [name, value] : seen) {
    if (is_free(name) || (name == "serviceAccount" && path.empty())) continue;  // the old name of another field
    const Value* wanted = rendered.find(name);
    if (wanted == nullptr) {
      if (is_default(name, value) || says_nothing(name, value)) continue;
      return prefix + name + " is " + shown(value) + ", rendered was nothing";
    }
    if (auto drift = compare(prefix + name, name, *wanted, value)) return drift;
  }
  for (const auto& [name, value] : rendered) {
    if (is_free(name) || seen.find(name) != nullptr || says_nothing(name, value)) continue;
    return prefix + name + " is missing, rendered was " + shown(value);
  }
  return std::nullopt;
}

std::optional<std::string> compare(const std::string& path, std::string_view name, const Value& rendered,
                                   const Value& seen) {
  const auto differs = [&]() -> std::optional<std::string> {
    return path + " is " + shown(seen) + ", rendered was " + shown(rendered);
  };
  if (const Object* wanted = rendered.if_object()) {
    const Object* object = seen.if_object();
    if (object == nullptr) return differs();
    const bool of_container = path.ends_with(']') &&
                              (path.starts_with("containers[") || path.starts_with("initContainers[")) &&
                              path.find('.') == std::string::npos;
    return compare_objects(path, *wanted, *object,
                           [&](std::string_view field) { return of_container && contains(kFreeOfContainer, field); });
  }
  if (const Array* wanted = rendered.if_array()) {
    const Array* list = seen.if_array();
    if (list == nullptr || list->size() != wanted->size()) return differs();
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      if (auto drift = compare(place, name, (*wanted)[i], (*list)[i])) return drift;
    }
    return std::nullopt;
  }
  const std::string* wanted_text = rendered.if_string();
  const std::string* seen_text = seen.if_string();
  if (wanted_text != nullptr && seen_text != nullptr) {
    if (name == "image" && without_host(*wanted_text) == without_host(*seen_text)) return std::nullopt;
    // One quantity has many spellings.
    if (name == "sizeLimit" && thousandths(*wanted_text) && thousandths(*wanted_text) == thousandths(*seen_text))
      return std::nullopt;
  }
  if (rendered == seen) return std::nullopt;
  return differs();
}

constexpr const char* kImageOf = "the image of the container ";
constexpr const char* kEphemeral = "the ephemeral container ";
constexpr const char* kDeadline = "activeDeadlineSeconds";

std::string part_of(const Changeable& parts, const std::string& name) {
  const auto found = parts.find(name);
  return found == parts.end() ? "" : found->second;
}

std::string_view digest_of(std::string_view image) { return image.substr(std::min(image.size(), image.find('@'))); }

void add_images(const Object& spec, const char* list, const std::string& what, Changeable& parts) {
  const Value* value = spec.find(list);
  const Array* containers = value == nullptr ? nullptr : value->if_array();
  if (containers == nullptr) return;
  for (const Value& one : *containers)
    if (const Object* container = one.if_object())
      parts[what + cluster::text_at(*container, "name")] = without_host(cluster::text_at(*container, "image"));
}

}  // namespace

Changeable changeable_parts(const Object& spec) {
  Changeable parts;
  add_images(spec, "initContainers", kImageOf, parts);
  add_images(spec, "containers", kImageOf, parts);
  add_images(spec, "ephemeralContainers", kEphemeral, parts);
  if (const Value* deadline = spec.find(kDeadline)) parts[kDeadline] = json::serialize(*deadline);
  return parts;
}

std::optional<std::string> find_change(const Changeable& before, const Changeable& now) {
  for (const auto& [what, value] : now) {
    const auto was = before.find(what);
    if (was == before.end()) return what + " was added: " + value;
    if (was->second != value) return what + " was " + was->second + " and is " + value;
  }
  for (const auto& [what, value] : before)
    if (!now.contains(what)) return what + " is gone";
  return std::nullopt;
}

std::optional<std::string> find_evident_change(const Changeable& rendered, const Changeable& seen) {
  for (const auto& [what, value] : seen)
    if (what.starts_with(kEphemeral) || what == kDeadline) return what + " was added: " + value;
  const auto of = [](const Changeable& parts, const char* container) {
    return part_of(parts, std::string(kImageOf) + container);
  };
  const auto differs = [](const char* container, const std::string& is, const std::string& was) {
    return std::string(kImageOf) + container + " was " + was + " and is " + is;
  };
  if (digest_of(of(seen, kModelContainer)) != digest_of(of(rendered, kModelContainer)))
    return differs(kModelContainer, of(seen, kModelContainer), of(rendered, kModelContainer));
  if (of(seen, kGuardContainer) != of(seen, kStartContainer))
    return differs(kGuardContainer, of(seen, kGuardContainer), of(seen, kStartContainer));
  return std::nullopt;
}

std::optional<std::string> find_pod_drift(const Object& rendered, const Object& spec) {
  return compare_objects("", rendered, spec, [](std::string_view field) { return contains(kFreeOfPod, field); });
}

}  // namespace mifeng::kubernetes
