// What the services of the model library work with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mifeng/models/image_library.h"
#include "mifeng/models/registry.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::models {

struct SubmitOptions {
  std::filesystem::path uploads;  // the folder of what is coming
  std::string registry;           // "127.0.0.1:5000"; empty: submits are refused with "no-registry"
  RegistryAccess registry_access;
  std::int64_t package_size_max;
};

struct Context : trust::Context {
  const trust::KeyRing& keys;
  ImageLibrary& images;
  SubmitOptions options;
};

}  // namespace mifeng::models
