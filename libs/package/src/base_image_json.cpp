#include "base_image_json.h"

#include "mifeng/json/fields.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

constexpr const char* kReferenceName = "org.opencontainers.image.ref.name";

Error refused(const char* what, std::string_view why) {
  return Error(ErrorCode::kInvalidArgument, "bad-base", std::string(what) + ": " + std::string(why));
}

BaseBlob read_blob(json::Fields& fields) {
  BaseBlob blob;
  blob.media_type = fields.optional_string("mediaType", {.min = 1, .max = 200}).value_or("");
  blob.digest = fields.string("digest");
  if (!is_digest(blob.digest)) fields.refuse("digest", "must be sha256: and 64 hex digits");
  blob.size = static_cast<std::uint64_t>(fields.integer("size", 0, std::int64_t{1} << 40));
  return blob;
}

Result<json::Object> parse_bounded(const char* what, std::string_view text) {
  auto object = json::parse_object(text, {.bytes = kBaseJsonMax});
  if (!object) return refused(what, object.error().message());
  return object;
}

template <typename T>
Result<T> finished(const char* what, json::Fields& fields, T value) {
  if (const auto done = fields.finish(json::Fields::Unknown::kIgnore); !done)
    return refused(what, done.error().message());
  return value;
}

}  // namespace

Result<std::vector<BaseIndexEntry>> parse_base_index(std::string_view text) {
  MIFENG_TRY(const json::Object object, parse_bounded("its index", text));
  json::Fields fields(object);
  std::vector<BaseIndexEntry> entries;
  for (json::Fields& one : fields.objects("manifests", {.min = 1, .max = 200})) {
    BaseIndexEntry entry;
    entry.blob = read_blob(one);
    if (auto annotations = one.optional_object("annotations"))
      entry.tag = annotations->optional_string(kReferenceName, {.max = 500}).value_or("");
    if (auto platform = one.optional_object("platform"))
      entry.platform = platform->optional_string("os", {.max = 60}).value_or("") + "/" +
                       platform->optional_string("architecture", {.max = 60}).value_or("");
    entries.push_back(std::move(entry));
  }
  return finished("its index", fields, std::move(entries));
}

Result<BaseManifest> parse_base_manifest(std::string_view text) {
  MIFENG_TRY(const json::Object object, parse_bounded("its manifest", text));
  json::Fields fields(object);
  BaseManifest manifest;
  if (fields.integer("schemaVersion", 0, 1000) != 2) fields.refuse("schemaVersion", "must be 2");
  json::Fields config = fields.object("config");
  manifest.config = read_blob(config);
  for (json::Fields& one : fields.objects("layers", {.min = 1, .max = kBaseLayersMax}))
    manifest.layers.push_back(read_blob(one));
  return finished("its manifest", fields, std::move(manifest));
}

Result<BaseConfig> parse_base_config(std::string_view text) {
  MIFENG_TRY(const json::Object object, parse_bounded("its configuration", text));
  json::Fields fields(object);
  BaseConfig config;
  config.architecture = fields.string("architecture", {.min = 1, .max = 60});
  config.os = fields.string("os", {.min = 1, .max = 60});
  if (auto inner = fields.optional_object("config")) config.env = inner->strings("Env", {.max = 32768}, {.max = 500});
  json::Fields rootfs = fields.object("rootfs");
  config.diff_ids = rootfs.strings("diff_ids", {}, {.min = 1, .max = kBaseLayersMax});
  for (const std::string& diff_id : config.diff_ids)
    if (!is_digest(diff_id)) rootfs.refuse("diff_ids", "must each be sha256: and 64 hex digits");
  return finished("its configuration", fields, std::move(config));
}

bool is_index_type(std::string_view type) {
  return type == "application/vnd.oci.image.index.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_manifest_type(std::string_view type) {
  return type.empty() || type == "application/vnd.oci.image.manifest.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.v2+json";
}

BaseCompression compression_of(std::string_view type) {
  if (type == "application/vnd.oci.image.layer.v1.tar" || type == "application/vnd.docker.image.rootfs.diff.tar")
    return BaseCompression::kNone;
  if (type == "application/vnd.oci.image.layer.v1.tar+gzip" ||
      type == "application/vnd.docker.image.rootfs.diff.tar.gzip")
    return BaseCompression::kGzip;
  return BaseCompression::kOther;
}

}  // namespace mifeng::package
