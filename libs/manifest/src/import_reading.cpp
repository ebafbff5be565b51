#include "import_reading.h"

#include <algorithm>
#include <charconv>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"

namespace mifeng::manifest::importing {
namespace {

struct Remedy {
  std::vector<std::string_view> keys;
  std::string sentence;
};

// What to do about a field that is not on the list.
std::string remedy_for(std::string_view key) {
  static const std::vector<Remedy> kRemedies{
      {{"hostPath"},
       phrase("a model sees no folder of its host: use emptyDir, or persistentVolumeClaim for what has to last")},
      {{"configMap", "secret", "projected", "downwardAPI", "csi", "nfs", "ephemeral", "iscsi", "cephfs", "local", "fc",
        "glusterfs", "rbd", "gitRepo", "image"},
       phrase("a volume is an emptyDir or a persistentVolumeClaim: files that the model needs are packed with it")},
      {{"envFrom", "valueFrom"},
       phrase("write each variable out under env with its value; what only the operator knows he sets when he deploys "
              "(--env)")},
      {{"initContainers", "ephemeralContainers"},
       phrase("a model is one container: what this one does has to be done by packing, or by the model's own program")},
      {{"lifecycle"}, phrase("a model has no hooks: let its program do this at its start, or when it gets SIGTERM")},
      {{"nodeName", "nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "schedulerName",
        "priorityClassName", "priority", "runtimeClassName", "schedulingGates", "overhead"},
       phrase("where a model runs is for the operator to say: remove it")},
      {{"serviceAccountName", "serviceAccount"}, phrase("a model has no account in the cluster: remove it")},
      {{"imagePullSecrets"}, phrase("the platform makes the pull secret: remove it")},
      {{"hostPort"}, phrase("a model takes no port of its host: remove it; the platform chooses node ports")},
      {{"hostAliases", "dnsConfig", "hostname", "subdomain", "setHostnameAsFQDN", "hostUsers"},
       phrase("a model has no network of its own to set up: remove it")},
      {{"add", "procMount", "seLinuxOptions", "windowsOptions", "appArmorProfile", "sysctls", "supplementalGroups"},
       phrase("the platform runs every model under the standard `restricted` without more rights: remove it")},
      {{"exec", "tcpSocket", "grpc"}, phrase("readiness is asked by HTTP: use httpGet with a path")},
      {{"subPath", "subPathExpr", "mountPropagation", "recursiveReadOnly", "volumeDevices"},
       phrase("a volume is mounted as a whole: remove it")},
      {{"workingDir"}, phrase("give absolute paths in command instead: remove it")},
      {{"externalIPs", "externalName", "loadBalancerIP", "loadBalancerSourceRanges", "loadBalancerClass"},
       phrase("models are called through the gateway alone: remove it")},
  };
  for (const Remedy& remedy : kRemedies)
    if (std::find(remedy.keys.begin(), remedy.keys.end(), key) != remedy.keys.end()) return remedy.sentence;
  return phrase("is not among the fields that can be imported: remove it");
}

std::string within(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

}  // namespace

ImportRemark Reading::remark(const Spot& spot, std::string sentence) const {
  return {name_ + ":" + std::to_string(spot.node.mark.line) + ":" + std::to_string(spot.node.mark.column), spot.path,
          std::move(sentence)};
}
void Reading::refuse(const Spot& spot, std::string sentence) { refusals.push_back(remark(spot, std::move(sentence))); }
void Reading::note(const Spot& spot, std::string sentence) { notes.push_back(remark(spot, std::move(sentence))); }

void Reading::mapping(const Spot& spot, const std::vector<Allowed>& allowed) {
  if (spot.node.kind == YamlNode::Kind::kNull) return;
  if (spot.node.kind != YamlNode::Kind::kMapping) return refuse(spot, phrase("must be a mapping"));
  for (const YamlField& field : spot.node.fields) {
    const auto found =
        std::find_if(allowed.begin(), allowed.end(), [&](const Allowed& one) { return one.key == field.key; });
    const Spot value{field.value, within(spot.path, std::string(beginning_of(field.key, 80)))};
    if (found == allowed.end()) {
      refuse(value, remedy_for(field.key));
    } else {
      found->read(value);
    }
  }
}

void Reading::list(const Spot& spot, const Handler& each) {
  if (spot.node.kind == YamlNode::Kind::kNull) return;
  if (spot.node.kind != YamlNode::Kind::kSequence) return refuse(spot, phrase("must be a list"));
  for (std::size_t i = 0; i < spot.node.items.size(); ++i)
    each({spot.node.items[i], spot.path + "[" + std::to_string(i) + "]"});
}

std::optional<std::string> Reading::text(const Spot& spot) {
  if (spot.node.kind == YamlNode::Kind::kNull) return std::nullopt;
  if (spot.node.kind == YamlNode::Kind::kScalar) return spot.node.scalar;
  refuse(spot, phrase("must be one value"));
  return std::nullopt;
}

std::optional<std::int64_t> Reading::integer(const Spot& spot, std::int64_t min, std::int64_t max) {
  const auto value = text(spot);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const auto parsed = std::from_chars(value->data(), value->data() + value->size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == value->data() + value->size() && number >= min && number <= max)
    return number;
  refuse(spot, phrase("must be a whole number from {} to {}", min, max));
  return std::nullopt;
}

std::optional<std::string> Reading::checked(const Spot& spot, const FieldReader::Rule& rule) {
  auto value = text(spot);
  if (!value) return std::nullopt;
  if (const auto complaint = rule(*value)) {
    refuse(spot, phrase("cannot be taken as it is: {}", *complaint));
    return std::nullopt;
  }
  return value;
}

Handler dropped() {
  return [](const Spot&) {};
}

Handler only(Reading& reading, std::vector<std::string_view> values, std::string otherwise) {
  return [&reading, values = std::move(values), otherwise = std::move(otherwise)](const Spot& spot) {
    const auto value = reading.text(spot);
    if (value && std::find(values.begin(), values.end(), *value) == values.end()) reading.refuse(spot, otherwise);
  };
}

Handler noted(Reading& reading, std::string sentence) {
  return [&reading, sentence = std::move(sentence)](const Spot& spot) { reading.note(spot, sentence); };
}

const YamlNode* find(const YamlNode& node, std::string_view key) {
  for (const YamlField& field : node.fields)
    if (field.key == key) return &field.value;
  return nullptr;
}

std::string scalar_at(const YamlNode& node, std::string_view key) {
  const YamlNode* value = find(node, key);
  return value == nullptr || value->kind != YamlNode::Kind::kScalar ? std::string() : value->scalar;
}

}  // namespace mifeng::manifest::importing
