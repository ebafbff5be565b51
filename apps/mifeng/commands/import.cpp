// mifeng import
#include <filesystem>

#include "cli/console.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "mifeng/manifest/import.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kFileMax = 1 << 20;

struct ImportCommand {
  std::vector<std::string> files;
  std::string model, version, name_space, output_file;
};

std::string line_of(const manifest::ImportRemark& remark) {
  return remark.place + ": " + remark.path + ": " + tr_phrase(remark.sentence);
}

Result<int> import(const ImportCommand& command, Console& console) {
  std::error_code failure;
  if (!command.output_file.empty() && std::filesystem::exists(command.output_file, failure))
    return Error(ErrorCode::kConflict, "file-exists",
                 say("{} exists; choose another name, or remove it first.", {command.output_file}));
  std::vector<manifest::ImportSource> sources;
  for (const std::string& file : command.files) {
    MIFENG_TRY(auto text, read_text_file(file == "-" ? "/dev/stdin" : file, kFileMax));
    sources.push_back({file, std::move(text)});
  }
  MIFENG_TRY(auto imported,
             manifest::import_kubernetes(sources, {.model_name = command.model, .model_version = command.version}));
  if (!imported.refusals.empty()) {
    for (const auto& refusal : imported.refusals) console.message(line_of(refusal));
    return Error(ErrorCode::kInvalidArgument, "not-importable",
                 say("{} of these files cannot be taken over; nothing was written.",
                     {std::to_string(imported.refusals.size())}));
  }
  for (const auto& note : imported.notes) console.message(line_of(note));
  if (!command.name_space.empty()) imported.config.namespace_name = command.name_space;
  const std::string yaml = manifest::to_yaml(imported.config);
  // Also what was said here has to make a config.
  MIFENG_CHECK(manifest::parse_deployment_config(yaml, "config", manifest::ConfigKind::kProject));
  if (command.output_file.empty()) {
    MIFENG_CHECK(console.print(yaml));
    return 0;
  }
  MIFENG_CHECK(write_file_atomic(command.output_file, as_bytes(yaml), 0644));
  console.message(say("It is in {}: look at it, and pack the model with it.", {command.output_file}));
  return 0;
}

}  // namespace

void add_import(Command& root) {
  Command command = root.add("import", "Make a deployment config of a plain Kubernetes Deployment and its Services");
  auto options = std::make_shared<ImportCommand>();
  command.texts("FILE", options->files, "YAML of one or several documents; - for standard input", Need::kRequired)
      .text("--model", options->model, "name of the model; else the Deployment's")
      .text("--version", options->version, "of the model; else the tag of its image where it is one, else 1.0.0")
      .text("--namespace", options->name_space, "of the config; else models")
      .text("--output-file", options->output_file, "file; else standard output");
  command.examples(
      "  mifeng import vendor.yaml --output-file deployment.yaml\n"
      "  kubectl get deployment,service -l app=digits -o yaml | mifeng import -\n\n"
      "Only what is on a list of fields is taken over. Everything else is refused by its path, all of it at once and\n"
      "each with what to do: hostPath, hostNetwork, privileged, envFrom, ...");
  command.run([=](Console& console) { return import(*options, console); });
}

}  // namespace mifeng::cli
