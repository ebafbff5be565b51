#include "language_pack.h"

#include <unistd.h>

#include <algorithm>

#include "mifeng/base/phrase.h"
#include "mifeng/json/fields.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/manifest/yaml.h"
#include "mifeng/os/file.h"
#include "mifeng/package/oci.h"
#include "tool_run.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

json::Array to_array(const std::vector<std::string>& items) { return json::Array(items.begin(), items.end()); }

// The project as a build reads it on standard input; the words are those of mifeng.yaml.
std::string project_json(const manifest::ModelProject& project) {
  return json::serialize(json::Object{{"vendor", project.vendor.id},
                                      {"model", json::Object{{"name", project.model.name},
                                                             {"function", project.model.function},
                                                             {"language", project.model.language},
                                                             {"version", project.model.version}}},
                                      {"entry", project.entry},
                                      {"sources", to_array(project.sources)},
                                      {"prepare", to_array(project.prepare)},
                                      {"files", to_array(project.files)},
                                      {"requirements", project.requirements},
                                      {"packages", to_array(project.packages)},
                                      {"base", project.base},
                                      {"buildPackages", to_array(project.build_packages)}});
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

}  // namespace

Result<LanguagePack> load_language_pack(const fs::path& packs, const std::string& language) {
  LanguagePack pack;
  pack.folder = packs / language;
  std::error_code error;
  if (!fs::exists(pack.folder / "pack.yaml", error)) {
    std::vector<std::string> known;
    for (const auto& entry : fs::directory_iterator(packs, error))
      if (fs::exists(entry.path() / "pack.yaml", error)) known.push_back(entry.path().filename());
    std::sort(known.begin(), known.end());
    return Error(ErrorCode::kInvalidArgument, "unknown-language",
                 "there is no pack for the language \"" + language + "\" in " + packs.string() +
                     "; there are: " + joined(known));
  }
  const fs::path file = pack.folder / "pack.yaml";
  MIFENG_TRY(const std::string text, read_text_file(file, 64 * 1024));
  MIFENG_TRY(const auto root, manifest::parse_yaml(text, file.string()));
  manifest::FieldReader fields(root, file.string(), "");
  const auto line = [](std::string_view value) { return manifest::check_line(value); };
  pack.language = fields.string("language", [&](std::string_view value) -> manifest::Complaint {
    if (value == language) return std::nullopt;
    return "must be the name of its folder, " + language;
  });
  fields.string("description", line);
  pack.framework = fields.string("framework", line);
  pack.build = fields.string("build", manifest::check_relative_path);
  pack.command = fields.strings_or_empty("command", 64, line);
  fields.object("base", [&](manifest::FieldReader& base) {
    pack.base_packages = base.strings_or_empty("packages", 200, manifest::check_debian_package);
  });
  MIFENG_CHECK(fields.finish());
  return pack;
}

Result<BuildOutput> run_language_pack(const LanguagePack& pack, const manifest::ModelProject& project,
                                      const PackOptions& options, const fs::path& work, PackListener& listener) {
  BuildOutput out;
  const fs::path folder = work / "out";
  out.dependencies = folder / "dependencies";
  out.payload = folder / "payload";
  for (const fs::path& made : {out.dependencies, out.payload, work / "build", work / "tmp"})
    fs::create_directories(made);
  ToolRun run;
  run.argv = {(pack.folder / pack.build).string(),
              "--project",
              options.project.string(),
              "--work",
              (work / "build").string(),
              "--out",
              folder.string(),
              "--cache",
              options.cache.string()};
  run.input = project_json(project);
  run.log = work / "build.log";
  run.scratch = work / "tmp";
  run.stop = options.stop;
  MIFENG_CHECK(run_tool(run, listener));

  MIFENG_TRY(const std::string text, read_text_file(folder / "pack.json", 64 * 1024));
  MIFENG_TRY(const json::Object object, json::parse_object(text));
  json::Fields fields(object, "pack.json");
  out.command = fields.strings("command", {.min = 1, .max = 4096}, {.max = 64});
  out.packages = fields.strings("packages", {.min = 2, .max = 100}, {.max = 500});
  MIFENG_CHECK(fields.finish());
  for (const std::string& name : out.packages)
    if (const auto complaint = manifest::check_debian_package(name))
      return Error(ErrorCode::kInternal, "build-failed", "pack.json: packages: " + name + " " + *complaint);
  if (out.command.empty()) out.command = pack.command;
  return out;
}

Result<void> check_base_tool(const PackOptions& options, const fs::path& work, PackListener& listener) {
  ToolRun run{{(options.packs / "common/base-image").string(), "--check"}, "", work / "base.log", {}, options.stop};
  MIFENG_CHECK(run_tool(run, listener));
  return ok();
}

Result<LayerFile> build_base_layer(const PackOptions& options, std::vector<std::string> packages, const fs::path& work,
                                   PackListener& listener) {
  std::sort(packages.begin(), packages.end());
  packages.erase(std::unique(packages.begin(), packages.end()), packages.end());
  const std::string tool = (options.packs / "common/base-image").string();
  const std::vector<std::string> asked{tool, "--packages", joined(packages), "--cache", options.cache.string()};
  ToolRun key_run{asked, "", work / "base.log", {}, options.stop};
  key_run.argv.push_back("--key");
  MIFENG_TRY(std::string key, run_tool(key_run, listener));
  while (!key.empty() && key.back() == '\n') key.pop_back();
  if (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != std::string::npos)
    return Error(ErrorCode::kInternal, "build-failed", tool + " --key gave no digest");

  const fs::path note = options.cache / "base" / (key + ".json");
  if (const auto text = read_text_file(note, 4096)) {
    const auto object = json::parse_object(*text);
    if (object) {
      json::Fields fields(*object);
      LayerFile out;
      out.layer.role = LayerRole::kBase;
      out.layer.media_type = kLayerGzip;
      out.layer.digest = fields.string("digest");
      out.layer.diff_id = fields.string("diff_id");
      out.layer.size = static_cast<std::uint64_t>(fields.integer("size", 1, std::int64_t{1} << 40));
      if (fields.finish() && out.layer.diff_id.size() == 71) {
        out.path = options.cache / "layers" / (out.layer.diff_id.substr(7) + ".tar.gz");
        std::error_code error;
        if (fs::file_size(out.path, error) == out.layer.size && !error) return out;
      }
    }
  }
  const fs::path root = work / "base";
  ToolRun run{asked, "", work / "base.log", {}, options.stop};
  run.argv.insert(run.argv.end(), {"--out", root.string()});
  MIFENG_CHECK(run_tool(run, listener));
  MIFENG_TRY(LayerFile out, build_layer({LayerRole::kBase, root, options.cache, options.stop,
                                         [&](std::uint64_t done, std::uint64_t total) {
                                           listener.progress(phrase("base layer"), done, total);
                                         }}));
  std::error_code error;
  fs::create_directories(note.parent_path(), error);
  MIFENG_CHECK(write_file_atomic(
      note, as_bytes(json::serialize(json::Object{
                {"digest", out.layer.digest}, {"diff_id", out.layer.diff_id}, {"size", out.layer.size}}))));
  return out;
}

}  // namespace mifeng::package
