// What the plain layers of an image may hold: nothing on which a container's mounts lie, and no way around to it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "foreign_tar.h"
#include "mifeng/base/result.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/package/layer.h"

namespace mifeng::package {

// Takes the entries of all plain layers, from the lowest up. A path is followed as engines do that unpack each layer by
// itself, or over those below it: an entry replaces what is not a folder, so a link is one until something else stands
// under its name.
class ImageTree {
 public:
  // `mount_paths`: where the deployment config mounts volumes.
  explicit ImageTree(const std::vector<std::string>& mount_paths);

  // kVerificationFailed "bad-package" with a sentence: an entry at or below /mifeng, below /app; anything but a folder
  // as /app, /tmp, a path of a volume or a folder above one; a whiteout of one of these; an entry behind a link; "..";
  // more than 500,000 links, or names of them longer than 64 MiB together.
  Result<void> add(const ForeignEntry& entry);

 private:
  Result<void> check_place(const std::string& path, bool folder, std::string_view what) const;
  std::string link_before(const std::string& path) const;

  std::vector<std::string> mounts_;  // without a leading '/'
  std::unordered_set<std::string> links_;
  std::size_t link_bytes_ = 0;
};

// All of a package's layers that are not sealed, in their order, before it is written. kInvalidArgument "bad-package".
Result<void> check_plain_layers(const std::vector<LayerFile>& layers, const manifest::DeploymentConfig& config,
                                StopSignal* stop);
std::vector<std::string> mount_paths(const manifest::DeploymentConfig& config);

}  // namespace mifeng::package
