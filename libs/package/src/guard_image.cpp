#include "mifeng/package/guard_image.h"

#include <map>

#include "layer_store.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/pod_template.h"
#include "mifeng/os/file.h"
#include "mifeng/os/part_file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using archive::TarEntry;

constexpr const char* kStart = "start/mifeng-start";

struct Source {
  TarEntry entry;
  fs::path path;  // of a file's content
};

Error bad_folder(const fs::path& folder, const std::string& sentence) {
  return Error(ErrorCode::kInvalidArgument, "bad-guard-folder",
               "the guard folder " + folder.string() + " " + sentence + "; tools/guard-folder makes it");
}

// By path, which is the order of the layer.
Result<std::map<std::string, Source>> list(const fs::path& folder) {
  std::map<std::string, Source> out;
  const auto add = [&](TarEntry entry, fs::path path = {}) {
    std::string name = entry.path;
    return out.emplace(std::move(name), Source{std::move(entry), std::move(path)}).second;
  };
  for (const char* const empty :
       {"app", "mifeng", "mifeng/guard", "mifeng/model", "mifeng/platform", "mifeng/run", "tmp"})
    add({empty, TarEntry::Type::kDirectory, 0755, 0, {}});
  MIFENG_TRY(const auto entries, list_tree(folder, {}));
  for (const TarEntry& entry : entries) {
    TarEntry stored = entry;
    const bool start = entry.path == kStart;
    if (start) {
      stored.path = "mifeng-start";
    } else if (entry.path == "start") {
      continue;
    } else {
      stored.path = "mifeng/" + entry.path;
    }
    if (entry.path.starts_with("start/") != start || !add(stored, folder / entry.path))
      return bad_folder(folder, "holds " + entry.path + ", which has no place in the image");
  }
  for (const char* const program : {"mifeng-start", "mifeng/bin/mifeng-guard", "mifeng/sbin/nginx"})
    if (const auto found = out.find(program); found == out.end() || found->second.entry.mode != 0755)
      return bad_folder(folder, "is not whole: there is no program for /" + std::string(program));
  return out;
}

Result<void> write(const std::map<std::string, Source>& sources, const archive::Sink& sink) {
  archive::TarWriter tar(sink);
  for (const auto& [name, source] : sources) {
    MIFENG_CHECK(tar.add(source.entry));
    if (source.entry.type == TarEntry::Type::kFile && source.entry.size != 0)
      MIFENG_CHECK(each_piece(source.path, [&](ByteView bytes) { return tar.data(bytes); }));
  }
  return tar.finish();
}

std::string config_json(const Layer& layer) {
  return json::serialize(
      json::Object{{"architecture", manifest::kArchitecture},
                   {"os", "linux"},
                   {"config", json::Object{{"User", kImageUser},
                                           {"Env", json::Array{"PATH=/mifeng/bin:/mifeng/sbin"}},
                                           {"Entrypoint", json::Array{"/mifeng/bin/mifeng-guard"}}}},
                   {"rootfs", json::Object{{"type", "layers"}, {"diff_ids", json::Array{layer.diff_id}}}}});
}

json::Object descriptor(std::string_view media_type, const std::string& digest, std::uint64_t size) {
  return {{"mediaType", media_type}, {"digest", digest}, {"size", size}};
}

}  // namespace

Result<std::string> write_guard_image(const fs::path& folder, const fs::path& out) {
  MIFENG_TRY(const auto sources, list(folder));
  DigestHasher content;
  MIFENG_CHECK(write(sources, [&](ByteView bytes) {
    content.update(bytes);
    return ok();
  }));
  std::error_code error;
  const fs::path absolute = fs::absolute(out, error).lexically_normal();
  MIFENG_TRY(const WorkFolder work,
             WorkFolder::create(absolute.parent_path(), "." + absolute.filename().string() + "-"));
  const fs::path made = work.path() / "image";
  const fs::path blobs = made / "blobs/sha256";
  fs::create_directories(blobs, error);
  if (error) return errno_error(error.value(), "make folder " + blobs.string());
  MIFENG_TRY(const LayerFile layer, store_layer(LayerRole::kBase, content.digest(), work.path(), folder.string(),
                                                [&](const archive::Sink& sink) { return write(sources, sink); }));
  const auto put = [&](const std::string& text) -> Result<std::string> {
    const std::string digest = sha256_digest(as_bytes(text));
    MIFENG_CHECK(write_file_atomic(blobs / digest_hex(digest), as_bytes(text)));
    return digest;
  };
  const std::string config = config_json(layer.layer);
  MIFENG_TRY(const std::string config_digest, put(config));
  const std::string manifest = json::serialize(
      json::Object{{"schemaVersion", 2},
                   {"mediaType", kImageManifest},
                   {"config", descriptor(kImageConfig, config_digest, config.size())},
                   {"layers", json::Array{descriptor(kLayerGzip, layer.layer.digest, layer.layer.size)}}});
  MIFENG_TRY(const std::string digest, put(manifest));
  const std::string index = json::serialize(json::Object{
      {"schemaVersion", 2}, {"manifests", json::Array{descriptor(kImageManifest, digest, manifest.size())}}});
  MIFENG_CHECK(write_file_atomic(made / "oci-layout", as_bytes(kOciLayout)));
  MIFENG_CHECK(write_file_atomic(made / "index.json", as_bytes(index)));
  fs::rename(layer.path, blobs / digest_hex(layer.layer.digest), error);
  if (!error && fs::exists(absolute, error)) fs::rename(absolute, work.path() / "before", error);
  if (!error) fs::rename(made, absolute, error);
  if (error) return errno_error(error.value(), "put the image into " + absolute.string());
  return digest;
}

}  // namespace mifeng::package
