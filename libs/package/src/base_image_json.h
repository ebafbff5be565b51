// The JSON of an image that somebody else made, bounded: what a base image's folder says about itself. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::package {

inline constexpr std::size_t kBaseJsonMax = 1 << 20;  // each of index, manifest and configuration
inline constexpr std::size_t kBaseLayersMax = 48;     // a package has at most 64 layers, ours among them

struct BaseBlob {
  std::string media_type;
  std::string digest;  // "sha256:<hex>"
  std::uint64_t size = 0;
};

struct BaseIndexEntry {
  BaseBlob blob;
  std::string tag;       // org.opencontainers.image.ref.name, or empty
  std::string platform;  // "linux/arm64", or empty
};

struct BaseManifest {
  BaseBlob config;
  std::vector<BaseBlob> layers;
};

struct BaseConfig {
  std::string architecture, os;
  std::vector<std::string> env;
  std::vector<std::string> diff_ids;
};

// OCI's and Docker's media types alike. kInvalidArgument "bad-base" with the field.
Result<std::vector<BaseIndexEntry>> parse_base_index(std::string_view json);
Result<BaseManifest> parse_base_manifest(std::string_view json);
Result<BaseConfig> parse_base_config(std::string_view json);

// Whether a media type is an index or manifest list, and whether a layer of it can be read.
bool is_index_type(std::string_view media_type);
bool is_manifest_type(std::string_view media_type);
enum class BaseCompression { kNone, kGzip, kOther };
BaseCompression compression_of(std::string_view layer_media_type);

}  // namespace mifeng::package
