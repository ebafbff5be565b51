#include "mifeng/manifest/import.h"

#include <algorithm>
#include <map>

#include "import_reading.h"
#include "mifeng/base/beginning.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/manifest/rules.h"

namespace mifeng::manifest {
namespace {

using importing::Allowed;
using importing::dropped;
using importing::find;
using importing::Handler;
using importing::noted;
using importing::only;
using importing::Reading;
using importing::scalar_at;
using importing::Spot;

constexpr std::size_t kDocumentsMax = 64;

// A port of the container, before a Service has given it a name.
struct Port {
  std::string name;
  std::uint16_t number = 0;
};

struct Found {
  DeploymentConfig config;
  std::vector<Port> ports;
  std::map<std::string, std::string> labels;  // of the pods
  std::string image;
  bool has_deployment = false;
};

std::string restricted() {
  return phrase("the platform runs every model under the standard `restricted` without more rights: remove it");
}
std::string host_is_not_shared() { return phrase("a model shares nothing with its host: remove it"); }

FieldReader::Rule label_rule(std::size_t max) {
  return [max](std::string_view text) { return check_label(text, max); };
}

Complaint quantity_complaint(std::string_view text) {
  const auto quantity = parse_quantity(text);
  return quantity ? Complaint() : Complaint(quantity.error().message());
}

// What Kubernetes replaces in command, args and env; here texts are what they are.
bool has_expansion(const std::string& text) { return text.find("$(") != std::string::npos; }
std::string no_expansion() { return phrase("$(NAME) is not replaced here: write the value out"); }

Handler metadata_of(Reading& reading, Handler name, Handler labels) {
  return [&reading, name = std::move(name), labels = std::move(labels)](const Spot& spot) {
    reading.mapping(spot, {{"name", name},
                           {"namespace", dropped()},
                           {"labels", labels},
                           {"annotations", noted(reading, phrase("is left out: annotations are the platform's own"))},
                           {"creationTimestamp", dropped()},
                           {"generation", dropped()},
                           {"managedFields", dropped()},
                           {"resourceVersion", dropped()},
                           {"selfLink", dropped()},
                           {"uid", dropped()}});
  };
}

// ---- the Deployment

Handler container_security(Reading& reading) {
  return [&reading](const Spot& spot) {
    reading.mapping(
        spot,
        {{"privileged", only(reading, {"false"}, restricted())},
         {"allowPrivilegeEscalation", only(reading, {"false"}, restricted())},
         {"runAsNonRoot", only(reading, {"true"}, restricted())},
         {"readOnlyRootFilesystem",
          only(reading, {"true"}, phrase("the root of a model is read-only: write to an emptyDir, or to /tmp"))},
         {"runAsUser", noted(reading, phrase("is left out: each deployment's model runs under a user of its own"))},
         {"runAsGroup", noted(reading, phrase("is left out: each deployment's model runs under a user of its own"))},
         {"fsGroup", noted(reading, phrase("is left out: each deployment's model runs under a user of its own"))},
         {"fsGroupChangePolicy", dropped()},
         {"seccompProfile",
          [&reading](const Spot& at) {
            reading.mapping(at, {{"type", only(reading, {"RuntimeDefault"}, restricted())}});
          }},
         {"capabilities", [&reading](const Spot& at) {
            reading.mapping(at, {{"drop", dropped()}});
          }}});
  };
}

Handler probe(Reading& reading, std::string* readiness_path) {
  return [&reading, readiness_path](const Spot& spot) {
    const Handler timing = dropped();  // the platform's own
    reading.mapping(spot, {{"httpGet",
                            [&reading, readiness_path](const Spot& at) {
                              reading.mapping(
                                  at, {{"path",
                                        [&reading, readiness_path](const Spot& path) {
                                          const auto text = reading.checked(path, check_url_path);
                                          if (text && readiness_path != nullptr) *readiness_path = *text;
                                        }},
                                       {"port", dropped()},
                                       {"scheme", only(reading, {"HTTP"},
                                                       phrase("readiness is asked inside of the unit, without TLS"))}});
                            }},
                           {"initialDelaySeconds", timing},
                           {"periodSeconds", timing},
                           {"timeoutSeconds", timing},
                           {"successThreshold", timing},
                           {"failureThreshold", timing}});
    if (readiness_path == nullptr)
      reading.note(spot, phrase("is left out: the guard starts a model that hangs anew, by what readinessProbe asks"));
  };
}

Handler words(Reading& reading, std::vector<std::string>& into) {
  return [&reading, &into](const Spot& spot) {
    reading.list(spot, [&](const Spot& word) {
      const auto text = reading.text(word);
      if (text && has_expansion(*text)) return reading.refuse(word, no_expansion());
      if (text) into.push_back(*text);
    });
  };
}

Handler env(Reading& reading, DeploymentConfig& config) {
  return [&reading, &config](const Spot& spot) {
    reading.list(spot, [&](const Spot& each) {
      EnvVar variable;
      bool fits = true;
      reading.mapping(each, {{"name",
                              [&](const Spot& at) {
                                const auto name = reading.checked(at, check_env_name);
                                fits = fits && name.has_value();
                                variable.name = name.value_or("");
                              }},
                             {"value", [&](const Spot& at) {
                                const auto value = reading.text(at);
                                if (value && has_expansion(*value)) reading.refuse(at, no_expansion());
                                variable.value = value.value_or("");
                              }}});
      if (fits) config.env.push_back(std::move(variable));
    });
  };
}

Handler amounts(Reading& reading, ResourceList& into) {
  return [&reading, &into](const Spot& spot) {
    if (spot.node.kind != YamlNode::Kind::kMapping) return reading.mapping(spot, {});
    for (const YamlField& field : spot.node.fields) {
      const Spot at{field.value, spot.path + "." + std::string(beginning_of(field.key, 80))};
      if (const auto complaint = check_resource_name(field.key)) {
        reading.refuse(at, phrase("cannot be taken as it is: {}", *complaint));
        continue;
      }
      const auto text = reading.checked(at, quantity_complaint);
      if (text) into.emplace(field.key, *parse_quantity(*text));
    }
  };
}

Handler container_ports(Reading& reading, Found& found) {
  return [&reading, &found](const Spot& spot) {
    reading.list(spot, [&](const Spot& each) {
      Port port;
      reading.mapping(
          each,
          {{"name",
            [&](const Spot& at) { port.name = reading.checked(at, label_rule(bounds::kPortNameMax)).value_or(""); }},
           {"containerPort",
            [&](const Spot& at) {
              port.number = static_cast<std::uint16_t>(reading.integer(at, 1024, 65535).value_or(0));
              if (port.number == kHealthPort) reading.refuse(at, phrase("is the guard's own port: choose another"));
            }},
           {"protocol", only(reading, {"TCP"}, phrase("models are called by HTTP, over TCP alone"))}});
      if (port.number != 0) found.ports.push_back(std::move(port));
    });
  };
}

Handler volume_mounts(Reading& reading, DeploymentConfig& config) {
  return [&reading, &config](const Spot& spot) {
    reading.list(spot, [&](const Spot& each) {
      VolumeMount mount;
      reading.mapping(
          each,
          {{"name",
            [&](const Spot& at) { mount.name = reading.checked(at, label_rule(bounds::kLabelMax)).value_or(""); }},
           {"mountPath",
            [&](const Spot& at) { mount.mount_path = reading.checked(at, check_mount_path).value_or(""); }},
           {"readOnly",
            only(reading, {"false"}, phrase("a model may write to what it mounts: pack what it only reads with it"))}});
      if (!mount.name.empty() && !mount.mount_path.empty()) config.volume_mounts.push_back(std::move(mount));
    });
  };
}

Handler container(Reading& reading, Found& found, std::vector<std::string>& args) {
  return [&reading, &found, &args](const Spot& spot) {
    DeploymentConfig& config = found.config;
    reading.mapping(
        spot,
        {{"name", dropped()},
         {"image", [&](const Spot& at) { found.image = reading.text(at).value_or(""); }},
         {"imagePullPolicy",
          [&](const Spot& at) {
            only(reading, {"Always", "IfNotPresent", "Never"}, phrase("must be Always, IfNotPresent or Never"))(at);
            const std::string policy = reading.text(at).value_or("");
            config.pull_policy = policy == "Always"  ? PullPolicy::kAlways
                                 : policy == "Never" ? PullPolicy::kNever
                                                     : PullPolicy::kIfNotPresent;
          }},
         {"command", words(reading, config.command)},
         {"args", words(reading, args)},
         {"ports", container_ports(reading, found)},
         {"env", env(reading, config)},
         {"resources",
          [&](const Spot& at) {
            reading.mapping(at, {{"requests", amounts(reading, config.resources.requests)},
                                 {"limits", amounts(reading, config.resources.limits)}});
          }},
         {"volumeMounts", volume_mounts(reading, config)},
         {"readinessProbe", probe(reading, &config.readiness_path)},
         {"livenessProbe", probe(reading, nullptr)},
         {"startupProbe", probe(reading, nullptr)},
         {"securityContext", container_security(reading)},
         {"terminationMessagePath", dropped()},
         {"terminationMessagePolicy", dropped()},
         {"stdin", only(reading, {"false"}, phrase("a model has no terminal: remove it"))},
         {"tty", only(reading, {"false"}, phrase("a model has no terminal: remove it"))}});
    if (config.command.empty() && !args.empty())
      reading.refuse(spot, phrase("args without command: write under command the program that the image starts"));
  };
}

Handler volumes(Reading& reading, DeploymentConfig& config) {
  return [&reading, &config](const Spot& spot) {
    reading.list(spot, [&](const Spot& each) {
      Volume volume;
      bool has_kind = false;
      const std::size_t before = reading.refusals.size();
      reading.mapping(
          each,
          {{"name",
            [&](const Spot& at) { volume.name = reading.checked(at, label_rule(bounds::kLabelMax)).value_or(""); }},
           {"emptyDir",
            [&](const Spot& at) {
              has_kind = true;
              reading.mapping(at, {{"medium",
                                    [&](const Spot& medium) {
                                      only(reading, {"", "Memory"}, phrase("must be Memory, or left out"))(medium);
                                      if (reading.text(medium).value_or("") == "Memory")
                                        volume.medium = Volume::Medium::kMemory;
                                    }},
                                   {"sizeLimit", [&](const Spot& size) {
                                      if (const auto text = reading.checked(size, quantity_complaint))
                                        volume.size_limit = *parse_quantity(*text);
                                    }}});
            }},
           {"persistentVolumeClaim", [&](const Spot& at) {
              has_kind = true;
              reading.mapping(
                  at,
                  {{"claimName",
                    [&](const Spot& name) {
                      volume.claim = reading.checked(name, label_rule(bounds::kLabelMax)).value_or("");
                    }},
                   {"readOnly", only(reading, {"false"},
                                     phrase("a model may write to what it mounts: pack what it only reads with it"))}});
            }}});
      if (!has_kind && before == reading.refusals.size())
        reading.refuse(each, phrase("must be an emptyDir or a persistentVolumeClaim"));
      if (!volume.name.empty()) config.volumes.push_back(std::move(volume));
    });
  };
}

Handler labels_into(Reading& reading, std::map<std::string, std::string>& into) {
  return [&reading, &into](const Spot& spot) {
    if (spot.node.kind != YamlNode::Kind::kMapping) return reading.mapping(spot, {});
    for (const YamlField& field : spot.node.fields)
      if (const auto text = reading.text({field.value, spot.path + "." + std::string(beginning_of(field.key, 80))}))
        into[field.key] = *text;
  };
}

Handler pod_spec(Reading& reading, Found& found) {
  return [&reading, &found](const Spot& spot) {
    std::vector<std::string> args;
    const auto only_false = [&] { return only(reading, {"false"}, host_is_not_shared()); };
    reading.mapping(
        spot,
        {{"containers",
          [&](const Spot& at) {
            if (at.node.items.size() != 1)
              reading.refuse(at, phrase("a model is one container; it has {}", at.node.items.size()));
            bool first = true;
            reading.list(at, [&](const Spot& each) {
              if (std::exchange(first, false)) container(reading, found, args)(each);
            });
          }},
         {"volumes", volumes(reading, found.config)},
         {"terminationGracePeriodSeconds",
          [&](const Spot& at) {
            found.config.termination_grace_seconds =
                static_cast<int>(reading.integer(at, 1, kGraceSecondsMax).value_or(30));
          }},
         {"restartPolicy", only(reading, {"Always"}, phrase("a model is always started again: remove it"))},
         {"automountServiceAccountToken", dropped()},  // it never is
         {"enableServiceLinks", dropped()},
         {"hostNetwork", only_false()},
         {"hostPID", only_false()},
         {"hostIPC", only_false()},
         {"shareProcessNamespace", only_false()},
         {"securityContext", container_security(reading)},
         // What the API server writes where nobody says anything.
         {"dnsPolicy",
          only(reading, {"ClusterFirst"}, phrase("a model has no network of its own to set up: remove it"))},
         {"schedulerName",
          only(reading, {"default-scheduler"}, phrase("where a model runs is for the operator to say: remove it"))},
         {"serviceAccountName", only(reading, {"default"}, phrase("a model has no account in the cluster: remove it"))},
         {"serviceAccount", only(reading, {"default"}, phrase("a model has no account in the cluster: remove it"))}});
    if (find(spot.node, "containers") == nullptr) reading.refuse(spot, phrase("has no containers"));
    found.config.command.insert(found.config.command.end(), args.begin(), args.end());
  };
}

void read_deployment(Reading& reading, const YamlNode& document, Found& found) {
  DeploymentConfig& config = found.config;
  const Handler strategy = noted(reading, phrase("is left out: the platform chooses how units are replaced"));
  reading.mapping(
      {document, ""},
      {{"apiVersion", dropped()},
       {"kind", dropped()},
       {"status", dropped()},
       {"metadata",
        metadata_of(
            reading, [&](const Spot& at) { config.name = reading.checked(at, label_rule(40)).value_or(""); },
            dropped())},
       {"spec", [&](const Spot& at) {
          reading.mapping(
              at, {{"replicas",
                    [&](const Spot& replicas) {
                      config.replicas =
                          static_cast<int>(reading.integer(replicas, 0, bounds::kReplicasMax).value_or(1));
                    }},
                   {"selector", dropped()},
                   {"strategy", strategy},
                   {"minReadySeconds", dropped()},
                   {"progressDeadlineSeconds",
                    [&](const Spot& seconds) {
                      const auto deadline = reading.integer(seconds, kProgressDeadlineMin, kProgressDeadlineMax);
                      if (deadline) config.progress_deadline_seconds = static_cast<int>(*deadline);
                    }},
                   {"revisionHistoryLimit", dropped()},
                   {"paused", only(reading, {"false"}, phrase("is for the operator to say: remove it"))},
                   {"template", [&](const Spot& pod) {
                      reading.mapping(
                          pod, {{"metadata", metadata_of(reading, dropped(), labels_into(reading, found.labels))},
                                {"spec", pod_spec(reading, found)}});
                    }}});
        }}});
}

// ---- a Service

void name_ports(Reading& reading, const Spot& spot, const std::string& name, const std::string& target, Found& found) {
  const auto port = std::find_if(found.ports.begin(), found.ports.end(), [&](const Port& one) {
    return one.name == target || std::to_string(one.number) == target;
  });
  if (port == found.ports.end())
    return reading.refuse(spot, phrase("leads to {}, which is no port of the container: name it under ports there",
                                       target.empty() ? std::string("-") : target));
  if (port->name.empty() && !check_label(name, bounds::kPortNameMax)) port->name = name;
}

void read_service(Reading& reading, const YamlNode& document, Found& found) {
  reading.mapping(
      {document, ""},
      {{"apiVersion", dropped()},
       {"kind", dropped()},
       {"status", dropped()},
       {"metadata", metadata_of(reading, dropped(), dropped())},
       {"spec", [&](const Spot& spot) {
          reading.mapping(
              spot,
              {{"type", only(reading, {"ClusterIP", "NodePort"},
                             phrase("models are called through the gateway alone: use ClusterIP or NodePort"))},
               {"selector",
                [&](const Spot& at) {
                  std::map<std::string, std::string> selector;
                  labels_into(reading, selector)(at);
                  for (const auto& [key, value] : selector) {
                    const auto label = found.labels.find(key);
                    if (label == found.labels.end() || label->second != value)
                      return reading.refuse(
                          at, phrase("does not choose the pods of the Deployment: leave this Service out"));
                  }
                }},
               {"ports",
                [&](const Spot& at) {
                  reading.list(at, [&](const Spot& each) {
                    std::string name, target, number;
                    reading.mapping(
                        each,
                        {{"name", [&](const Spot& one) { name = reading.text(one).value_or(""); }},
                         {"port", [&](const Spot& one) { number = reading.text(one).value_or(""); }},
                         {"targetPort", [&](const Spot& one) { target = reading.text(one).value_or(""); }},
                         {"protocol", only(reading, {"TCP"}, phrase("models are called by HTTP, over TCP alone"))},
                         {"appProtocol", dropped()},
                         {"nodePort", noted(reading, phrase("is left out: the operator chooses node ports, or the "
                                                            "platform does"))}});
                    name_ports(reading, each, name, target.empty() ? number : target, found);
                  });
                }},
               {"sessionAffinity", only(reading, {"None"}, phrase("each call may go to another unit: remove it"))},
               // What the API server writes where nobody says anything.
               {"clusterIP", dropped()},
               {"clusterIPs", dropped()},
               {"ipFamilies", dropped()},
               {"ipFamilyPolicy", dropped()},
               {"internalTrafficPolicy", dropped()},
               {"externalTrafficPolicy", dropped()},
               {"publishNotReadyAddresses",
                only(reading, {"false"}, phrase("each call goes to a ready unit: remove it"))}});
        }}});
}

// ---- all of it

struct Document {
  const std::string* source;
  const YamlNode* node;
};

void flatten(const std::string& source, const YamlNode& node, std::vector<Document>& into) {
  const YamlNode* items = scalar_at(node, "kind") == "List" ? find(node, "items") : nullptr;
  if (items == nullptr || items->kind != YamlNode::Kind::kSequence) {
    into.push_back({&source, &node});
    return;
  }
  for (const YamlNode& item : items->items) into.push_back({&source, &item});
}

std::string tag_of(const std::string& image) {
  const std::string name = image.substr(0, image.find('@'));
  const std::size_t colon = name.rfind(':');
  const std::size_t slash = name.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return {};
  return name.substr(colon + 1);
}

void finish_ports(Found& found) {
  for (Port& port : found.ports) {
    const bool alone = found.ports.size() == 1;
    if (port.name.empty()) port.name = alone ? "http" : "port-" + std::to_string(port.number);
    found.config.ports.push_back({port.name, port.number});
  }
}

void finish_model(Found& found, const ImportOptions& options) {
  DeploymentConfig& config = found.config;
  config.model_name = options.model_name.empty() ? config.name : options.model_name;
  const std::string tag = tag_of(found.image);
  config.model_version = !options.model_version.empty()           ? options.model_version
                         : !check_version(tag) && tag != "latest" ? tag
                                                                  : std::string("1.0.0");
}

}  // namespace

Result<Imported> import_kubernetes(const std::vector<ImportSource>& sources, const ImportOptions& options) {
  std::vector<std::vector<YamlNode>> trees;
  trees.reserve(sources.size());
  std::vector<Document> documents;
  for (const ImportSource& source : sources) {
    MIFENG_TRY(auto parsed, parse_yaml_documents(source.text, source.name));
    trees.push_back(std::move(parsed));
    for (const YamlNode& node : trees.back()) flatten(source.name, node, documents);
  }
  Imported imported;
  if (documents.empty() || documents.size() > kDocumentsMax)
    return Error(ErrorCode::kInvalidArgument, "bad-yaml",
                 phrase("one Deployment is wanted and its Services, in {} documents at most", kDocumentsMax));
  Found found;
  const auto read = [&](const Document& document, const auto& how) {
    Reading reading(*document.source);
    how(reading, *document.node);
    std::move(reading.refusals.begin(), reading.refusals.end(), std::back_inserter(imported.refusals));
    std::move(reading.notes.begin(), reading.notes.end(), std::back_inserter(imported.notes));
  };
  const auto is = [](const Document& document, std::string_view version, std::string_view kind) {
    return scalar_at(*document.node, "apiVersion") == version && scalar_at(*document.node, "kind") == kind;
  };
  // The Deployment first, wherever it stands: Services are held against it.
  for (const Document& document : documents)
    if (is(document, "apps/v1", "Deployment"))
      read(document, [&](Reading& reading, const YamlNode& node) {
        if (std::exchange(found.has_deployment, true))
          return reading.refuse({node, "kind"},
                                phrase("is a second Deployment: a model is one; import each by itself"));
        read_deployment(reading, node, found);
      });
  for (const Document& document : documents) {
    if (is(document, "apps/v1", "Deployment")) continue;
    read(document, [&](Reading& reading, const YamlNode& node) {
      if (is(document, "v1", "Service")) return found.has_deployment ? read_service(reading, node, found) : void();
      const std::string kind(beginning_of(scalar_at(node, "kind"), 80));
      reading.refuse({node, "kind"}, phrase("{} cannot be imported, only a Deployment (apps/v1) and its Services (v1): "
                                            "leave it out",
                                            kind.empty() ? std::string("-") : kind));
    });
  }
  const auto of_all = [&](const std::string& path, std::string sentence) {
    imported.refusals.push_back({sources.front().name, path, std::move(sentence)});
  };
  if (!found.has_deployment) {
    of_all("kind", phrase("no Deployment (apps/v1) is here"));
    return imported;
  }
  finish_ports(found);
  finish_model(found, options);
  if (found.config.ports.empty() && imported.refusals.empty())
    of_all("spec.template.spec.containers[0].ports", phrase("is missing: say on which port the model is called"));
  if (!found.image.empty())
    imported.notes.push_back({sources.front().name, "spec.template.spec.containers[0].image",
                              phrase("is left out: `mifeng pack` makes the sealed image and names it by its digest")});
  imported.config = std::move(found.config);
  if (!imported.refusals.empty()) return imported;
  // What only two fields together show: the config's own loader is the one that says what a config may be.
  const auto checked = parse_deployment_config(to_yaml(imported.config), "config", ConfigKind::kProject);
  if (!checked) {
    const std::string said(checked.error().message());
    const std::size_t path = said.find(": ");
    const std::string rest = path == std::string::npos ? said : said.substr(path + 2);
    of_all("spec", phrase("makes no deployment config: {}", rest));
    return imported;
  }
  imported.config = *checked;
  return imported;
}

}  // namespace mifeng::manifest
