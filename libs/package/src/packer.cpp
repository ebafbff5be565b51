#include "mifeng/package/packer.h"

#include <sys/stat.h>

#include <algorithm>

#include "base_image.h"
#include "image_tree.h"
#include "language_pack.h"
#include "mifeng/base/phrase.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/json/fields.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/file.h"
#include "mifeng/os/part_file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/package_file.h"
#include "mifeng/package/package_writer.h"
#include "mifeng/package/sealed_layers.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kYamlMax = 256 * 1024;
const PackageLimits kLimits;

DigestAndSize part_of(std::string_view text) { return {to_hex(crypto::sm3(as_bytes(text))), text.size()}; }

Error missing_file(const std::string& field, const fs::path& path) {
  return Error(ErrorCode::kInvalidArgument, "missing-file",
               "mifeng.yaml: " + field + ": there is no file " + path.string());
}

// What the vendor wrote, read and checked before anything slow begins.
struct Inputs {
  manifest::ModelProject project;
  manifest::DeploymentConfig config;
  std::array<std::string, 3> documents;
};

Result<std::string> read_document(const PackOptions& options, const char* name, const std::string& path) {
  const fs::path file = options.project / path;
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    return Error(ErrorCode::kInvalidArgument, "missing-document",
                 phrase("the {} document is missing: there is no file {}", name, file.string()));
  MIFENG_TRY(std::string text, read_text_file(file, kLimits.document_size));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error(ErrorCode::kInvalidArgument, "missing-document",
                 phrase("the {} document is empty: {}", name, file.string()));
  return text;
}

Result<Inputs> read_inputs(const PackOptions& options) {
  Inputs inputs;
  const fs::path file = options.project / "mifeng.yaml";
  std::error_code error;
  if (!fs::exists(file, error))
    return Error(ErrorCode::kNotFound, "no-such-file",
                 "there is no mifeng.yaml in " + options.project.string() + "; `mifeng init` makes one");
  MIFENG_TRY(const std::string text, read_text_file(file, kYamlMax));
  MIFENG_TRY(inputs.project, manifest::parse_model_project(text, file.string()));
  const manifest::ModelProject& project = inputs.project;

  const fs::path deployment = options.project / project.deployment;
  if (!fs::exists(deployment, error)) return missing_file("deployment", deployment);
  MIFENG_TRY(const std::string yaml, read_text_file(deployment, kYamlMax));
  MIFENG_TRY(inputs.config,
             manifest::parse_deployment_config(yaml, deployment.string(), manifest::ConfigKind::kProject));
  if (inputs.config.model_name != project.model.name || inputs.config.model_version != project.model.version)
    return Error(ErrorCode::kInvalidArgument, "bad-field",
                 deployment.string() + ": spec.model: must be " + project.model.name + " " + project.model.version +
                     ", as in mifeng.yaml");
  if (!inputs.config.image.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-field",
                 deployment.string() + ": spec.image: leave it out; the image is made now and named by its digest");

  MIFENG_TRY(inputs.documents[0], read_document(options, "design", project.design_document));
  MIFENG_TRY(inputs.documents[1], read_document(options, "usage", project.usage_document));
  MIFENG_TRY(inputs.documents[2], read_document(options, "test", project.test_document));
  for (const std::string& source : project.sources)
    if (!fs::exists(options.project / source, error)) return missing_file("sources", options.project / source);
  if (!project.requirements.empty() && !fs::exists(options.project / project.requirements, error))
    return missing_file("requirements", options.project / project.requirements);
  // Files may be what prepare makes.
  if (project.prepare.empty())
    for (const std::string& one : project.files)
      if (!fs::exists(options.project / one, error)) return missing_file("files", options.project / one);
  return inputs;
}

struct Recipients {
  std::vector<crypto::Sm2PublicKey> keys;
  std::vector<CardReference> references;
};

Result<Recipients> read_cards(const PackOptions& options) {
  Recipients out;
  if (options.cards.empty() || options.cards.size() > 16)
    return Error(ErrorCode::kInvalidArgument, "bad-card", "a package is sealed for 1 to 16 platform cards");
  for (const messages::PlatformCard& card : options.cards) {
    MIFENG_TRY(const auto keys, messages::verify_card(card));
    CardReference reference{card.platform, to_hex(keys.identity.key_id()), to_hex(keys.delivery.key.key_id())};
    for (const CardReference& other : out.references)
      if (other.identity_key_id == reference.identity_key_id || other.delivery_key_id == reference.delivery_key_id)
        return Error(ErrorCode::kInvalidArgument, "bad-card", "the card of " + card.platform + " was given twice");
    out.keys.push_back(keys.delivery.key);
    out.references.push_back(std::move(reference));
  }
  return out;
}

