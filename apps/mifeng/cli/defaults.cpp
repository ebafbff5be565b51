#include "cli/defaults.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "cli/connect.h"
#include "cli/language.h"
#include "mifeng/manifest/model_project.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/manifest/yaml.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kFileMax = 256 * 1024;
constexpr const char* kMachineFile = "/etc/mifeng/config.yaml";

bool is_about_trust(std::string_view name) { return name == "ca" || name == "pin" || name == "token_file"; }

manifest::Complaint check_output(std::string_view text) {
  if (text == "table" || text == "json" || text == "yaml" || text == "name") return std::nullopt;
  return "must be table, json, yaml or name";
}

void read_values(manifest::FieldReader& fields, const std::vector<std::string>& names,
                 std::map<std::string, std::string>& values) {
  for (const std::string& name : names) {
    if (!fields.has(name)) continue;
    values[name] = fields.string(name, [&](std::string_view text) {
      return name == "output" ? check_output(text) : manifest::check_line(text, 1024);
    });
  }
}

// None where the file is not there.
Result<std::optional<std::string>> text_of_file(const std::filesystem::path& path) {
  auto text = read_text_file(path, kFileMax);
  if (text) return std::optional(std::move(*text));
  if (text.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
  return std::move(text).error();
}

// Only `defaults` is looked at: what else is wrong with a project is for `mifeng pack` to say.
Result<DefaultsFile> read_project(const std::filesystem::path& path) {
  DefaultsFile file{path.string(), {}};
  MIFENG_TRY(const auto text, text_of_file(path));
  if (!text) return file;
  MIFENG_TRY(const auto root, manifest::parse_yaml(*text, path.string()));
  const auto defaults = std::ranges::find(root.fields, "defaults", &manifest::YamlField::key);
  if (defaults == root.fields.end()) return file;
  const std::vector<std::string> names(std::begin(manifest::kProjectDefaults), std::end(manifest::kProjectDefaults));
  manifest::FieldReader fields(defaults->value, path.string(), "defaults");
  read_values(fields, names, file.values);
  MIFENG_CHECK(fields.finish());
  return file;
}

Result<DefaultsFile> read_config(const std::filesystem::path& path) {
  DefaultsFile file{path.string(), {}};
  MIFENG_TRY(const auto text, text_of_file(path));
  if (!text) return file;
  MIFENG_TRY(const auto root, manifest::parse_yaml(*text, path.string()));
  manifest::FieldReader fields(root, path.string(), "");
  read_values(fields, setting_names(), file.values);
  for (const auto& [name, value] : file.values) {
    if (is_about_trust(name) && !file.values.contains("platform"))
      fields.refuse(name, "goes with the platform that it is for; name that as `platform` in this file");
  }
  MIFENG_CHECK(fields.finish());
  return file;
}

Result<void> check_private(const std::filesystem::path& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return ok();
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  if (ours && (status.st_mode & 077) == 0) return ok();
  return Error(
      ErrorCode::kPermissionDenied, "config-readable-by-others",
      say("{} says whom to trust, so only you may read and write it: chmod 600 {}", {path.string(), path.string()}));
}

}  // namespace

const std::vector<std::string>& setting_names() {
  static const std::vector<std::string> kNames{"platform", "ca",    "pin",   "token_file", "output",
                                               "packs",    "guard", "cache", "data"};
  return kNames;
}

std::string environment_name(const std::string& setting) {
  std::string name = "MIFENG_" + setting;
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

Defaults::Places Defaults::places() {
  return {"mifeng.yaml", session_file(), session_file().parent_path() / "config.yaml", kMachineFile};
}

Result<Defaults> Defaults::load(const Places& where) {
  Defaults defaults;
  MIFENG_TRY(auto project, read_project(where.project));
  defaults.files_.push_back(std::move(project));
  // Of the user's own files the session is the later word: it was made by signing in.
  MIFENG_TRY(const auto session, read_session());
  DefaultsFile signed_in{where.session.string(), {}};
  if (!session.platform.empty()) signed_in.values["platform"] = session.platform;
  defaults.files_.push_back(std::move(signed_in));
  MIFENG_CHECK(check_private(where.user));
  for (const auto& path : {where.user, where.machine}) {
    MIFENG_TRY(auto file, read_config(path));
    defaults.files_.push_back(std::move(file));
  }
  return defaults;
}

std::optional<Defaults::Found> Defaults::find(const std::string& name, const std::string& platform) const {
  for (const DefaultsFile& file : files_) {
    const auto found = file.values.find(name);
    if (found == file.values.end()) continue;
    if (is_about_trust(name) && file.values.at("platform") != platform) continue;
    return Found{found->second, file.from};
  }
  return std::nullopt;
}

}  // namespace mifeng::cli
