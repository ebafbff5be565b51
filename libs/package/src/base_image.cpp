#include "base_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base_image_json.h"
#include "gunzip.h"
#include "layer_store.h"
#include "mifeng/base/phrase.h"
#include "mifeng/manifest/pod_template.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/os/file.h"
#include "mifeng/package/sha256.h"
#include "package_parts.h"
#include "tool_run.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOci = "oci:";
constexpr std::string_view kDockerArchive = "docker-archive:";
constexpr std::size_t kPiece = 1 << 18;
const std::string kPlatform = std::string("linux/") + manifest::kArchitecture;
// 1024 zero bytes: the layer of a build step that changed no file.
constexpr const char* kEmptyLayer = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

Error bad_base(const BaseReference& reference, const std::string& sentence) {
  return Error(ErrorCode::kInvalidArgument, "bad-base", "the base image " + reference.text + ": " + sentence);
}

Error no_such_base(const BaseReference& reference, const std::string& sentence) {
  return Error(ErrorCode::kNotFound, "no-such-base", "the base image " + reference.text + ": " + sentence);
}

Result<std::uint64_t> file_size(int fd) {
  struct ::stat facts {};
  if (::fstat(fd, &facts) != 0) return errno_error(errno, "look at a file of the base image");
  if (!S_ISREG(facts.st_mode)) return Error(ErrorCode::kInvalidArgument, "bad-base", "it is no plain file");
  return static_cast<std::uint64_t>(facts.st_size);
}

// The bytes of a file in order, at most `size` of them.
Result<void> each_piece(int fd, std::uint64_t size, const archive::Sink& sink) {
  Bytes buffer(kPiece);
  for (std::uint64_t at = 0; at < size;) {
    MIFENG_TRY(const std::size_t got, pread_some(fd, at, buffer));
    if (got == 0) return Error(ErrorCode::kInvalidArgument, "bad-base", "it is shorter than its manifest says");
    const std::size_t used = static_cast<std::size_t>(std::min<std::uint64_t>(got, size - at));
    MIFENG_CHECK(sink(ByteView(buffer).first(used)));
    at += used;
  }
  return ok();
}

Error too_large() { return Error(ErrorCode::kInvalidArgument, "too-large", "it unpacks to more than 64 GiB"); }

class Folder {
 public:
  Folder(const BaseReference& reference, fs::path folder) : reference_(reference), folder_(std::move(folder)) {}

  Result<std::string> index() const {
    std::error_code error;
    if (!fs::is_directory(folder_, error)) return no_such_base(reference_, "there is no folder " + folder_.string());
    const auto layout = read_text_file(folder_ / "oci-layout", 4096);
    const auto text = read_text_file(folder_ / "index.json", kBaseJsonMax);
    if (!layout || !text)
      return bad_base(reference_, folder_.string() + " is no OCI image folder: it has no " +
                                      (layout ? "index.json" : "oci-layout") +
                                      "; skopeo copy docker://… oci:FOLDER:TAG makes one");
    return *text;
  }

  // A small blob, its digest checked.
  Result<std::string> text(const BaseBlob& blob) const {
    if (blob.size > kBaseJsonMax) return bad_base(reference_, blob.digest + " is larger than 1 MiB");
    const auto text = read_text_file(path(blob), kBaseJsonMax);
    if (!text) return bad_base(reference_, "the blob " + blob.digest + " is missing, or cannot be read");
    if (text->size() != blob.size || sha256_digest(as_bytes(*text)) != blob.digest)
      return bad_base(reference_, "the blob " + blob.digest + " has other content than its digest says");
    return *text;
  }

  fs::path path(const BaseBlob& blob) const { return folder_ / "blobs/sha256" / digest_hex(blob.digest); }

 private:
  const BaseReference& reference_;
  fs::path folder_;
};

std::string known_tags(const std::vector<BaseIndexEntry>& entries) {
  std::string out;
  for (const BaseIndexEntry& entry : entries)
    out += (out.empty() ? "" : ", ") +
           (entry.tag.empty() ? (entry.platform.empty() ? entry.blob.digest : entry.platform) : entry.tag);
  return out;
}