// A digest of all that a package is made of. The project's build folder is left out: prepare writes there.
Result<std::string> input_digest(const PackOptions& options, const std::optional<BaseReference>& base) {
  const auto not_ours = [&](const std::string& path) {
    const std::string name = path.substr(path.find_last_of('/') + 1);
    return path == "build" || name == ".git" || name == "__pycache__" || name == ".venv" || name.ends_with(".mfpkg") ||
           PartFile::is_name(name);
  };
  DigestHasher digest;
  MIFENG_TRY(const std::string project, digest_tree(options.project, not_ours, options.stop));
  MIFENG_TRY(const std::string packs, digest_tree(options.packs, not_ours, options.stop));
  for (const std::string* text : {&project, &packs, &options.created_by}) digest.update(as_bytes(*text));
  for (const messages::PlatformCard& card : options.cards) digest.update(as_bytes(messages::encode_card(card)));
  digest.update(options.signer->public_key().point());
  if (base) {
    MIFENG_TRY(const std::string image, base_image_digest(*base, options.stop));
    digest.update(as_bytes(base->text + "\n" + image));
  }
  return digest.digest();
}

std::string output_facts(const fs::path& output) {
  struct ::stat facts {};
  if (::stat(output.c_str(), &facts) != 0) return "";
  return std::to_string(facts.st_size) + " " + std::to_string(facts.st_mtim.tv_sec) + "." +
         std::to_string(facts.st_mtim.tv_nsec);
}

std::string built_facts(const PackOptions& options) {
  std::error_code error;
  if (!fs::exists(options.project / "build", error)) return "none";
  auto digest = digest_tree(options.project / "build");
  return digest ? *digest : "";
}

fs::path note_path(const PackOptions& options) {
  std::error_code error;
  const std::string absolute = fs::absolute(options.output, error).lexically_normal().string();
  return options.cache / "packed" / (std::string(digest_hex(sha256_digest(as_bytes(absolute)))) + ".json");
}

std::string note_text(const PackOptions& options, const std::string& inputs) {
  return json::serialize(
      json::Object{{"inputs", inputs}, {"built", built_facts(options)}, {"output", output_facts(options.output)}});
}

// `base`: the layers of an image that the vendor named; none where it is to be made of Debian packages.
Result<std::vector<LayerFile>> plain_layers(const PackOptions& options, const LanguagePack& pack,
                                            const BuildOutput& built, const manifest::ModelProject& project,
                                            std::vector<LayerFile> base, const fs::path& work, PackListener& listener) {
  std::vector<LayerFile> layers = std::move(base);
  std::vector<std::string> packages = pack.base_packages;
  packages.insert(packages.end(), built.packages.begin(), built.packages.end());
  packages.insert(packages.end(), project.packages.begin(), project.packages.end());
  if (layers.empty()) {
    listener.step(phrase("base layer"));
    MIFENG_TRY(LayerFile made, build_base_layer(options, std::move(packages), work, listener));
    layers.push_back(std::move(made));
  } else {
    std::string names;
    for (const std::string& name : packages) names += " " + name;
    listener.note(phrase("the base image has to bring what these Debian packages do:{}", names));
  }
  std::error_code error;
  if (!fs::is_empty(built.dependencies, error)) {
    listener.step(phrase("dependencies layer"));
    MIFENG_TRY(LayerFile dependencies, build_layer({LayerRole::kDependencies, built.dependencies, options.cache,
                                                    options.stop, [&](std::uint64_t done, std::uint64_t total) {
                                                      listener.progress(phrase("dependencies layer"), done, total);
                                                    }}));
    layers.push_back(std::move(dependencies));
  }
  // An archive cannot hold one blob twice.
  for (auto layer = layers.begin(); layer != layers.end(); ++layer)
    if (std::any_of(layers.begin(), layer,
                    [&](const LayerFile& other) { return other.layer.diff_id == layer->layer.diff_id; }))
      return Error(ErrorCode::kInvalidArgument, "bad-base",
                   "the base image holds the " + std::string(to_string(layer->layer.role)) +
                       " layer already: name the image that the model is to stand on, not a packed model's");
  return layers;
}

}  // namespace

