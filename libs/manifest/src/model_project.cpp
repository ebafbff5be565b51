#include "mifeng/manifest/model_project.h"

#include "mifeng/base/phrase.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::manifest {
namespace {

FieldReader::Rule exactly(std::string_view expected) {
  return [expected = std::string(expected)](std::string_view text) -> Complaint {
    if (text == expected) return std::nullopt;
    return phrase("must be {}", expected);
  };
}
Complaint label(std::string_view text) { return check_label(text); }
Complaint line(std::string_view text) { return check_line(text); }

void write_list(std::string& out, std::string_view key, const std::vector<std::string>& items) {
  if (items.empty()) return;
  out += std::string(key) + ":\n";
  for (const std::string& item : items) out += "  - " + yaml_string(item) + "\n";
}

}  // namespace

Result<ModelProject> parse_model_project(std::string_view yaml, std::string_view name) {
  MIFENG_TRY(const YamlNode root, parse_yaml(yaml, name));
  ModelProject project;
  FieldReader document(root, name, "");
  document.string("apiVersion", exactly("mifeng.io/v1"));
  document.string("kind", exactly("ModelProject"));
  document.object("vendor", [&](FieldReader& fields) {
    project.vendor.id = fields.string("id", label);
    project.vendor.name = fields.string("name", line);
    project.vendor.address = fields.string("address", line);
    project.vendor.telephone = fields.string("telephone", [](std::string_view text) { return check_line(text, 64); });
    project.vendor.business = fields.string("business", line);
  });
  document.object("model", [&](FieldReader& fields) {
    project.model.name = fields.string("name", label);
    project.model.function = fields.string("function", line);
    project.model.language = fields.string("language", [](std::string_view text) { return check_label(text, 32); });
    project.model.version = fields.string("version", check_version);
  });
  project.entry = document.string("entry", line);
  project.sources = document.strings_or_empty("sources", 1000, check_relative_path);
  if (project.sources.empty() && !document.failed())
    document.refuse("sources", phrase("needs at least one file or folder"), "missing-field");
  project.prepare =
      document.strings_or_empty("prepare", 64, [](std::string_view text) { return check_line(text, 4096); });
  project.files = document.strings_or_empty("files", 1000, check_relative_path);
  project.requirements = document.string_or("requirements", "", check_relative_path);
  project.packages = document.strings_or_empty("packages", 200, check_debian_package);
  project.build_packages = document.strings_or_empty("buildPackages", 200, check_debian_package);
  project.base = document.string_or("base", "", check_base_image);
  if (!project.base.empty() && !project.packages.empty())
    document.refuse("packages",
                    phrase("cannot be put into a base image that you name: leave them out, and have them in it"));
  if (!document.has("documents"))
    document.refuse("documents", phrase("the documents design, usage and test are missing"), "missing-document");
  document.object("documents", [&](FieldReader& fields) {
    for (const char* const key : {"design", "usage", "test"})
      if (!fields.has(key))
        fields.refuse(key, phrase("is missing: a package carries the {} document", key), "missing-document");
    project.design_document = fields.string("design", check_relative_path);
    project.usage_document = fields.string("usage", check_relative_path);
    project.test_document = fields.string("test", check_relative_path);
  });
  project.deployment = document.string_or("deployment", "deployment.yaml", check_relative_path);
  document.object_if("defaults", [&](FieldReader& fields) {
    for (const std::string_view key : kProjectDefaults) {
      if (fields.has(key))
        project.defaults[std::string(key)] =
            fields.string(key, [](std::string_view text) { return check_line(text, 1024); });
    }
  });
  MIFENG_CHECK(document.finish());
  return project;
}

std::string to_yaml(const ModelProject& project) {
  std::string out = "apiVersion: mifeng.io/v1\nkind: ModelProject\nvendor:\n";
  out += "  id: " + yaml_string(project.vendor.id) + "\n  name: " + yaml_string(project.vendor.name) +
         "\n  address: " + yaml_string(project.vendor.address) +
         "\n  telephone: " + yaml_string(project.vendor.telephone) +
         "\n  business: " + yaml_string(project.vendor.business) + "\nmodel:\n";
  out += "  name: " + yaml_string(project.model.name) + "\n  function: " + yaml_string(project.model.function) +
         "\n  language: " + yaml_string(project.model.language) + "\n  version: " + yaml_string(project.model.version) +
         "\n";
  out += "entry: " + yaml_string(project.entry) + "\n";
  write_list(out, "sources", project.sources);
  write_list(out, "prepare", project.prepare);
  write_list(out, "files", project.files);
  if (!project.requirements.empty()) out += "requirements: " + yaml_string(project.requirements) + "\n";
  write_list(out, "packages", project.packages);
  write_list(out, "buildPackages", project.build_packages);
  if (!project.base.empty()) out += "base: " + yaml_string(project.base) + "\n";
  out += "documents:\n  design: " + yaml_string(project.design_document) +
         "\n  usage: " + yaml_string(project.usage_document) + "\n  test: " + yaml_string(project.test_document) + "\n";
  out += "deployment: " + yaml_string(project.deployment) + "\n";
  if (!project.defaults.empty()) out += "defaults:\n";
  for (const auto& [key, value] : project.defaults) out += "  " + key + ": " + yaml_string(value) + "\n";
  return out;
}

}  // namespace mifeng::manifest