// From the folder's index, through lists of platforms, to the one manifest that is meant.
Result<BaseManifest> find_manifest(const BaseReference& reference, const Folder& folder) {
  MIFENG_TRY(std::string text, folder.index());
  bool by_tag = !reference.tag.empty();
  for (int depth = 0; depth < 4; ++depth) {
    auto entries = parse_base_index(text);
    if (!entries) return bad_base(reference, entries.error().message());
    std::vector<BaseIndexEntry> fitting;
    for (const BaseIndexEntry& entry : *entries) {
      const bool tagged = !by_tag || entry.tag == reference.tag || entry.tag.ends_with(":" + reference.tag);
      if (tagged && (entry.platform.empty() || entry.platform == kPlatform)) fitting.push_back(entry);
    }
    if (fitting.empty())
      return bad_base(reference, by_tag ? "it has no image " + reference.tag + " for " + kPlatform +
                                              "; there are: " + known_tags(*entries)
                                        : "it has no image for " + kPlatform + "; there are: " + known_tags(*entries));
    if (fitting.size() > 1)
      return bad_base(reference, "it has several images; name one, as in oci:" + reference.path.string() + ":" +
                                     (fitting[0].tag.empty() ? "TAG" : fitting[0].tag) +
                                     "; there are: " + known_tags(fitting));
    by_tag = false;
    const BaseBlob& blob = fitting[0].blob;
    MIFENG_TRY(text, folder.text(blob));
    if (is_index_type(blob.media_type)) continue;
    if (!is_manifest_type(blob.media_type))
      return bad_base(reference, "it is no image, but of the type " + blob.media_type);
    auto manifest = parse_base_manifest(text);
    if (!manifest) return bad_base(reference, manifest.error().message());
    return manifest;
  }
  return bad_base(reference, "its index leads from list to list");
}

Result<LayerFile> read_layer(const BaseReference& reference, const Folder& folder, const BaseBlob& blob,
                             const std::string& diff_id, const fs::path& cache, std::uint64_t& left,
                             const std::function<void(std::uint64_t)>& progress, StopSignal* stop) {
  const BaseCompression compression = compression_of(blob.media_type);
  if (compression == BaseCompression::kOther)
    return bad_base(reference,
                    "the layer " + blob.digest + " is of the type " + blob.media_type +
                        ", and plain or gzip is needed; skopeo copy --dest-compress-format gzip … converts it");
  const UniqueFd fd(::open(folder.path(blob).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return bad_base(reference, "the layer " + blob.digest + " is missing");
  MIFENG_TRY(const std::uint64_t size, file_size(fd.get()));
  DigestHasher digest;
  if (size == blob.size)
    MIFENG_CHECK(each_piece(fd.get(), size, [&](ByteView bytes) {
      digest.update(bytes);
      progress(bytes.size());
      return check(stop);
    }));
  if (size != blob.size || digest.digest() != blob.digest)
    return bad_base(reference, "the layer " + blob.digest + " has other content than its digest says");
  const auto write = [&](const archive::Sink& sink) -> Result<void> {
    if (compression == BaseCompression::kNone) {
      if (size > left) return too_large();
      left -= size;
      return each_piece(fd.get(), size, sink);
    }
    Gunzip gunzip(Gunzip::Members::kAny, left);
    MIFENG_CHECK(each_piece(fd.get(), size, [&](ByteView bytes) { return gunzip.feed(bytes, sink); }));
    if (!gunzip.ended()) return Error(ErrorCode::kInvalidArgument, "bad-gzip", "its gzip is cut off");
    return ok();
  };
  auto stored = store_layer(LayerRole::kBase, diff_id, cache, "the layer", write, stop);
  if (stored) return stored;
  if (stored.error().reason() == "changed")
    return bad_base(reference, "the layer " + blob.digest + " unpacks to something else than its diff id says");
  if (const auto reason = stored.error().reason();
      reason == "bad-base" || reason == "bad-gzip" || reason == "too-large")
    return bad_base(reference, "the layer " + blob.digest + ": " + std::string(stored.error().message()));
  return stored;
}

Result<fs::path> convert_archive(const BaseReference& reference, const fs::path& work, PackListener& listener,
                                 StopSignal* stop) {
  std::error_code error;
  if (!fs::is_regular_file(reference.path, error))
    return no_such_base(reference, "there is no file " + reference.path.string());
  const fs::path folder = work / "base-image";
  // Left uncompressed: we compress ourselves, so that the same archive gives the same layers with any skopeo.
  ToolRun run{{"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers",
               std::string(kDockerArchive) + reference.path.string(), std::string(kOci) + folder.string() + ":base"},
              "",
              work / "base-image.log",
              work,
              stop};
  if (const auto converted = run_tool(run, listener); !converted) {
    if (converted.error().code() == ErrorCode::kNotFound)
      return Error(ErrorCode::kNotFound, "no-skopeo",
                   "reading a Docker archive needs skopeo: apt-get install skopeo, or name an OCI folder");
    if (converted.error().code() == ErrorCode::kCancelled) return converted.error();
    return bad_base(reference, "skopeo cannot read it: " + std::string(converted.error().message()));
  }
  return folder;
}

}  // namespace

Result<BaseReference> parse_base_reference(std::string_view text, const fs::path& folder) {
  if (const auto complaint = manifest::check_base_image(text))
    return Error(ErrorCode::kInvalidArgument, "bad-base", "base: \"" + std::string(text) + "\" " + *complaint);
  BaseReference reference;
  reference.text = text;
  std::string_view rest = text;
  if (text.starts_with(kOci)) {
    rest.remove_prefix(kOci.size());
    const std::size_t colon = rest.rfind(':');
    if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
      reference.tag = rest.substr(colon + 1);
      rest = rest.substr(0, colon);
    }
  } else {
    reference.kind = BaseReference::Kind::kDockerArchive;
    rest.remove_prefix(kDockerArchive.size());
  }
  reference.path = (folder / fs::path(rest)).lexically_normal();
  return reference;
}

