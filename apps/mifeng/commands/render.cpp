// mifeng render
#include <filesystem>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/deployment_steps.h"
#include "commands/kinds.h"
#include "mifeng/base/bounds.h"
#include "mifeng/client/answer.h"
#include "mifeng/kubernetes/rendering.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/file.h"
#include "mifeng/package/package_file.h"

namespace mifeng::cli {
namespace {

// What stands where only a platform would know better.
constexpr const char* kRegistry = "REGISTRY";
constexpr const char* kZeros = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr std::uint16_t kFirstNodePort = 30000;

struct RenderOptions {
  std::string what, deployment, name, cluster, registry, format = "yaml";
  std::int64_t replicas = -1;
  OverlayFlags overlay;
};

// A list that kubectl takes, or documents.
Result<int> print(const json::Array& objects, const std::string& format, Console& console) {
  if (format == "json") {
    const json::Value list = json::Object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}};
    MIFENG_CHECK(console.print(json::serialize_pretty(list)));
    return 0;
  }
  for (std::size_t i = 0; i < objects.size(); ++i)
    MIFENG_CHECK(console.print((i == 0 ? "" : "---\n") + to_yaml(objects[i])));
  return 0;
}

// ---- without a platform

struct Local {
  manifest::DeploymentConfig config;
  std::uint64_t payload_bytes = 0;
};

bool is_package(const std::string& path) { return path.ends_with(".mfpkg"); }

Result<Local> read_local(const std::string& path) {
  if (is_package(path)) {
    MIFENG_TRY(const auto file, package::PackageFile::open(path));
    return Local{file.config(), file.manifest().payload_plaintext_size};
  }
  Local local;
  MIFENG_TRY(const std::string text, read_text_file(path, 1 << 20));
  MIFENG_TRY(local.config, manifest::parse_deployment_config(text, path, manifest::ConfigKind::kProject));
  // What packing would put there.
  if (local.config.image.empty()) local.config.image = "vendor/" + local.config.model_name + "@sha256:" + kZeros;
  if (local.config.command.empty()) local.config.command = {"/app/model"};
  return local;
}

// `body`: as the API has it.
Result<manifest::DeploymentOverlay> overlay_of(const RenderOptions& options, const json::Object& body) {
  manifest::DeploymentOverlay overlay;
  if (options.replicas >= 0) overlay.replicas = static_cast<int>(options.replicas);
  for (const auto& [member, list] : {std::pair{"requests", &overlay.requests}, {"limits", &overlay.limits}}) {
    const json::Value* amounts = body.find(member);
    if (amounts == nullptr) continue;
    for (const auto& [name, amount] : *amounts->if_object()) {
      MIFENG_TRY(auto quantity, manifest::parse_quantity(*amount.if_string()));
      list->insert_or_assign(name, std::move(quantity));
    }
  }
  if (const json::Value* env = body.find("env"))
    for (const json::Value& variable : *env->if_array())
      overlay.env.push_back({text_of(variable, "name"), text_of(variable, "value")});
  if (const json::Value* volumes = body.find("volumes"))
    for (const json::Value& volume : *volumes->if_array())
      overlay.volumes.push_back({.name = text_of(volume, "name"),
                                 .claim = text_of(volume, "claim"),
                                 .medium = text_of(volume, "medium"),
                                 .size = text_of(volume, "size"),
                                 .storage_class = text_of(volume, "storage_class")});
  return overlay;
}

std::vector<manifest::Toleration> tolerations_of(const json::Object& body) {
  std::vector<manifest::Toleration> tolerations;
  if (const json::Value* list = body.find("tolerations"))
    for (const json::Value& one : *list->if_array()) {
      manifest::Toleration toleration{.key = text_of(one, "key"), .effect = text_of(one, "effect")};
      if (client::member_of(one, "value") != nullptr) toleration.value = text_of(one, "value");
      if (const json::Value* seconds = client::member_of(one, "seconds")) toleration.seconds = *seconds->if_int64();
      tolerations.push_back(std::move(toleration));
    }
  return tolerations;
}

