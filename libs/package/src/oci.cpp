#include "mifeng/package/oci.h"

#include <set>

#include "mifeng/json/fields.h"
#include "mifeng/manifest/pod_template.h"
#include "mifeng/manifest/rules.h"

namespace mifeng::package {
namespace {

constexpr std::string_view kStart = "/mifeng/start/mifeng-start";

json::Object descriptor(std::string_view media_type, const std::string& digest, std::uint64_t size) {
  return {{"mediaType", media_type}, {"digest", digest}, {"size", size}};
}

}  // namespace

std::string image_manifest_json(const PackageManifest& manifest) {
  json::Array layers;
  for (const Layer& layer : manifest.layers) layers.push_back(descriptor(layer.media_type, layer.digest, layer.size));
  return json::serialize(
      json::Object{{"schemaVersion", 2},
                   {"mediaType", kImageManifest},
                   {"config", descriptor(kImageConfig, manifest.image_config.digest, manifest.image_config.size)},
                   {"layers", std::move(layers)}});
}

std::string image_index_json(const PackageManifest& manifest) {
  json::Object image = descriptor(kImageManifest, manifest.image_digest, manifest.image_manifest_size);
  image.set("annotations",
            json::Object{{"org.opencontainers.image.ref.name", manifest.image_name + ":" + manifest.model.version}});
  return json::serialize(json::Object{{"schemaVersion", 2}, {"manifests", json::Array{std::move(image)}}});
}

std::string image_config_json(const PackageManifest& manifest, const std::vector<std::string>& env) {
  json::Array variables;
  bool path = false;
  for (const std::string& one : env) {
    path = path || one.starts_with("PATH=");
    variables.push_back(one);
  }
  if (!path) variables.push_back("PATH=/usr/local/bin:/usr/bin:/bin");
  json::Array diff_ids;
  for (const Layer& layer : manifest.layers) diff_ids.push_back(layer.diff_id);
  return json::serialize(
      json::Object{{"architecture", manifest::kArchitecture},
                   {"os", "linux"},
                   {"config", json::Object{{"User", kImageUser},
                                           {"Env", std::move(variables)},
                                           {"Entrypoint", json::Array{kStart}},
                                           {"WorkingDir", "/app"},
                                           {"Labels", json::Object{{"io.mifeng.vendor", manifest.vendor.id},
                                                                   {"io.mifeng.model", manifest.model.name},
                                                                   {"io.mifeng.version", manifest.model.version}}}}},
                   {"rootfs", json::Object{{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}}});
}

Result<void> check_image_config(std::string_view text, const PackageManifest& manifest) {
  const auto refuse = [](const std::string& sentence) {
    return Error(ErrorCode::kVerificationFailed, "bad-package", "the image's configuration: " + sentence);
  };
  const auto object = json::parse_object(text);
  if (!object) return refuse(object.error().message());
  json::Fields fields(*object);
  if (fields.string("architecture") != manifest::kArchitecture)
    fields.refuse("architecture", "must be " + std::string(manifest::kArchitecture));
  if (fields.string("os") != "linux") fields.refuse("os", "must be linux");
  json::Fields config = fields.object("config");
  if (config.string("User") != kImageUser) config.refuse("User", "must be 65532:65532");
  if (config.strings("Entrypoint") != std::vector<std::string>{std::string(kStart)})
    config.refuse("Entrypoint", "must be mifeng-start alone");
  if (!config.strings("Cmd").empty()) config.refuse("Cmd", "must not be set");
  const std::vector<std::string> env = config.strings("Env", {.max = 32768}, {.max = 500});
  std::set<std::string> names;
  for (const std::string& variable : env) {
    const std::string name = variable.substr(0, variable.find('='));
    if (const auto complaint = manifest::check_image_env_name(name))
      config.refuse("Env", "the variable " + name.substr(0, 100) + " " + *complaint);
    if (!names.insert(name).second) config.refuse("Env", "has the variable " + name + " twice");
  }
  json::Fields rootfs = fields.object("rootfs");
  std::vector<std::string> diff_ids;
  for (const Layer& layer : manifest.layers) diff_ids.push_back(layer.diff_id);
  if (rootfs.strings("diff_ids") != diff_ids) rootfs.refuse("diff_ids", "are not those of the package's layers");
  if (const auto finished = fields.finish(json::Fields::Unknown::kIgnore); !finished)
    return refuse(finished.error().message());
  // Fields that are not looked at above would be as many doors: what is left of them is one spelling.
  if (text != image_config_json(manifest, env)) return refuse("it holds something else than `mifeng pack` writes");
  return ok();
}

}  // namespace mifeng::package
