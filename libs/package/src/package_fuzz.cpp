// Any bytes as a package's manifest, and as a whole package: a value or an error, and a manifest that is accepted comes
// back the same from its own text.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "mifeng/package/package_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = package::parse_package_manifest(text)) {
    const std::string again = package::serialize(*manifest);
    const auto second = package::parse_package_manifest(again);
    if (!second || package::serialize(*second) != again) std::abort();
  }
  UniqueFd file(::memfd_create("package", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<::ssize_t>(size)) return 0;
  (void)package::PackageFile::open(std::move(file)).has_value();
  return 0;
}
