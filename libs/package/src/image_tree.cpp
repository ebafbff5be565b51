#include "image_tree.h"

#include <algorithm>
#include <optional>

#include "gunzip.h"
#include "layer_store.h"

namespace mifeng::package {
namespace {

constexpr std::size_t kLinksMax = 500'000;
constexpr std::size_t kLinkBytesMax = 64 << 20;
constexpr std::string_view kWhiteout = ".wh.";

Error bad(const std::string& sentence) { return Error(ErrorCode::kVerificationFailed, "bad-package", sentence); }

std::string shown(std::string_view path) { return "\"/" + std::string(path.substr(0, 200)) + "\""; }

// Relative to the root, without empty and "." parts; nothing where there is a "..". The root itself is "".
std::optional<std::string> normal(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

ImageTree::ImageTree(const std::vector<std::string>& mount_paths) : mounts_{"app", "tmp"} {
  for (const std::string& path : mount_paths)
    if (auto mount = normal(path)) mounts_.push_back(std::move(*mount));
}

Result<void> ImageTree::check_place(const std::string& path, bool folder, std::string_view what) const {
  if (path == "mifeng" || is_below(path, "mifeng"))
    return bad(std::string(what) + " " + shown(path) +
               ": /mifeng belongs to the platform. Name the image that the model is to stand on, not a packed model's");
  if (is_below(path, "app"))
    return bad(std::string(what) + " " + shown(path) + ": /app is where the payload is opened, and is empty before");
  if (folder) return ok();
  for (const std::string& mount : mounts_)
    if (path == mount || is_below(mount, path))
      return bad(std::string(what) + " " + shown(path) + ", where only a folder may stand: /" + mount +
                 " is mounted over");
  return ok();
}

// The first part of the path that is a link, or "".
std::string ImageTree::link_before(const std::string& path) const {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (std::string folder = path.substr(0, slash); links_.contains(folder)) return folder;
  return "";
}

Result<void> ImageTree::add(const ForeignEntry& entry) {
  const auto path = normal(entry.path);
  if (!path) return bad("it holds " + shown(entry.path) + ", a path with \"..\"");
  if (const std::string link = link_before(*path); !link.empty())
    return bad("it holds " + shown(*path) + " behind the link " + shown(link));
  const bool folder = entry.type == ForeignEntry::Type::kDirectory;
  if (path->empty()) return folder ? ok() : Result<void>(bad("its root is no folder"));

  const std::size_t slash = path->rfind('/');
  const std::string name = path->substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.starts_with(kWhiteout)) {
    // It takes away what is below; what begins twice so is an engine's own note, ".wh..wh..opq" that a folder is new.
    std::string gone = slash == std::string::npos ? "" : path->substr(0, slash);
    if (!name.starts_with(".wh..wh.")) gone += (gone.empty() ? "" : "/") + name.substr(kWhiteout.size());
    if (gone.empty()) return ok();
    return check_place(gone, false, "it takes away");
  }

  MIFENG_CHECK(check_place(*path, folder, "it holds"));
  bool link = entry.type == ForeignEntry::Type::kSymlink;
  if (entry.type == ForeignEntry::Type::kHardLink) {
    const auto target = normal(entry.link_target);
    if (!target || target->empty() || !link_before(*target).empty())
      return bad("it holds " + shown(*path) + ", another name of what it does not name plainly");
    link = links_.contains(*target);
  }
  if (!link) {
    if (links_.erase(*path) != 0) link_bytes_ -= path->size();
    return ok();
  }
  if (!links_.insert(*path).second) return ok();
  link_bytes_ += path->size();
  if (links_.size() > kLinksMax || link_bytes_ > kLinkBytesMax) return bad("it holds more links than can be followed");
  return ok();
}

std::vector<std::string> mount_paths(const manifest::DeploymentConfig& config) {
  std::vector<std::string> out;
  for (const manifest::VolumeMount& mount : config.volume_mounts) out.push_back(mount.mount_path);
  return out;
}

Result<void> check_plain_layers(const std::vector<LayerFile>& layers, const manifest::DeploymentConfig& config,
                                StopSignal* stop) {
  ImageTree tree(mount_paths(config));
  std::uint64_t packed = 0;
  for (const LayerFile& layer : layers) packed += layer.layer.size;
  std::uint64_t left = unpacked_max(packed);
  for (const LayerFile& layer : layers) {
    ForeignTar entries([&](const ForeignEntry& entry) { return tree.add(entry); });
    Gunzip gunzip(Gunzip::Members::kOne, left);
    auto looked = each_piece(layer.path, [&](ByteView bytes) -> Result<void> {
      MIFENG_CHECK(check(stop));
      return gunzip.feed(bytes, [&](ByteView content) { return entries.feed(content); });
    });
    if (looked) looked = entries.finish();
    if (looked) continue;
    if (const auto reason = looked.error().reason(); reason != "bad-package" && reason != "bad-tar")
      return looked.error();
    return Error(ErrorCode::kInvalidArgument, "bad-package",
                 "the " + std::string(to_string(layer.layer.role)) + " layer " + layer.layer.diff_id + ": " +
                     looked.error().message());
  }
  return ok();
}

}  // namespace mifeng::package