Result<std::string> base_image_digest(const BaseReference& reference, StopSignal* stop) {
  if (reference.kind == BaseReference::Kind::kOciFolder) {
    // Everything else in the folder is named by its digest.
    MIFENG_TRY(const std::string index, Folder(reference, reference.path).index());
    return sha256_digest(as_bytes(reference.tag + "\n" + index));
  }
  const UniqueFd fd(::open(reference.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return no_such_base(reference, "there is no file " + reference.path.string());
  MIFENG_TRY(const std::uint64_t size, file_size(fd.get()));
  DigestHasher digest;
  MIFENG_CHECK(each_piece(fd.get(), size, [&](ByteView bytes) {
    digest.update(bytes);
    return check(stop);
  }));
  return digest.digest();
}

Result<BaseImage> read_base_image(const BaseReference& reference, const fs::path& cache, const fs::path& work,
                                  PackListener& listener, StopSignal* stop) {
  fs::path path = reference.path;
  if (reference.kind == BaseReference::Kind::kDockerArchive) {
    MIFENG_TRY(path, convert_archive(reference, work, listener, stop));
  }
  const Folder folder(reference, path);
  MIFENG_TRY(const BaseManifest manifest, find_manifest(reference, folder));
  MIFENG_TRY(const std::string config_text, folder.text(manifest.config));
  const auto config = parse_base_config(config_text);
  if (!config) return bad_base(reference, config.error().message());
  if (config->os + "/" + config->architecture != kPlatform)
    return bad_base(reference,
                    "it is for " + config->os + "/" + config->architecture + ", and " + kPlatform + " is needed");
  if (config->diff_ids.size() != manifest.layers.size())
    return bad_base(reference, "its manifest has " + std::to_string(manifest.layers.size()) +
                                   " layers, and its configuration " + std::to_string(config->diff_ids.size()));
  BaseImage image;
  std::uint64_t total = 0, done = 0, left = kUnpackedMax;  // of all layers together
  for (const BaseBlob& blob : manifest.layers) total += blob.size;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    if (config->diff_ids[i] == kEmptyLayer) continue;
    MIFENG_TRY(LayerFile layer, read_layer(
                                    reference, folder, manifest.layers[i], config->diff_ids[i], cache, left,
                                    [&](std::uint64_t bytes) {
                                      done += bytes;
                                      listener.progress(phrase("reading the base image"), done, total);
                                    },
                                    stop));
    const bool twice = std::any_of(image.layers.begin(), image.layers.end(),
                                   [&](const LayerFile& other) { return other.layer.diff_id == layer.layer.diff_id; });
    if (twice) return bad_base(reference, "it has the layer " + layer.layer.diff_id + " twice; squash it");
    image.layers.push_back(std::move(layer));
  }
  if (image.layers.empty()) return bad_base(reference, "it holds no file");
  for (const std::string& variable : config->env) {
    // What would change which code the guard runs, or is the platform's, stays behind.
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (equals == std::string::npos || manifest::check_image_env_name(name) ||
        variable.find('\0') != std::string::npos) {
      listener.note(phrase("the base image's variable {} is left out", name.substr(0, 100)));
      continue;
    }
    image.env.push_back(variable);
  }
  return image;
}

}  // namespace mifeng::package
