// The model project, mifeng.yaml: what a vendor writes. spec/package.md, "The model project".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::manifest {

// Developer information (模型生产方信息).
struct Vendor {
  std::string id;  // the DNS label that the vendor goes by at every customer's
  std::string name;
  std::string address;
  std::string telephone;
  std::string business;
  bool operator==(const Vendor&) const = default;
};

// Model information (模型信息), the part that the vendor writes.
struct ModelIdentity {
  std::string name;
  std::string function;  // what it does, a line for people
  std::string language;  // names a pack: "python", "cpp"
  std::string version;
  bool operator==(const ModelIdentity&) const = default;
};

// All paths are relative to the project's folder.
struct ModelProject {
  Vendor vendor;
  ModelIdentity model;
  std::string entry;                        // what the pack calls: "module:function" (Python), a function (C++)
  std::vector<std::string> sources;         // files, or folders with all they hold; compiled
  std::vector<std::string> prepare;         // a command (argv) that trains or fetches before the build; may be empty
  std::vector<std::string> files;           // weights and other data, sealed as they are
  std::string requirements;                 // the language's own list of dependencies; may be empty
  std::vector<std::string> packages;        // Debian packages that the model needs while it runs
  std::vector<std::string> build_packages;  // and those that building it needs
  std::string base;                         // an image to build on in the place of Debian packages; may be empty
  std::string design_document;              // documents.design: 设计文档
  std::string usage_document;               // 使用文档
  std::string test_document;                // 测试文档
  std::string deployment;                   // the deployment config
  // What the command line takes in this folder where neither a flag nor the environment says it; no part of a package.
  std::map<std::string, std::string> defaults;
  bool operator==(const ModelProject&) const = default;
};

// What `defaults` may say: nothing that decides whom to trust, since a project's folder may come from somebody else.
inline constexpr std::string_view kProjectDefaults[] = {"platform", "output", "packs", "cache"};

// kInvalidArgument with "NAME:LINE:COLUMN: field: sentence". A document that is not named is "missing-document" and
// the message names it.
Result<ModelProject> parse_model_project(std::string_view yaml, std::string_view name);
std::string to_yaml(const ModelProject& project);

}  // namespace mifeng::manifest
