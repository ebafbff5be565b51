#include "commands/batch_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "cli/language.h"
#include "cli/lookup.h"
#include "mifeng/base/bounds.h"
#include "mifeng/manifest/yaml.h"
#include "mifeng/os/file.h"
#include "mifeng/package/package_file.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kListMax = 1 << 20;  // as much as the platform takes

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// A scalar as the API has it under that key: numbers and booleans only where it wants some, so that a version "1" or an
// amount "2" stays a text.
json::Value scalar_of(const manifest::YamlNode& node, std::string_view key) {
  if (node.quoted) return node.scalar;
  if (is_one_of(key, {"replicas", "ports", "seconds", "calls_per_minute", "calls_at_once", "seconds_max"})) {
    std::int64_t number = 0;
    const char* end = node.scalar.data() + node.scalar.size();
    const auto read = std::from_chars(node.scalar.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return number;
  }
  if (is_one_of(key, {"open", "allow_network", "enabled", "stream_requests", "idempotent"}) &&
      is_one_of(node.scalar, {"true", "false"}))
    return node.scalar == "true";
  return node.scalar;
}

// `key`: under which the value stands; of what stands in a list, the list's.
json::Value value_of(const manifest::YamlNode& node, std::string_view key) {
  switch (node.kind) {
    case manifest::YamlNode::Kind::kMapping: {
      json::Object object;
      for (const auto& field : node.fields) object.set(field.key, value_of(field.value, field.key));
      return object;
    }
    case manifest::YamlNode::Kind::kSequence: {
      json::Array array;
      for (const auto& item : node.items) array.push_back(value_of(item, key));
      return array;
    }
    case manifest::YamlNode::Kind::kNull: return nullptr;
    case manifest::YamlNode::Kind::kScalar: break;
  }
  return scalar_of(node, key);
}

Result<json::Object> read_list(const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    MIFENG_TRY(text, read_text_file(path, kListMax));
  }
  MIFENG_TRY(const auto node, manifest::parse_yaml(text, path, {.bytes = kListMax, .nodes = 200'000, .depth = 12}));
  json::Value value = value_of(node, "");
  if (json::Array* items = value.if_array()) return json::Object{{"items", std::move(*items)}};
  if (json::Object* object = value.if_object()) return std::move(*object);
  return Error(ErrorCode::kInvalidArgument, "bad-batch-file",
               say("{} is neither a list of deployments nor an object with items or a filter.", {path}));
}

// The versions that the packages of a folder are, whether the platform has them or not: it says so of each.
Result<json::Array> read_packages(const std::string& folder) {
  std::error_code failed;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->path().extension() == ".mfpkg") files.push_back(entry->path());
  if (failed)
    return Error(ErrorCode::kNotFound, "no-such-file",
                 say("The folder {} cannot be read: {}.", {folder, failed.message()}));
  if (files.empty())
    return Error(ErrorCode::kNotFound, "nothing-to-plan", say("There is no package (*.mfpkg) in {}.", {folder}));
  std::sort(files.begin(), files.end());
  json::Array items;
  for (const auto& path : files) {
    const auto file = package::PackageFile::open(path);
    if (!file) return file.error().with_context(path.string());
    const package::PackageManifest& manifest = file->manifest();
    items.push_back(
        json::Object{{"version", manifest.vendor.id + "/" + manifest.model.name + "@" + manifest.model.version}});
  }
  return items;
}

}  // namespace

void add_batch_flags(Command& command, BatchFlags& flags, const std::string& what_source_is) {
  command.text("SOURCE", flags.source, what_source_is)
      .text("--packages", flags.packages, "folder of packages (*.mfpkg): the versions that they are")
      .text("--vendor", flags.vendor, "the newest accepted version of each model of this vendor")
      .text("--function", flags.function, "of those whose function holds this text")
      .text("--language", flags.language, "of those written in this language")
      .text("--name", flags.name, "of those whose name holds this text")
      .text("--text", flags.text, "of those whose name, function or vendor holds this text")
      .flag("--all", flags.all, "of all models")
      .texts("--except", flags.except, "VENDOR/MODEL or VENDOR/MODEL@VERSION to leave out of those; again for more")
      .text("--as", flags.as, "name of each deployment, such as {vendor}-{model}; else {model}")
      .text("--route", flags.route, "access prefix of each new one, such as /{vendor}/{model}; else none")
      .text("--cluster", flags.cluster, "id of the cluster for those that name none; else local")
      .number("--replicas", flags.replicas, 0, bounds::kReplicasMax, "for those that name no number")
      .texts("--caller", flags.callers, "who may call the routes, by name or id; again for more; else every caller")
      .flag("--open", flags.open, "the routes need no API key")
      .flag("--allow-network", flags.allow_network, "let models that ask for it reach other machines");
}

Result<json::Object> plan_request(const PlatformClient& client, const BatchFlags& flags) {
  json::Object filter;
  const std::pair<const char*, const std::string*> parts[] = {{"vendor", &flags.vendor},
                                                              {"function", &flags.function},
                                                              {"language", &flags.language},
                                                              {"name", &flags.name},
                                                              {"text", &flags.text}};
  for (const auto& [name, value] : parts)
    if (!value->empty()) filter.set(name, *value);
  const bool filters = !filter.empty() || flags.all;
  const int ways = (flags.source.empty() ? 0 : 1) + (flags.packages.empty() ? 0 : 1) + (filters ? 1 : 0);
  if (ways != 1)
    return Error(ErrorCode::kInvalidArgument, "usage",
                 tr("Say what to deploy in one way: a file, --packages, or --vendor, --function, --language, --name, "
                    "--text or --all."));
  json::Object body;
  if (!flags.source.empty()) {
    MIFENG_TRY(body, read_list(flags.source));
  } else if (filters) {
    body.set("filter", std::move(filter));
  } else {
    MIFENG_TRY(auto items, read_packages(flags.packages));
    body.set("items", std::move(items));
  }
  if (!flags.except.empty()) body.set("except", json::Array(flags.except.begin(), flags.except.end()));
  if (!flags.as.empty()) body.set("name", flags.as);
  if (!flags.route.empty()) body.set("prefix", flags.route);
  if (!flags.cluster.empty()) body.set("cluster", flags.cluster);
  if (flags.replicas >= 0) body.set("replicas", flags.replicas);
  if (flags.open) body.set("open", true);
  if (flags.allow_network) body.set("allow_network", true);
  json::Array callers;
  for (const std::string& name : flags.callers) {
    MIFENG_TRY(const auto caller, find_caller(client, name));
    callers.push_back(text_of(caller, "id"));
  }
  if (!callers.empty()) body.set("callers", std::move(callers));
  return body;
}

}  // namespace mifeng::cli
