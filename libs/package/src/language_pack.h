// A language's pack: packs/LANGUAGE/pack.yaml and its `build` (docs/packs.md). Adding one touches no C++.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/manifest/model_project.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

struct LanguagePack {
  std::filesystem::path folder;
  std::string language;
  std::string framework;
  std::string build;                       // the program, relative to the folder
  std::vector<std::string> base_packages;  // Debian packages of the base layer
  std::vector<std::string> command;        // what the guard starts unless the deployment config says otherwise
};

// kInvalidArgument "unknown-language" names those that there are.
Result<LanguagePack> load_language_pack(const std::filesystem::path& packs, const std::string& language);

struct BuildOutput {
  std::filesystem::path dependencies;  // a tree for the image's root; may be empty
  std::filesystem::path payload;       // a tree for /app
  std::vector<std::string> command;
  std::vector<std::string> packages;  // Debian packages for the base layer, beside the pack's own
};

// Runs the pack's build in `work`. kInternal "build-failed".
Result<BuildOutput> run_language_pack(const LanguagePack& pack, const manifest::ModelProject& project,
                                      const PackOptions& options, const std::filesystem::path& work,
                                      PackListener& listener);

// Whether base layers can be made on this machine at all: asked before a vendor waits for a compiler. kInternal
// "build-failed" with the sentence that says what is missing, and what helps.
Result<void> check_base_tool(const PackOptions& options, const std::filesystem::path& work, PackListener& listener);

// The base layer of these Debian packages and what they depend on; kept in the cache under the packages' versions.
Result<LayerFile> build_base_layer(const PackOptions& options, std::vector<std::string> packages,
                                   const std::filesystem::path& work, PackListener& listener);

}  // namespace mifeng::package
