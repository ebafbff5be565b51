// Finished layers in the cache, by the digest of their tar.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mifeng/archive/tar.h"
#include "mifeng/base/stop_signal.h"
#include "mifeng/package/layer.h"

namespace mifeng::package {

// Gives the gzip blob CACHE/layers/<hex of diff_id>.tar.gz, made where it is not there yet of what `write` puts into
// the sink. One gzip member without name and time, so the same tar gives the same blob. kConflict "changed" where the
// bytes are not those of `diff_id`; `what` names their source then.
Result<LayerFile> store_layer(LayerRole role, const std::string& diff_id, const std::filesystem::path& cache,
                              const std::string& what, const std::function<Result<void>(const archive::Sink&)>& write,
                              StopSignal* stop = nullptr);

}  // namespace mifeng::package
