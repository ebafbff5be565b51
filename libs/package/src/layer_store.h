// Finished layers in the cache, by the digest of their tar, and what they are made of.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mifeng/archive/tar.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/package/layer.h"

namespace mifeng::package {

// Gives the gzip blob CACHE/layers/<hex of diff_id>.tar.gz, made where it is not there yet of what `write` puts into
// the sink. One gzip member without name and time, so the same tar gives the same blob. kConflict "changed" where the
// bytes are not those of `diff_id`; `what` names their source then.
Result<LayerFile> store_layer(LayerRole role, const std::string& diff_id, const std::filesystem::path& cache,
                              const std::string& what, const std::function<Result<void>(const archive::Sink&)>& write,
                              StopSignal* stop = nullptr);

// Every entry below a folder but what `leave_out` accepts (a path relative to the folder) with all below it, sorted by
// path, as build_layer() stores it.
Result<std::vector<archive::TarEntry>> list_tree(const std::filesystem::path& folder,
                                                 const std::function<bool(const std::string&)>& leave_out);

// A file's bytes in order; a link is not followed.
Result<void> each_piece(const std::filesystem::path& path, const archive::Sink& sink);

}  // namespace mifeng::package