Result<PackResult> pack(const PackOptions& given, Random& random, PackListener& listener) {
  PackOptions options = given;
  std::error_code error;
  options.project = fs::absolute(given.project, error).lexically_normal();
  options.cache = fs::absolute(given.cache, error).lexically_normal();
  options.packs = fs::absolute(given.packs, error).lexically_normal();
  MIFENG_TRY(Inputs inputs, read_inputs(options));
  MIFENG_TRY(const Recipients recipients, read_cards(options));
  MIFENG_TRY(const LanguagePack pack, load_language_pack(options.packs, inputs.project.model.language));
  std::optional<BaseReference> named_base;
  if (!options.base.empty()) {
    MIFENG_TRY(named_base, parse_base_reference(options.base, fs::current_path(error)));
    inputs.project.base = options.base;
    if (!inputs.project.packages.empty())
      return Error(ErrorCode::kInvalidArgument, "bad-base",
                   "packages of mifeng.yaml cannot be put into a base image that you name: leave them out, and have "
                   "them in it");
  } else if (!inputs.project.base.empty()) {
    MIFENG_TRY(named_base, parse_base_reference(inputs.project.base, options.project));
  }
  MIFENG_TRY(const std::string digest, input_digest(options, named_base));
  PackResult result;
  const fs::path note = note_path(options);
  if (!options.again && fs::exists(options.output, error))
    if (const auto kept = read_text_file(note, 64 * 1024); kept && *kept == note_text(options, digest)) {
      MIFENG_TRY(const PackageFile package, PackageFile::open(options.output));
      result.manifest = package.manifest();
      result.was_current = true;
      return result;
    }

  const fs::path scratch = options.cache / "work";
  fs::create_directories(scratch, error);
  if (!error) fs::create_directories(note.parent_path(), error);
  if (error)
    return Error(ErrorCode::kInvalidArgument, "no-cache",
                 phrase("no folder for what packing keeps can be made in {} ({}): give another one with --cache",
                        options.cache.string(), error.message()));
  MIFENG_TRY(const WorkFolder work, WorkFolder::create(scratch, "pack-"));

  BaseImage base;
  if (named_base) {
    listener.step(phrase("base image {}", named_base->text));
    MIFENG_TRY(base, read_base_image(*named_base, options.cache, work.path(), listener, options.stop));
  } else {
    MIFENG_CHECK(check_base_tool(options, work.path(), listener));
  }
  listener.step(phrase("building with {}", pack.framework));
  MIFENG_TRY(const BuildOutput built, run_language_pack(pack, inputs.project, options, work.path(), listener));
  MIFENG_TRY(auto layers,
             plain_layers(options, pack, built, inputs.project, std::move(base.layers), work.path(), listener));
  // What a platform would refuse, before anything is sealed.
  listener.step(phrase("checking the layers"));
  MIFENG_CHECK(check_plain_layers(layers, inputs.config, options.stop));

  PackageParts parts;
  PackageManifest& manifest = parts.manifest;
  manifest.vendor = inputs.project.vendor;
  MIFENG_TRY(manifest.vendor_public_key, options.signer->public_key().to_pem());
  manifest.model = inputs.project.model;
  manifest.image_name = manifest.vendor.id + "/" + manifest.model.name;
  manifest.cards = recipients.references;
  manifest.created_by = options.created_by;

  listener.step(phrase("sealing the payload"));
  MIFENG_TRY(auto sealed, seal_payload(built.payload, manifest, recipients.keys, *options.signer, work.path(), random,
                                       [&](std::uint64_t done, std::uint64_t total) {
                                         listener.progress(phrase("sealing"), done, total);
                                         return check(options.stop);
                                       }));
  manifest.payload_header = part_of(as_text(sealed.header));
  manifest.payload_plaintext_size = sealed.plaintext_size;
  MIFENG_TRY(auto header, header_layer(sealed.header, work.path()));
  layers.push_back(std::move(header));
  layers.push_back(std::move(sealed.segments));
  for (LayerFile& layer : layers) {
    manifest.layers.push_back(layer.layer);
    parts.layers.push_back(std::move(layer.path));
  }

  parts.image_config = image_config_json(manifest, base.env);
  manifest.image_config = {sha256_digest(as_bytes(parts.image_config)), parts.image_config.size()};
  parts.image_manifest = image_manifest_json(manifest);
  manifest.image_digest = sha256_digest(as_bytes(parts.image_manifest));
  manifest.image_manifest_size = parts.image_manifest.size();

  if (inputs.config.command.empty()) inputs.config.command = built.command;
  if (inputs.config.command.empty())
    return Error(ErrorCode::kInvalidArgument, "missing-field",
                 "spec.command of the deployment config is missing, and the pack names none");
  inputs.config.image = manifest.image_name + "@" + manifest.image_digest;
  parts.config_yaml = manifest::to_yaml(inputs.config);
  manifest.config = part_of(parts.config_yaml);
  parts.documents = std::move(inputs.documents);
  manifest.design = part_of(parts.documents[0]);
  manifest.usage = part_of(parts.documents[1]);
  manifest.test = part_of(parts.documents[2]);
  parts.payload_header = std::move(sealed.header);

  listener.step(phrase("writing {}", options.output.string()));
  MIFENG_CHECK(write_package(parts, *options.signer, options.output, listener, options.stop));
  MIFENG_CHECK(write_file_atomic(note, as_bytes(note_text(options, digest))));
  result.manifest = std::move(manifest);
  return result;
}

}  // namespace mifeng::package