Result<json::Array> render_local(const RenderOptions& options, Console& console) {
  MIFENG_TRY(Local local, read_local(options.what));
  json::Object body;
  MIFENG_CHECK(set_overlay(body, options.overlay));
  MIFENG_TRY(const auto overlay, overlay_of(options, body));
  MIFENG_TRY(const auto config, manifest::apply_overlay(local.config, overlay));
  manifest::RenderOptions pod;
  pod.deployment_id = (options.name.empty() ? config.name : options.name) + "-000000";
  pod.registry = options.registry.empty() ? kRegistry : options.registry;
  pod.guard_image = std::string("mifeng/guard@sha256:") + kZeros;
  pod.payload_bytes = local.payload_bytes;
  pod.identity_key = "IDENTITY-KEY";
  pod.delivery_key = "DELIVERY-KEY";
  pod.tolerations = tolerations_of(body);
  cluster::Workload workload;
  workload.deployment = pod.deployment_id;
  MIFENG_TRY(workload.pod, manifest::render_pod(config, pod));
  workload.replicas = config.replicas;
  workload.door = cluster::GuardDoor{.url = "http://PLATFORM:7083", .tag = "HIDDEN", .audience = "mifeng/IDENTITY-KEY"};
  for (std::size_t i = 0; i < config.ports.size(); ++i)
    workload.node_ports.push_back({config.ports[i].name, 0, static_cast<std::uint16_t>(kFirstNodePort + i)});
  kubernetes::KubernetesOptions cluster;
  cluster.installation = std::string(kZeros).substr(0, 32);
  cluster.name_space = config.namespace_name;
  MIFENG_TRY(auto objects, kubernetes::render_objects(cluster, workload));
  console.message(is_package(options.what)
                      ? tr("Without a platform: its registry, address, keys and ids are placeholders, and so are node "
                           "ports and the guards' image.")
                      : tr("Without a platform and a package: registry, address, keys, ids, node ports and the guards' "
                           "image are placeholders, and so are image, command and the size of the payload."));
  json::Array list;
  for (json::Object& object : objects) list.emplace_back(std::move(object));
  return list;
}

// ---- with one

Result<json::Array> items_in(const Result<json::Value>& answer) {
  if (!answer) return answer.error();
  MIFENG_TRY(const json::Array* items, items_of(*answer));
  return *items;
}

Result<json::Array> render_version(const PlatformClient& client, const RenderOptions& options) {
  MIFENG_TRY(const auto version, find_version(client, options.what));
  json::Object request{{"version_id", text_of(version, "id")},
                       {"name", options.name.empty() ? text_of(version, "name") : options.name}};
  MIFENG_CHECK(set_overlay(request, options.overlay));
  if (!options.cluster.empty()) request.set("cluster", options.cluster);
  if (options.replicas >= 0) request.set("replicas", options.replicas);
  const json::Value body = std::move(request);
  return items_in(client.send("POST", "/deployments/objects", body));
}

Result<json::Array> render_deployment(const PlatformClient& client, const RenderOptions& options) {
  MIFENG_TRY(const auto id, find_deployment(client, options.deployment));
  return items_in(client.get("/deployments/" + net::percent_encode(id) + "/objects"));
}

bool is_the_word_deployment(const std::string& what) {
  const auto kind = find_kind(what);
  return kind && (*kind)->name == "deployments";
}

Result<int> render(const PlatformFlags& flags, const RenderOptions& options, Console& console) {
  std::error_code failure;
  const bool is_deployment = !options.deployment.empty() || is_the_word_deployment(options.what);
  if (is_deployment && (options.deployment.empty() || !is_the_word_deployment(options.what)))
    return Error(ErrorCode::kInvalidArgument, "usage",
                 tr("mifeng render deployment NAME, mifeng render VERSION, or mifeng render FILE"));
  if (!is_deployment && std::filesystem::is_regular_file(options.what, failure)) {
    MIFENG_TRY(const auto objects, render_local(options, console));
    return print(objects, options.format, console);
  }
  if (!is_deployment && (is_package(options.what) || options.what.ends_with(".yaml")))
    return Error(ErrorCode::kNotFound, "no-such-file", say("There is no file {}.", {options.what}));
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto objects, is_deployment ? render_deployment(client, options) : render_version(client, options));
  return print(objects, options.format, console);
}

}  // namespace

void add_render(Command& root) {
  Command command = root.add("render", "Print what a model is in Kubernetes: Deployment, Service, disruption budget");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<RenderOptions>();
  command
      .text("WHAT", options->what,
            "the word deployment; else VENDOR/MODEL@VERSION, or a file: a deployment config or a .mfpkg",
            Need::kRequired)
      .text("NAME", options->deployment, "after the word deployment: which, by id or name")
      .text("--name", options->name, "of the deployment; else the model's")
      .text("--cluster", options->cluster, "id of the cluster to run it in")
      .text("--registry", options->registry, "of a file: the registry to name; else REGISTRY")
      .number("--replicas", options->replicas, 0, bounds::kReplicasMax, "how many; else as the vendor's config says");
  add_overlay_flags(command, options->overlay);
  command.word("-o,--output", options->format, {"yaml", "json"}, "how to print it");
  command.examples(
      "  mifeng render deployment digits\n"
      "  mifeng render acme/digits@1.2.0 --cluster east --replicas 2\n"
      "  mifeng render deployment.yaml              needs no platform\n\n"
      "Nothing is changed. What nobody knows before a deployment is made stands as a placeholder: 000000 at the end "
      "of\n"
      "its id, HIDDEN for the tag of the guards' door, which is secret; of a file also REGISTRY, PLATFORM,\n"
      "IDENTITY-KEY, DELIVERY-KEY, zeros in ids and digests, and node ports from 30000 up.");
  command.run([=](Console& console) { return render(*flags, *options, console); });
}

}  // namespace mifeng::cli
