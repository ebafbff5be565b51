// What the services of the model library work with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mifeng/models/image_library.h"
#include "mifeng/models/registry.h"
#include "mifeng/os/disk_reserve.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::models {

struct SubmitOptions {
  std::filesystem::path uploads;  // the folder of what is coming
  std::string registry;           // "127.0.0.1:5000"; empty: submits are refused with "no-registry"
  RegistryAccess registry_access;
  std::int64_t package_size_max;
  std::int64_t vendor_quota;  // bytes: what is on its way and what is stored of one vendor
};

struct Context : trust::Context {
  const trust::KeyRing& keys;
  ImageLibrary& images;
  const DiskReserve& reserve;  // of the disk that uploads come to
  SubmitOptions options;
};

}  // namespace mifeng::models
